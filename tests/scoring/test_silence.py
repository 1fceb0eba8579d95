"""Silence: what is not known any more is never told as less risk, and what stood, stands on."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from features import FEATURES
from scoring.changes import make_changes
from scoring.silence import find_standing, newly_silent, stand_on
from scoring.texts import LANGUAGES, catalogue

BILL: dict[str, Any] = {
    "code": "medical_self_paid", "cause": "01", "feature": "illness_self_paid_yuan_12m", "value": 62_000.0,
    "level": 20_000.0, "is_assumption": True,
}  # fmt: skip
HOUSE: dict[str, Any] = {
    "code": "unsafe_house", "cause": "99", "feature": "housing_is_unsafe", "value": 1.0, "level": 1.0,
    "is_assumption": False,
}  # fmt: skip


def said(day: str, grade: str = "low", hits: tuple[Any, ...] = (), **more: Any) -> dict[str, Any]:
    return {
        "as_of_date": day, "model_version": "m", "score": {"high": 0.5, "medium": 0.2, "low": 0.01}[grade],
        "log_odds": 0.0, "grade": grade, "suggested_action": "visit" if hits else "watch",
        "rule_hits": list(hits), "families": [], "missing_feeds": [], "stale_feeds": [], "partial_feeds": [],
        **more,
    }  # fmt: skip


STATES = ("fresh", "partial", "stale", "missing")


@pytest.mark.parametrize(("before", "after"), list(itertools.product(STATES, STATES)))
def test_a_feed_is_newly_silent_where_less_of_it_is_known(before: str, after: str) -> None:
    def of(state: str) -> dict[str, Any]:
        return said("2026-10-31") | ({} if state == "fresh" else {f"{state}_feeds": ["illness"]})

    known = {"fresh": 2, "partial": 1, "stale": 0, "missing": 0}
    assert bool(newly_silent(of(before), of(after))) == (known[after] < known[before])


def test_the_features_of_the_hits_read_what_the_test_says() -> None:
    assert FEATURES["illness_self_paid_yuan_12m"].feeds == ("illness",)
    assert FEATURES["housing_is_unsafe"].feeds == ("housing",)


@pytest.mark.parametrize("model", ["m", "another"])
def test_data_that_ran_out_are_no_improvement(model: str) -> None:
    former = said("2026-10-31", "high", (BILL, HOUSE))
    latter = said("2027-03-01", "low", (HOUSE,), stale_feeds=["illness"], model_version=model)
    told = make_changes(former, latter)
    assert (told["basis"], told["families"], told["log_odds_difference"]) == ("data_silent", (), None)
    assert (told["silent_feeds"], told["lapsed_hits"]) == (("illness",), (BILL,))
    for language in LANGUAGES:
        words, text = catalogue(language), " ".join(told["text"][language])
        assert "2026-10-31" in text
        assert words["grades"]["high"] in text
        # Nothing of what it is now stands there: it would be read as what became of it.
        assert words["grades"]["low"] not in text
        assert "50.0%" in text
        assert "1.0%" not in text
    assert "6.2万元" in told["text"]["zh"][1]
    # As silent as before: these can be compared.
    assert make_changes(latter, {**latter, "as_of_date": "2027-03-31"})["basis"] == "contributions"


def test_an_alert_stands_on_as_long_as_its_feed_is_silent() -> None:
    first = said("2026-10-31", "medium", (BILL, HOUSE))
    second = said("2027-03-01", "low", (HOUSE,), stale_feeds=["illness"])
    standing = find_standing(first, second)
    assert standing is not None
    assert (standing["as_of_date"], standing["rule_hits"], standing["feeds"]) == (
        "2026-10-31", [BILL], ["illness"],
    )  # fmt: skip
    second = stand_on(second, standing)
    assert second["suggested_action"] == "visit"
    # It is carried on, with the day that it was seen on.
    third = said("2027-04-01", stale_feeds=["illness", "housing"])
    carried = find_standing(second, third)
    assert carried is not None
    assert carried["as_of_date"] == "2026-10-31"
    assert {one["code"] for one in carried["rule_hits"]} == {"medical_self_paid", "unsafe_house"}
    # The feed is heard again, and says nothing of it.
    heard = said("2027-05-01", stale_feeds=["housing"])
    assert find_standing(stand_on(third, carried), heard) == {
        "as_of_date": "2026-10-31", "grade": "low", "rule_hits": [HOUSE], "feeds": ["housing"],
    }  # fmt: skip
    assert find_standing(stand_on(third, carried), said("2027-05-01")) is None


def test_a_high_grade_stands_on_and_a_feed_that_was_heard_ends_nothing() -> None:
    high = said("2026-10-31", "high")
    quiet = said("2027-03-01", stale_feeds=["illness"])
    standing = find_standing(high, quiet)
    assert standing is not None
    assert (standing["grade"], standing["rule_hits"]) == ("high", [])
    assert find_standing(high, said("2027-03-01")) is None
    assert find_standing(high, said("2027-03-01", "high", stale_feeds=["illness"])) is None
    assert find_standing(said("2026-10-31", "medium"), quiet) is None
    # Where every department is silent, its own grade is made of nothing.
    nothing = said("2027-03-01", "high", stale_feeds=["illness"])
    standing = find_standing(high, nothing, is_unheard=True)
    assert standing is not None
    assert (standing["grade"], standing["rule_hits"]) == ("high", [])
    assert find_standing(said("2026-10-31", "medium"), nothing, is_unheard=True) is None
    alerted = find_standing(said("2026-10-31", "medium", (BILL,)), nothing, is_unheard=True)
    assert alerted is not None
    assert (alerted["grade"], alerted["rule_hits"]) == ("medium", [BILL])
    later = said("2027-04-01", "high", stale_feeds=["illness"])
    assert find_standing(stand_on(nothing, alerted), later, is_unheard=True) == alerted
    assert find_standing(nothing, later, is_unheard=True) is None
    # An alert whose own feed speaks went of itself.
    assert find_standing(said("2026-10-31", "low", (HOUSE,)), quiet) is None
    assert stand_on(quiet, None) == quiet
