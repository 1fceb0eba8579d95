"""Labels: newly verified identification within the horizon after the as-of date. Source: DOMAIN §5."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.dates import horizon_end
from scoring.themes import THEMES, theme_of_cause
from training.errors import DataError

Labels = npt.NDArray[np.int64]

LABEL = "newly verified identification within the horizon"
UNKNOWN_CAUSE = "99"


def label(
    household_ids: pd.Index,
    outcomes: pd.DataFrame,
    as_of: dt.date,
    horizon_months: int,
    outcomes_until: dt.date,
) -> pd.Series:
    """1 for households identified in (as_of, as_of + horizon], else 0, as int64 over `household_ids`.

    Raises `DataError` when the horizon reaches past `outcomes_until`, the last day whose identifications
    are all recorded: such labels would be zeros that nobody has seen.
    """
    end = horizon_end(as_of, horizon_months)
    if end > outcomes_until:
        raise DataError(
            f"labels as of {as_of} with {horizon_months} months reach to {end}, but outcomes are recorded "
            f"until {outcomes_until} only: choose an earlier as-of date"
        )
    identified = outcomes["identified_on"]
    within = (identified > pd.Timestamp(as_of)) & (identified <= pd.Timestamp(end))
    found = household_ids.isin(outcomes.loc[within, "household_id"])
    return pd.Series(found.astype("int64"), index=household_ids)


def labels_by_horizon(index: pd.Index[Any], outcomes: pd.DataFrame, months: Sequence[int]) -> Labels:
    """Labels (n, horizons) of rows (household_id, as_of_date) that are in the cohort, for each of `months`.

    The rows' own labels are settled for the longest of them, and so for all: an earlier horizon ends earlier.
    """
    found = np.zeros((len(index), len(months)), dtype=np.int64)
    dates = index.get_level_values("as_of_date")
    households = index.get_level_values("household_id")
    for day in dates.unique():
        here = np.flatnonzero(dates == day)
        as_of = day.date()
        settled = horizon_end(as_of, max(months))
        for at, one in enumerate(months):
            found[here, at] = label(households[here], outcomes, as_of, one, settled).to_numpy()
    return found


def themes_of(index: pd.Index[Any], outcomes: pd.DataFrame, region: str) -> Labels:
    """The place in `THEMES` of each row's verified cause (n,), −1 for a household that was not identified.

    The codes are those in force on the row's as-of date; where no cause was recorded, it is `other`. Raises
    `PolicyError` where there are no codes.
    """
    codes = outcomes.set_index("household_id")["cause_code"].fillna(UNKNOWN_CAUSE)
    codes = codes.reindex(index.get_level_values("household_id"))
    days = index.get_level_values("as_of_date")
    found = np.full(len(index), -1, dtype=np.int64)
    for at in np.flatnonzero(codes.notna().to_numpy()).tolist():
        found[at] = THEMES.index(theme_of_cause(str(codes.iloc[at]), region, days[at].date()))
    return found
