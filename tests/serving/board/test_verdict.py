"""A board says how good the scores are only where enough was visited to tell."""

from __future__ import annotations

import datetime as dt

import pytest

from features.policy import policy_value
from serving.cases.casework import UNITS, Casework
from serving.casework_desk import AreaCasework, Figures
from serving.console.board import _confirmed
from serving.console.texts import texts

ON = dt.date(2026, 11, 2)
LEAST = int(policy_value("verdict_visits", "CN-50", ON).value)


def told(met: int, confirmed: int, score: float = 0.1) -> AreaCasework:
    counts = Casework(
        met=met, confirmed=confirmed, score_units=round(met * score * UNITS),
        variance_units=round(met * score * (1 - score) * UNITS),
    )  # fmt: skip
    return AreaCasework("500999100201", ON, Figures(counts), 99, {}, False)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(
    ("met", "confirmed", "key"),
    [
        (0, 0, "confirmed_none"),
        (1, 0, "confirmed_few"),
        (1, 1, "confirmed_few"),
        (LEAST - 1, LEAST - 1, "confirmed_few"),
        (LEAST, LEAST, "confirmed_above"),
        (LEAST, 3, "confirmed_inside"),
        (10 * LEAST, 1, "confirmed_below"),
    ],
)
def test_few_visits_give_no_verdict(met: int, confirmed: int, key: str, language: str) -> None:
    shown = _confirmed(told(met, confirmed), language)
    assert shown is not None
    assert shown["judged"] == texts(language)[key].format(least=LEAST)
    is_told = met >= LEAST
    assert ("95%" in shown["expected"]) is is_told
    assert shown["is_assumption"] is (key == "confirmed_few")
    assert (shown["visited"], shown["confirmed"]) == (str(met), str(confirmed))


def test_what_is_kept_back_is_not_told() -> None:
    one = told(40, 2)
    hidden = AreaCasework(
        one.area_code, ON, Figures(one.figures.counts, frozenset({"confirmed"})), 99, {}, True
    )
    assert _confirmed(hidden, "zh") is None
