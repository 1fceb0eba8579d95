"""Malawi Integrated Household Panel Survey: who does not eat poorly now, and will at the next visit.

The label is the World Food Programme's "poor or borderline" diet: a Food Consumption Score below 35 (WFP
2008, Food consumption analysis, whose "acceptable" begins above 35). It is asked of households at 35 or more
now. The score and the dietary diversity that the label is made of are used of the present wave only.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from training.errors import DataError
from training.panels.comparison import Comparison
from training.panels.panel import compare_panel

FILE = "malawi_ihps_2010_2013_2016.csv"
LEAST_SCORE = 35.0
HOUSEHOLD, YEAR, SCORE, CLUSTER, LABEL = "HHID", "year", "FCS", "EA", "poor diet at the next visit"
FIRST_TEST_YEAR = 2013

KNOWN_LATER = ("eversplit", "split1316", "sample1", "sample2", "sample3", "sample4", "sample5", "panelwgt")
"""Known only after the later visits: who was found again, who had split off, and the weights for that."""

KEYS = ("y", "parent_hh", "grid", "EA")
REQUIRED = (HOUSEHOLD, YEAR, SCORE, CLUSTER, "HDDS", *KNOWN_LATER, *KEYS)
Progress = Callable[[str, int, int], None]


def compare_malawi(data: Path, progress: Progress | None = None) -> Comparison:
    """Train on the visits of 2010 with the diets of 2013, test on those of 2013 with the diets of 2016.

    Raises `DataError` when the file is missing or lacks columns.
    """
    return compare_panel(
        read_visits(data),
        household=HOUSEHOLD,
        label=LABEL,
        naive=SCORE,
        time=YEAR,
        group=CLUSTER,
        drop=[one for one in (*KNOWN_LATER, *KEYS) if one != CLUSTER],
        test_time=str(FIRST_TEST_YEAR),
        progress=progress,
    )


def read_visits(data: Path) -> pd.DataFrame:
    """One row a household and visit, with the label where it is asked; raises `DataError`."""
    path = data / FILE
    if not path.is_file():
        raise DataError(f"there is no file {path}: give the folder with {FILE}")
    try:
        visits = pd.read_csv(path)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError):
        raise DataError(f"{path} cannot be read as a CSV table") from None
    missing = sorted(set(REQUIRED) - set(visits.columns))
    if missing:
        raise DataError(f"{FILE} lacks the columns {', '.join(missing)}")
    if visits.duplicated([HOUSEHOLD, YEAR]).any():
        raise DataError(f"{FILE} has a household twice in one year")
    visits = visits.sort_values([HOUSEHOLD, YEAR], kind="stable").reset_index(drop=True)
    later = visits.groupby(HOUSEHOLD)[SCORE].shift(-1)
    is_asked = (visits[SCORE] >= LEAST_SCORE) & later.notna()
    visits[LABEL] = np.where(is_asked, (later < LEAST_SCORE).astype("float64"), np.nan)
    return visits
