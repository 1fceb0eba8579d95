"""Outcome: the label column as 0 and 1, or one sentence about what it holds instead."""

from __future__ import annotations

import numpy as np
import pandas as pd

from training.errors import DataError
from training.panels.columns import Floats, infer_column, parse_number

MOST_SHOWN = 5
LONGEST_SHOWN = 20


def read_outcome(name: str, cells: pd.Series) -> Floats:
    """0, 1 or NaN (not known) a row. Yes and no, true and false, 1.0 and 0.0 are understood.

    Raises `DataError` when there are other values, or only one of the two.
    """
    column = infer_column(name, cells)
    values = column.values
    if np.isnan(values).all() and not column.misfits:
        raise DataError(f"the label {name!r} is empty in every row")
    if column.kind not in {"flag", "number", "code"} or column.misfits:
        raise DataError(_unlike(name, cells))
    found = set(np.unique(values[~np.isnan(values)]).tolist())
    if not found <= {0.0, 1.0}:
        raise DataError(_unlike(name, cells))
    if found == {0.0}:
        raise DataError(
            f"the label {name!r} has no positives: every known row is 0, so nothing can be learned"
        )
    if found == {1.0}:
        raise DataError(
            f"the label {name!r} has no negatives: every known row is 1, so nothing can be learned"
        )
    return values


def _unlike(name: str, cells: pd.Series) -> str:
    """Few different values are a code and are shown; many may be about persons and are only counted."""
    shown = sorted({str(one).strip() for one in cells.dropna().unique()} - {""}, key=_order)
    said = f"{len(shown)} different values"
    if len(shown) <= MOST_SHOWN and all(len(one) <= LONGEST_SHOWN for one in shown):
        said = "the values " + ", ".join(one if one.isprintable() else "(unprintable)" for one in shown)
    return f"the label {name!r} is not 0/1: it holds {said}; write 1 for the outcome and 0 for none"


def _order(text: str) -> tuple[float, str]:
    number = parse_number(text)
    return (float("inf") if np.isnan(number) else number, text)
