"""The table of visits: what is refused, and estimates worked out by hand."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scoring.missed import estimate_missed, random_visits, wilson
from training.errors import DataError
from training.visits import check_visits, load_visits

AFTER, UNTIL, LAST = dt.date(2025, 1, 31), dt.date(2025, 3, 31), dt.date(2025, 7, 31)


def table(*rows: tuple[str, str, bool, str, float]) -> pd.DataFrame:
    names = ["household_id", "visited_on", "is_random", "finding", "chance"]
    frame = pd.DataFrame(rows, columns=names)
    return frame.assign(visited_on=pd.to_datetime(frame["visited_on"]))


VISITS = table(
    ("a", "2025-01-31", True, "difficulty", 0.1),  # before the period
    ("b", "2025-02-10", True, "difficulty", 0.1),  # identified a month later
    ("c", "2025-02-20", True, "difficulty", 0.1),  # never identified
    ("d", "2025-02-20", True, "no_difficulty", 0.1),
    ("e", "2025-02-21", True, "not_met", 0.1),
    ("f", "2025-02-21", False, "difficulty", np.nan),  # on a list: says nothing of the others
    ("g", "2025-03-31", True, "difficulty", 0.2),  # identified on the last day of grace
    ("h", "2025-03-31", True, "no_difficulty", 0.2),
)
OUTCOMES = pd.DataFrame({
    "household_id": ["b", "g"],
    "identified_on": pd.to_datetime(["2025-03-10", "2025-06-30"]),
    "cause_code": "01",
    "object_type": "marginal",
})


def test_missed_by_hand() -> None:
    """February: 4 visits at 1 in 10 are 40 households; March: 2 at 1 in 5 are 10; on average 25.

    Met were 10 + 10 + 10 (b, c, d) and 5 + 5 (g, h); difficulty among them 25 of 40, missed c alone, 10 of 40.
    """
    found = estimate_missed(
        VISITS, OUTCOMES, AFTER, UNTIL, outcomes_until=LAST, grace_months=3, households=999
    )
    assert found is not None
    assert (found.visits, found.met, found.found) == (6, 5, 3)
    assert (found.first_on, found.last_on) == (dt.date(2025, 2, 10), dt.date(2025, 3, 31))
    assert found.population == pytest.approx(25)
    assert found.undetected.value == pytest.approx(25 * 25 / 40)
    assert found.missed.value == pytest.approx(25 * 10 / 40)
    assert 0 < found.missed.low < found.missed.value < found.missed.high < 25


def test_visits_whose_grace_has_not_run_out_are_left_out() -> None:
    early = dt.date(2025, 6, 29)
    found = estimate_missed(
        VISITS, OUTCOMES, AFTER, UNTIL, outcomes_until=early, grace_months=3, households=999
    )
    assert found is not None
    assert (found.visits, found.last_on) == (4, dt.date(2025, 2, 21))
    nothing = estimate_missed(
        VISITS, OUTCOMES, AFTER, UNTIL, outcomes_until=AFTER, grace_months=3, households=999
    )
    assert nothing is None


def test_without_a_recorded_chance_a_months_visits_share_one() -> None:
    drawn = random_visits(VISITS.drop(columns="chance"), AFTER, UNTIL, 200)
    assert drawn["weight"].tolist() == [50.0] * 4 + [100.0] * 2


@pytest.mark.parametrize(
    ("marks", "low", "high"),
    # Newcombe 1998, Statistics in Medicine 17, table I, method 3 (Wilson without continuity correction).
    [((81, 263), 0.2553, 0.3662), ((15, 148), 0.0624, 0.1605), ((0, 20), 0.0, 0.1611), ((1, 29), 0.0061, 0.1718)],
)  # fmt: skip
def test_wilsons_interval_as_published(marks: tuple[int, int], low: float, high: float) -> None:
    found = wilson(np.full(marks[1], 3.0), np.arange(marks[1]) < marks[0])
    assert found.value == pytest.approx(marks[0] / marks[1])
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda one: one.drop(columns="finding"), "lacks finding"),
        (lambda one: one.assign(visited_on="2025-01-01"), "visited_on is a date"),
        (lambda one: one.assign(visited_on=pd.NaT), "visited_on is a date"),
        (lambda one: one.assign(is_random=1), "is_random is true or false"),
        (lambda one: one.assign(finding="poor"), "finding is one of difficulty, no_difficulty, not_met"),
        (lambda one: one.assign(chance=0.0), "chance is a probability"),
        (lambda one: one.assign(chance=1.5), "chance is a probability"),
    ],
)
def test_misshapen_visits_are_refused(change: object, said: str) -> None:
    assert callable(change)
    with pytest.raises(DataError, match=said):
        check_visits(change(VISITS))


def test_visits_are_read_where_there_are_any(tmp_path: Path) -> None:
    assert load_visits(tmp_path) is None
    VISITS.to_parquet(tmp_path / "visits.parquet", index=False)
    read = load_visits(tmp_path)
    assert read is not None
    assert read["household_id"].tolist() == VISITS["household_id"].tolist()
    (tmp_path / "visits.parquet").write_text("no table")
    with pytest.raises(DataError, match="not a Parquet table"):
        load_visits(tmp_path)
