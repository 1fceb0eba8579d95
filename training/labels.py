"""Labels: newly verified identification within the horizon after the as-of date. Source: DOMAIN §5."""

from __future__ import annotations

import datetime as dt

import pandas as pd

from training.errors import DataError
from training.timeline import horizon_end

LABEL = "newly verified identification within the horizon"


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
