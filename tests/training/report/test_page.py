"""Pages and charts: whole, self-contained, escaped, and every number with the table that it comes from."""

from __future__ import annotations

import itertools
import math
import re
from pathlib import Path
from typing import Any

import pytest

from tests.serving.test_browser import CHROMIUM, FLAGS
from tests.training.report.charts_shown import HOSTILE, every_chart
from tests.training.report.reading import read
from training.report.charts import Bar, Line, Point, bars, heat, lines
from training.report.drawing import Drawing, Scale, shortened, spread
from training.report.figures import Figure, Number, Table, paragraph, with_interval
from training.report.page import Page, Section, render_page


def numbers_of(table: Table) -> list[Number]:
    cells = [
        part for row in table.rows for cell in row for part in (cell if isinstance(cell, tuple) else (cell,))
    ]
    return [one for one in cells if isinstance(one, Number)]


@pytest.fixture(scope="module")
def page() -> str:
    sections = tuple(
        Section(key, figure.title, (paragraph("Text ", Number(0.5, "share"), " ", HOSTILE), figure), "图")
        for key, figure in every_chart().items()
    )
    verdict = ("NOT BETTER: ", Number(0.5), " ", HOSTILE)
    return render_page(Page(f"Run {HOSTILE}", verdict, "bad", sections, (paragraph("本次运行", HOSTILE),)))


def test_a_page_is_whole_and_fetches_nothing(page: str) -> None:
    found = read(page)
    assert (found.open, found.mismatched, found.handlers) == ([], [], [])
    assert not {"script", "link", "img", "iframe", "object", "base", "image", "use"} & set(found.tags)
    assert all(one.startswith("#") for one in found.addresses)
    assert len(found.ids) == len(set(found.ids))
    assert {one[1:] for one in found.addresses} <= set(found.ids)
    assert re.search(r"url\(|@import|https?:", page) is None
    assert len(page.encode()) < 100_000


def test_the_verdict_comes_first(page: str) -> None:
    words = read(page).words
    # The title of the window, then the body's first text.
    assert words[1].startswith("NOT BETTER")


def test_hostile_names_are_only_text(page: str) -> None:
    assert "<script>alert" not in page
    assert any(HOSTILE in one for one in read(page).words)


def test_every_chart_has_a_name_a_description_and_its_table(page: str) -> None:
    found = read(page)
    charts = len(every_chart())
    assert found.tags.count("svg") == found.tags.count("figure") == found.tags.count("details") == charts
    assert found.tags.count("desc") == found.tags.count("table") == found.tags.count("caption") == charts
    assert page.count('role="img"') == charts


@pytest.mark.parametrize("figure", every_chart().values(), ids=every_chart())
def test_what_a_chart_writes_stands_in_its_table(figure: Figure) -> None:
    shown = {(value, text) for value, text in read(str(figure.svg)).numbers}
    assert shown <= {(one.value, str(one)) for one in numbers_of(figure.table)}


def test_numbers_are_written_in_their_form() -> None:
    written = {form: str(Number(1234.5678, form)) for form in ("count", "three", "four", "times")}
    assert written == {"count": "1,235", "three": "1234.568", "four": "1234.5678", "times": "1234.57×"}
    assert [str(Number(0.01234, form)) for form in ("share", "rate", "signed")] == ["1.2%", "1.23%", "+0.012"]
    assert str(Number(math.nan)) == str(Number(math.inf, "share")) == "–"


def test_an_interval_without_bounds_is_the_value_alone() -> None:
    assert with_interval(0.5, None, 0.6) == Number(0.5)
    assert with_interval(None, 0.1, 0.2) == "–"
    assert "".join(map(str, with_interval(0.5, 0.4, 0.6, "two"))) == "0.50 [0.40, 0.60]"  # type: ignore[arg-type]


def test_a_row_with_other_cells_than_columns_is_refused() -> None:
    with pytest.raises(ValueError, match="row 1"):
        Table("uneven", ("a", "b"), (("x", "y"), ("z",)))


@pytest.mark.parametrize(
    ("low", "high"), [(0.0, 1.0), (-0.3, 0.2), (0.0, 0.0071), (12.0, 98_765.0), (5.0, 5.0)]
)
def test_ticks_are_round_and_inside(low: float, high: float) -> None:
    ticks = Scale(low, high, 0, 100).ticks()
    assert 1 <= len(ticks) <= 8
    assert all(low - 1e-9 <= one <= high + 1e-9 for one in ticks)
    gaps = {round(b - a, 9) for a, b in itertools.pairwise(ticks)}
    assert len(gaps) <= 1


def test_a_scale_keeps_what_is_outside_at_its_edge() -> None:
    scale = Scale(0, 10, 100, 200)
    assert (scale(-5), scale(5), scale(50)) == (100, 150, 200)
    assert spread([], start=0, end=1).low < spread([], start=0, end=1).high
    assert spread([3.0, 3.0], start=0, end=1)(3.0) == pytest.approx(0.5)


def test_charts_of_nothing_are_still_charts() -> None:
    assert "<svg" in bars("none", "", [], axis="x").svg
    assert "<svg" in lines("none", "", [], x_title="x", y_title="y").svg
    assert "<svg" in heat("none", "", [], [], []).svg
    assert "<svg" in heat("no number", "", ["a"], ["b"], [[math.nan]]).svg


def test_one_bar_reaches_from_nought_to_its_value() -> None:
    drawn = str(bars("one", "", [Bar("a", 0.5), Bar("b", 0.25), Bar("c", -0.1)], axis="x").svg)
    widths = [float(one) for one in re.findall(r'<rect x="[\d.]+" y="[\d.]+" width="([\d.]+)"', drawn)]
    assert widths[0] == pytest.approx(2 * widths[1], abs=0.2)
    assert widths[0] == pytest.approx(5 * widths[2], abs=0.4)


def test_higher_points_are_drawn_higher() -> None:
    drawn = str(lines("up", "", [Line("a", (Point(0, 1.0), Point(1, 2.0)))], x_title="x", y_title="y").svg)
    first, second = re.findall(r'<polyline[^>]* points="([^"]+)"', drawn)[0].split()
    assert float(second.split(",")[1]) < float(first.split(",")[1])
    assert float(second.split(",")[0]) > float(first.split(",")[0])


def test_a_picture_refuses_a_place_that_is_none() -> None:
    with pytest.raises(ValueError, match="finite"):
        Drawing(10, "", "").line(math.nan, 0, 1, 1, "axis")


def test_long_names_are_cut_with_a_sign() -> None:
    assert shortened("因病因残因灾因学", 60).endswith("…")
    assert shortened("short", 60) == "short"


@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1100, "dark")])
def test_a_browser_shows_it_without_scrolling_sideways(
    page: str, tmp_path: Path, width: int, scheme: Any
) -> None:
    if not CHROMIUM.is_file():
        pytest.skip(f"there is no browser at {CHROMIUM}: apt install chromium fonts-noto-cjk")
    from playwright.sync_api import sync_playwright

    (tmp_path / "report.html").write_text(page, encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        shown = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme).new_page()
        said: list[str] = []
        asked: list[str] = []
        shown.on("console", lambda message: said.append(message.text))
        shown.on("pageerror", lambda error: said.append(str(error)))
        shown.on("request", lambda request: asked.append(request.url))
        shown.goto((tmp_path / "report.html").as_uri())
        assert shown.evaluate("document.documentElement.scrollWidth") <= width
        assert shown.locator("svg.chart").count() == len(every_chart())
        browser.close()
    assert said == []
    assert [one for one in asked if not one.startswith("file:")] == []


@pytest.mark.browser
def test_a_telephone_shows_numbers_in_one_line_and_charts_that_can_be_read(tmp_path: Path) -> None:
    if not CHROMIUM.is_file():
        pytest.skip(f"there is no browser at {CHROMIUM}: apt install chromium fonts-noto-cjk")
    from playwright.sync_api import sync_playwright

    interval = with_interval(0.82, 0.79, 0.85)
    columns = ("", *(f"precision at capacity of a long name {at}" for at in range(8)))
    wide = Table("wide", columns, tuple((f"row {at}", *[interval] * 8) for at in range(3)))
    sections = (Section("wide", "wide", (wide, every_chart()["bars"])),)
    (tmp_path / "report.html").write_text(
        render_page(Page("Run", ("verdict",), "good", sections)), encoding="utf-8"
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        shown = browser.new_context(viewport={"width": 360, "height": 800}).new_page()
        shown.goto((tmp_path / "report.html").as_uri())
        heights = "all => all.map(one => one.getBoundingClientRect().height)"
        cells = shown.locator("#wide > .scroll tbody td").evaluate_all(heights)
        heads = shown.locator("#wide > .scroll thead th").evaluate_all(heights)
        texts = shown.locator("svg.chart text").evaluate_all(heights)
        assert shown.evaluate("document.documentElement.scrollWidth") <= 360
        browser.close()
    # A line is about 23 px; a head is broken between words only, never between letters.
    assert max(cells) < 40
    assert max(heads) < 250
    assert min(texts) > 11
