"""Visits: the table of households visited, as a data folder has it.

Columns of ``visits.parquet``: household_id; visited_on; is_random (drawn by lot, not because of a list);
finding (``difficulty``, ``no_difficulty``, ``not_met``); and, where it is known, chance: the probability with
which the household was drawn on that occasion (random visits only). Without it, the random visits of a
calendar month are taken to have been drawn with one chance from everybody.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from scoring.missed import FINDINGS
from training.errors import DataError

VISITS_FILE = "visits.parquet"
VISIT_COLUMNS = ("household_id", "visited_on", "is_random", "finding")


def load_visits(data: Path) -> pd.DataFrame | None:
    """The visits of a data folder, checked; None where there are none. Raises `DataError`."""
    path = data / VISITS_FILE
    if not path.is_file():
        return None
    try:
        return check_visits(pd.read_parquet(path))
    except pa.ArrowException:
        raise DataError(f"{path} is not a Parquet table") from None


def check_visits(visits: pd.DataFrame) -> pd.DataFrame:
    """The table of visits; raises `DataError` naming the column and what it may hold."""
    missing = [name for name in VISIT_COLUMNS if name not in visits.columns]
    if missing:
        raise DataError(f"the table of visits lacks {', '.join(missing)}: see training/visits.py")
    if not pd.api.types.is_datetime64_any_dtype(visits["visited_on"]) or visits["visited_on"].isna().any():
        raise DataError("the table of visits: visited_on is a date in every row")
    if visits["is_random"].dtype != np.bool_:
        raise DataError("the table of visits: is_random is true or false in every row")
    if not visits["finding"].isin(FINDINGS).all():
        raise DataError(f"the table of visits: finding is one of {', '.join(FINDINGS)}")
    if "chance" in visits.columns:
        known = visits.loc[visits["is_random"], "chance"].dropna()
        if not known.between(0, 1, inclusive="right").all():
            raise DataError("the table of visits: chance is a probability above 0, of random visits")
    return visits
