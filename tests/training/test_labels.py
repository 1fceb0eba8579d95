"""Cohort and labels at their borders."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

from training.cohort import check_outcomes, in_cohort
from training.errors import DataError
from training.labels import label

AS_OF, END = dt.date(2024, 10, 31), dt.date(2025, 10, 31)
IDENTIFIED = {
    "before": "2024-10-30",
    "on_the_date": "2024-10-31",
    "day_after": "2024-11-01",
    "last_day": "2025-10-31",
    "too_late": "2025-11-01",
}
HOUSEHOLDS = pd.Index([*IDENTIFIED, "never"])


@pytest.fixture
def outcomes() -> pd.DataFrame:
    return pd.DataFrame({
        "household_id": list(IDENTIFIED),
        "identified_on": pd.to_datetime(list(IDENTIFIED.values())),
        "cause_code": "01",
        "object_type": "marginal",
    })


def test_cohort_is_who_was_not_identified_by_then(outcomes: pd.DataFrame) -> None:
    inside = in_cohort(HOUSEHOLDS, outcomes, AS_OF)
    assert list(inside[inside].index) == ["day_after", "last_day", "too_late", "never"]


def test_label_is_identification_after_the_date_up_to_the_horizon(outcomes: pd.DataFrame) -> None:
    found = label(HOUSEHOLDS, outcomes, AS_OF, 12, END)
    assert list(found[found == 1].index) == ["day_after", "last_day"]
    assert found.dtype == "int64"


def test_unripe_labels_are_refused(outcomes: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="outcomes are recorded until 2025-10-30 only"):
        label(HOUSEHOLDS, outcomes, AS_OF, 12, END - dt.timedelta(days=1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.drop(columns="cause_code"), "lacks cause_code"),
        (lambda table: pd.concat([table, table.iloc[:1]]), "household twice"),
        (lambda table: table.assign(identified_on=pd.NaT), "without a date"),
    ],
)
def test_misshapen_outcomes_are_refused(outcomes: pd.DataFrame, change: object, message: str) -> None:
    assert callable(change)
    with pytest.raises(DataError, match=message):
        check_outcomes(change(outcomes))
