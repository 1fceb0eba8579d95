"""Cohort: whom a prediction is made for on a date: registered households not yet identified."""

from __future__ import annotations

import datetime as dt

import pandas as pd

from training.errors import DataError

OUTCOME_COLUMNS = ("household_id", "identified_on", "cause_code", "object_type")


def check_outcomes(outcomes: pd.DataFrame) -> pd.DataFrame:
    """The outcome table with one identification a household; raises `DataError` otherwise."""
    missing = [name for name in OUTCOME_COLUMNS if name not in outcomes.columns]
    if missing:
        raise DataError(f"the outcome table lacks {', '.join(missing)}")
    if outcomes["household_id"].duplicated().any():
        raise DataError("the outcome table has a household twice: give the first identification only")
    if outcomes["identified_on"].isna().any():
        raise DataError("the outcome table has an identification without a date")
    return outcomes


def in_cohort(household_ids: pd.Index, outcomes: pd.DataFrame, as_of: dt.date) -> pd.Series:
    """Boolean series over `household_ids`: not identified on or before the as-of date."""
    before = outcomes.loc[outcomes["identified_on"] <= pd.Timestamp(as_of), "household_id"]
    return pd.Series(~household_ids.isin(before), index=household_ids)
