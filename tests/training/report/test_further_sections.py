"""Horizons, themes, labels and silent feeds on the page: every number is there, and the words follow from it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from tests.training.report.further_sections import further_sections
from tests.training.report.reading import read
from training.report.figures import Figure, Paragraph, Table
from training.report.run_page import render_report
from training.report.sections import labels, outlook, silence

BARE = {
    "verdict": {"verdict": "better", "is_better": True, "sentence": "BETTER", "best_baseline": "points card"},
    "method": {"small_cell": 20},
}


@pytest.fixture
def doc() -> dict[str, Any]:
    return {**copy.deepcopy(BARE), **further_sections()}


def numbers_in(found: Any) -> Iterator[float]:
    if isinstance(found, dict):
        for one in found.values():
            yield from numbers_in(one)
    elif isinstance(found, list):
        for one in found:
            yield from numbers_in(one)
    elif isinstance(found, int | float) and not isinstance(found, bool):
        yield float(found)


def said_by(parts: list[Paragraph | Table | Figure]) -> str:
    return " ".join("".join(map(str, one.parts)) for one in parts if isinstance(one, Paragraph))


@pytest.mark.parametrize("section", ["horizons", "themes", "label_quality", "silent_feeds"])
def test_no_number_of_a_section_is_dropped(doc: dict[str, Any], section: str) -> None:
    page = render_report({**BARE, section: doc[section]})
    shown = {value for value, _ in read(page).numbers}
    left = {one for one in numbers_in(doc[section]) if one not in shown}
    # The number of months is in the names of the rows.
    assert left <= {3.0, 12.0}


def test_what_was_foretold_beyond_the_interval_is_said(doc: dict[str, Any]) -> None:
    said = said_by(outlook.horizons(doc))
    assert "More were foretold than the interval of what came allows: 12 months, 2025-10-31." in said
    doc["horizons"]["tests"][0]["horizons"][1]["figures"]["predicted"] = 1.5
    assert "Fewer were foretold than the interval of what came allows: 12 months" in said_by(
        outlook.horizons(doc)
    )
    doc["horizons"]["tests"][0]["horizons"][1]["figures"]["predicted"] = 12.5
    assert "Every foretold number lies inside" in said_by(outlook.horizons(doc))


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [(0.01, 0.02, "helped"), (-0.01, 0.02, "cannot be told"), (-0.02, -0.01, "harmed")],
)
def test_a_gain_is_judged_by_its_interval(doc: dict[str, Any], low: float, high: float, word: str) -> None:
    doc["horizons"]["tests"][0]["against_shares"]["gain"] = {
        "value": (low + high) / 2,
        "low": low,
        "high": high,
    }
    charts = [one for one in outlook.horizons(doc) if isinstance(one, Figure)]
    assert any(row[0] == f"2025-10-31: {word}" for chart in charts for row in chart.table.rows)


def test_a_theme_named_no_better_than_the_commonest_is_a_warning(doc: dict[str, Any]) -> None:
    def hit() -> Paragraph:
        (found,) = (
            one
            for one in outlook.themes(doc)
            if isinstance(one, Paragraph) and "foretold first was" in str(one.parts[0])
        )
        return found

    assert hit().tone == "warning"
    doc["themes"]["tests"][0]["hit_share_of_commonest"] = {"value": 0.625}
    assert hit().tone == "plain"


def test_a_season_that_is_not_clear_is_said(doc: dict[str, Any]) -> None:
    assert "which is clear" in said_by(outlook.horizons(doc))
    doc["horizons"]["season"] = {"identified": 236, "months": 9, "gain": 0.0}
    assert "No season is assumed." in said_by(outlook.horizons(doc))


def test_features_that_were_not_kept_are_said(doc: dict[str, Any]) -> None:
    assert "The features are kept." in said_by(outlook.horizons(doc))
    assert "did not earn their place" in said_by(outlook.themes(doc))


def test_too_few_to_learn_from_is_said(doc: dict[str, Any]) -> None:
    doc["horizons"]["learned"] = {"rows": 31, "households": 12, "is_kept": False}
    said = said_by(outlook.horizons(doc))
    assert (
        "the training dates have 31 rows with an identification, of 12 households, which is too few" in said
    )


def test_few_found_by_lot_are_a_warning(doc: dict[str, Any]) -> None:
    assert "a single household moves the numbers" in said_by(labels.label_quality(doc))
    doc["label_quality"]["tests"][0]["at_random"]["figures"] = {"n": 900, "positives": 25}
    assert "a single household moves the numbers" not in said_by(labels.label_quality(doc))


def test_without_visits_or_signs_the_page_says_so(doc: dict[str, Any]) -> None:
    test = doc["label_quality"]["tests"][0]
    for key in ("missed", "at_random", "channels"):
        test.pop(key)
    test["delay_since_onset"] = {"identified": 99, "known": 0}
    parts = labels.label_quality(doc)
    assert "delay cannot be told" in said_by(parts)
    assert not [one for one in parts if "drawn by lot" in getattr(one, "title", "")]


def test_feeds_and_features_have_their_names(doc: dict[str, Any]) -> None:
    (chart,) = (one for one in silence.silent_feeds(doc) if isinstance(one, Figure))
    assert [row[0] for row in chart.table.rows] == ["none silent", "medical claims"]
    assert "lose their level when one of these feeds is silent: medical claims." in said_by(
        silence.silent_feeds(doc)
    )
    doc["silent_feeds"][1]["is_level"] = True
    assert "With any one feed silent the scores keep their level" in said_by(silence.silent_feeds(doc))
    tables = [one for one in outlook.horizons(doc) if isinstance(one, Table)]
    assert tables[-1].rows == (
        ("the score itself, as log-odds", "log_odds"),
        ("self-paid medical cost, last 3 months", "illness_self_paid_yuan_3m"),
    )


def test_the_chinese_summary_tells_of_all_of_them(doc: dict[str, Any]) -> None:
    words = "".join(read(render_report(doc)).words)
    for text in ("个月内预测", "排在首位的风险类别", "从困难开始到认定的中位天数", "有困难而漏认定"):
        assert text in words


def test_an_unknown_key_of_a_section_is_still_shown(doc: dict[str, Any]) -> None:
    doc["horizons"]["something_new"] = {"count": 12_345}
    doc["label_quality"]["something_new"] = {"count": 54_321}
    shown = {value for value, _ in read(render_report(doc)).numbers}
    assert {12_345.0, 54_321.0} <= shown
