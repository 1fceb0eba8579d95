"""The list of an area's cases in a real browser: what the board counts is found, filtered, paged and nobody else's."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import Row, select

from serving.console.texts import texts
from serving.storage.case_tables import case_file
from tests.serving.clicks import follow
from tests.serving.console.desk import DESK, PHONE, Desk, axe
from tests.serving.console.office import HERE, TOWN, Office
from tests.serving.test_browser import _LOW_CONTRAST, _SMALL_TARGETS, _SMALL_TEXT

pytestmark = pytest.mark.browser

ZH = texts("zh")
COUNTY = "500999"
CLOSED = {"resolved", "excluded", "joined"}
# A deadline stands beside the key of its household, and over nothing.
_COVERED = """
[...document.querySelectorAll('.cards .due')].filter(due => {
  const box = due.getBoundingClientRect();
  return [...due.closest('a').querySelectorAll('.who > *')].some(each => {
    const range = document.createRange();
    range.selectNodeContents(each);
    return [...range.getClientRects()].some(
      one => one.right > box.left && one.left < box.right && one.top < box.bottom - 4 && one.bottom > box.top + 4
    );
  });
}).map(due => due.closest('a').innerText)
"""


def rows(office: Office, area: str = COUNTY) -> list[Row[Any]]:
    with office.app.state.store.engine.connect() as connection:
        found = connection.execute(select(case_file)).all()
    return [one for one in found if one.village_code.startswith(area)]


def is_late(one: Row[Any], office: Office) -> bool:
    return one.due_on is not None and one.due_on < office.today


def walk(page: Any, path: str) -> list[str]:
    """The households of every page, in order."""
    found: list[str] = []
    assert page.goto(path).status == 200
    while True:
        found += [one.inner_text() for one in page.locator("ol.cards .key").all()]
        onward = page.locator("nav.pages a[rel=next]")
        if not onward.count():
            return found
        follow(page, onward)


def count_of(page: Any) -> int:
    return int(re.sub(r"\D", "", page.locator("p.count").inner_text().splitlines()[0].split("件")[0]))


def test_every_count_of_the_board_leads_to_as_many_cases(desk: Desk, office: Office) -> None:
    page, listed = desk.page("county", viewport=DESK), desk.page("county", viewport=DESK)
    for area in (COUNTY, TOWN, HERE):
        page.goto(f"/areas/{area}")
        links = page.locator("main a[href^='/cases?']").all()
        assert len(links) > 8
        for one in links:
            listed.goto(one.get_attribute("href"))
            assert count_of(listed) == int(one.inner_text().replace(",", "")), one.get_attribute("href")
    # Each stage that has any, who is told of what is late, the two tiles, and the parts.
    page.goto(f"/areas/{COUNTY}")
    asked = [
        parse_qs(urlsplit(one.get_attribute("href")).query)
        for one in page.locator("main a[href^='/cases?']").all()
    ]
    # What went on in another case is counted there, and the page says so.
    there = {one.state for one in rows(office)}
    assert {one["state"][0] for one in asked if "state" in one} == there - {"joined"} != there
    assert ZH["board_joined"] in page.inner_text("main")
    assert {one["due"][0] for one in asked if "due" in one} == {"overdue", "untold"}
    page.context.close()
    listed.context.close()


def test_pages_follow_one_another_and_hold_each_case_once(desk: Desk, office: Office) -> None:
    page = desk.page("county", viewport=DESK, java_script_enabled=False)
    ours = rows(office)
    for query, wanted in {
        "": [one for one in ours if one.state not in CLOSED],
        "?state=excluded": [one for one in ours if one.state == "excluded"],
        "?state=joined": [one for one in ours if one.state == "joined"],
        "?due=overdue": [one for one in ours if one.state not in CLOSED and is_late(one, office)],
        "?due=untold": [one for one in ours if one.state in CLOSED and is_late(one, office)],
        f"?area={TOWN}&grade=2&theme=illness": [
            one for one in ours
            if one.state not in CLOSED and one.village_code.startswith(TOWN) and (one.grade, one.theme) == (2, "illness")
        ],
    }.items():  # fmt: skip
        found = walk(page, f"/cases{query}")
        order = sorted(
            wanted, key=lambda one: (one.due_on is None, one.due_on or office.today, one.grade, one.id)
        )
        assert found == [one.household_id for one in order], query
        assert count_of(page) == len(wanted) > 0, query
    page.context.close()


def test_an_official_goes_down_by_area_and_opens_a_household(desk: Desk) -> None:
    page = desk.page("county", viewport=PHONE)
    page.goto(f"/areas/{COUNTY}")
    page.goto("/cases?state=found&lang=zh")
    before = count_of(page)
    page.select_option("select[name=area]", TOWN)
    follow(page, "main form button")
    assert page.locator("select[name=state]").input_value() == "found"
    assert 0 < count_of(page) <= before
    page.select_option("select[name=area]", HERE)
    follow(page, "main form button")
    here = count_of(page)
    assert parse_qs(urlsplit(page.url).query)["area"] == [HERE]
    follow(page, page.locator("nav.back a").first)
    assert count_of(page) == before >= here
    first = page.locator("ol.cards a").first
    place = first.locator(".who .quiet").first.inner_text().split(" · ")[0]
    follow(page, first)
    page.wait_for_url("**/households/*")
    assert page.locator("#case").count() == 1
    # The village has the same name there, beside its code.
    assert re.search(rf"500999\d{{6}} · {place}\n", page.inner_text("main"))
    assert place.endswith("村")
    page.context.close()


def test_a_state_and_a_deadline_that_cannot_be_together_are_made_to_fit(desk: Desk) -> None:
    page = desk.page("county", viewport=DESK)
    for asked, chosen in {
        "state=excluded&due=overdue": ("excluded", ZH["cases_untold"]),
        "state=found&due=untold": ("found", ZH["list_overdue"]),
    }.items():  # fmt: skip
        page.goto(f"/cases?{asked}")
        assert page.locator("select[name=state]").input_value() == chosen[0]
        assert page.locator("nav.filters a[aria-current]").inner_text() == chosen[1]
    page.context.close()


@pytest.mark.parametrize(
    "query",
    [
        "state=solved&due=never&told=me&grade=99&theme=x", "after=x", "after=WyIiLDEsIngiXQ", "after=" + "A" * 5_000,
        "state=<script>", "state=found&state=excluded", "due=%F0%9F%92%A9", "grade=-1&after=%0A",
    ],
)  # fmt: skip
def test_hostile_filters_are_not_asked_for(desk: Desk, query: str) -> None:
    page = desk.page("county", viewport=DESK)
    answer = page.goto(f"/cases?{query}")
    assert answer.status == 200
    assert "script>" not in page.inner_html("main")
    page.context.close()


def test_nobody_sees_cases_of_another_area(desk: Desk, office: Office) -> None:
    theirs = {one.household_id for one in rows(office, "500998")}
    assert theirs
    for who, area in (("county", COUNTY), ("township", TOWN), ("village", HERE)):
        page = desk.page(who, viewport=DESK)
        said = set()
        for elsewhere in (
            "500998",
            "500998100201",
            "51",
            "5009",
            "000000000000",
            "5",
            "x",
            "'",
            "500998%0A",
            "*",
        ):
            answer = page.goto(f"/cases?area={elsewhere}")
            assert answer.status == 404, (who, elsewhere)
            said.add(page.inner_text("main"))
        # One area elsewhere looks as one that is nowhere.
        assert len(said) == 1
        assert not theirs & set(walk(page, "/cases"))
        assert {one.village_code[: len(area)] for one in rows(office, area)} == {area}
        assert page.goto("/cases").status == 200
        page.context.close()
    for who in ("auditor", "admin", "monitor"):
        page = desk.page(who, viewport=DESK)
        assert page.goto("/cases").status == 403
        assert page.locator("header a[href='/cases']").count() == 0
        page.context.close()


def test_a_read_of_the_list_is_in_the_log(desk: Desk, office: Office) -> None:
    page = desk.page("village")
    reader = office.app.state.desk.accounts.find("village")
    log = office.app.state.store.audit
    before = len(log.search(key_id=reader.id, limit=10_000))
    page.goto(f"/cases?area={HERE}&state=excluded")
    shown = [one.inner_text() for one in page.locator("ol.cards .key").all()]
    assert shown
    added = log.search(key_id=reader.id, limit=10_000)[
        : len(log.search(key_id=reader.id, limit=10_000)) - before
    ]
    assert [one.action for one in added] == ["household_listed"] * len(shown)
    assert {one.subject for one in added} == {log.household(one) for one in shown}
    page.context.close()


def test_what_a_province_is_not_told_leads_nowhere(desk: Desk) -> None:
    page = desk.page("province", viewport=DESK)
    for area in ("50", COUNTY, "500999101"):
        page.goto(f"/areas/{area}")
        assert ZH["board_kept_back"] in page.inner_text("main")
        for one in page.locator("main a[href^='/cases?']").all():
            assert one.inner_text() != ZH["kept_back"]
            asked = parse_qs(urlsplit(one.get_attribute("href")).query)
            if one.inner_text() != ZH["cases_title"]:
                assert int(one.inner_text().replace(",", "")) >= 5, asked
    page.context.close()


@pytest.mark.parametrize(
    ("viewport", "scheme", "language"), [(PHONE, "dark", "en"), (DESK, "light", "zh"), (PHONE, "light", "zh")]
)
def test_the_list_fits_and_can_be_read(
    desk: Desk, viewport: dict[str, int], scheme: str, language: str
) -> None:
    page, check = desk.page("county", viewport=viewport, color_scheme=scheme), axe()
    for path in (
        "/cases",
        "/cases?state=excluded&due=untold",
        "/cases?told=owner",
        "/cases?area=500999100&theme=other&grade=1",
    ):
        mark = "&" if "?" in path else "?"
        page.goto(path + (f"{mark}lang=en" if language == "en" else ""))
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"], path
        for fault in (_SMALL_TEXT, _SMALL_TARGETS, _LOW_CONTRAST):
            assert page.evaluate(fault) == [], path
        assert check(page) == [], path
        if viewport is DESK:
            # Every place of a manager stands in one line.
            assert page.locator("header.top").bounding_box()["height"] < 60
        assert page.evaluate(_COVERED) == [], path
    page.context.close()
