"""Lies that keep within the bounds of what single rows may be, and are seen by the month as a whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.health import Verdict
from tests.features.health.faulty import FaultyCounty
from tests.features.health.test_checkup import in_month, judge

AMOUNTS = {
    "income": ["amount_yuan", "cost_yuan"],
    "illness": ["total_yuan", "reimbursed_yuan", "self_paid_yuan"],
}
Harm = Callable[[pd.DataFrame, Any, list[str]], pd.DataFrame]


def scaled(factor: float, share: float = 1.0) -> Harm:
    def harm(frame: pd.DataFrame, here: Any, columns: list[str]) -> pd.DataFrame:
        chosen = here & (np.random.default_rng(5).random(len(frame)) < share)
        for column in columns:
            amounts = pd.to_numeric(frame[column], errors="coerce")
            touched = chosen & (amounts > 0).to_numpy()
            frame.loc[touched, column] = (amounts[touched] * factor).clip(lower=0.01).map("{:.2f}".format)
        return frame

    return harm


def again(*days: int) -> Harm:
    def harm(frame: pd.DataFrame, here: Any, columns: list[str]) -> pd.DataFrame:
        parts = [frame]
        for one in days:
            copy = frame[here].copy()
            moved = pd.to_datetime(copy["occurred_on"], errors="coerce") + pd.Timedelta(days=one)
            copy["occurred_on"] = moved.dt.strftime("%Y-%m-%d").where(moved.notna(), "?")
            parts.append(copy)
        return pd.concat([frame.astype({"occurred_on": object}), *parts[1:]], ignore_index=True)

    return harm


def constant(frame: pd.DataFrame, here: Any, columns: list[str]) -> pd.DataFrame:
    for column in columns:
        middle = pd.to_numeric(frame.loc[here, column], errors="coerce").median()
        frame.loc[here, column] = f"{middle:.2f}"
    return frame


def harmed(faulty: FaultyCounty, feed: str, harm: Harm) -> list[Verdict]:
    frame = faulty.recent(feed).copy()
    here = in_month(faulty, feed).to_numpy()
    frame = frame.astype(dict.fromkeys(AMOUNTS[feed], object))
    return judge(faulty, feed, harm(frame, here, AMOUNTS[feed]))


@pytest.mark.parametrize("feed", ["income", "illness"])
@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (scaled(10), "unit_slip"),
        (scaled(0.1), "unit_slip"),
        (scaled(12), "unit_slip"),
        (scaled(1e-4, 0.3), "unit_slip"),
        (scaled(100, 0.4), "unit_slip"),
        (again(-1), "many_rows"),
        (again(-1, -2), "many_rows"),
        (constant, "zeros"),
    ],
    ids=["tenfold", "a tenth", "a year for a month", "30 % in wan", "40 % in fen", "twice", "three times", "constant"],
)  # fmt: skip
def test_a_month_that_is_wrong_as_a_whole_is_blocked(
    faulty: FaultyCounty, feed: str, harm: Harm, reason: str
) -> None:
    found = harmed(faulty, feed, harm)
    assert [one.reason for one in found if one.state == "blocked"] == [reason]
    assert {one.reason for one in found} == {reason}


def test_the_power_of_ten_is_that_of_the_slipped_rows(faulty: FaultyCounty) -> None:
    (tenfold,) = (one for one in harmed(faulty, "income", scaled(10)) if one.state == "blocked")
    (part,) = (one for one in harmed(faulty, "income", scaled(1e-4, 0.3)) if one.state == "blocked")
    assert tenfold.decades == pytest.approx(1, abs=0.2)
    assert part.decades == pytest.approx(-4, abs=0.4)
    assert part.share == pytest.approx(0.3, abs=0.05)


@pytest.mark.parametrize("feed", ["income", "illness"])
@pytest.mark.parametrize("factor", [0.5, 0.7, 1.5, 2])
def test_dearer_and_cheaper_months_are_no_fault(faulty: FaultyCounty, feed: str, factor: float) -> None:
    assert harmed(faulty, feed, scaled(factor)) == []
