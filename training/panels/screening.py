"""Screening: which columns are left out, each with its reason.

A column is judged on the training rows alone. A column that by itself tells the label nearly perfectly knew
the answer: no honest fact about the future does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from training.panels.columns import Column, Floats
from training.panels.verdict import WeightedAuc

LEAK_AUC = 0.98
COPY_CORRELATION = 0.9
SUSPECT_AUC = 0.93
FOLDS = 5
BINS = 32

Labels = npt.NDArray[np.int64]
Integers = npt.NDArray[np.int64]

_NAMED_AS_KEY = re.compile(r"(^|[_ .-])(id|hhid|uuid|guid|key|pid|caseid|serial)$", re.IGNORECASE)


@dataclass(frozen=True)
class LeftOut:
    """A column that is no feature: a short code for programs and the reason in words."""

    column: str
    code: str
    reason: str

    def as_json(self) -> dict[str, str]:
        """The three fields as plain data."""
        return asdict(self)


@dataclass(frozen=True)
class Screened:
    """The columns that are kept, the others with their reasons, and kept ones that look too good."""

    kept: tuple[Column, ...]
    left_out: tuple[LeftOut, ...]
    suspects: tuple[str, ...]


def screen_columns(
    columns: Iterable[Column],
    labels: Floats,
    households: Integers,
    folds_by: Integers,
    train: npt.NDArray[np.bool_],
    test: npt.NDArray[np.bool_],
    naive: str,
) -> Screened:
    """Leave out what is empty, constant, an identifier, a copy, a leak or absent where it is needed.

    Everything is aligned by row. `households` are numbered in the order of their ids; `train` and `test` are
    masks (the same in a cross-section); `folds_by` numbers the groups that folds keep whole. The naive column
    is never left out: the rule needs it.
    """
    kept: list[Column] = []
    left: list[LeftOut] = []
    suspects: list[str] = []
    seen: dict[bytes, str] = {}
    target = labels[train].astype(np.int64)
    folds = np.random.default_rng(0).integers(0, FOLDS, int(folds_by.max()) + 1)[folds_by[train]]
    for column in columns:
        found = _unfit(column, households, train, test)
        if found is None:
            mark = column.values.tobytes()
            if mark in seen:
                found = LeftOut(column.name, "copy", f"the same in every row as {seen[mark]!r}")
            seen.setdefault(mark, column.name)
        if found is None:
            auc, correlation = single_column(column, column.values[train], target, folds)
            if auc > LEAK_AUC:
                said = f"alone it tells the label with AUC {auc:.3f} (limit {LEAK_AUC}): it knew the answer"
                found = LeftOut(column.name, "leak", said)
            elif correlation > COPY_CORRELATION:
                said = f"nearly a copy of the label (correlation {correlation:.2f}, limit {COPY_CORRELATION})"
                found = LeftOut(column.name, "leak", said)
            elif auc > SUSPECT_AUC:
                suspects.append(column.name)
        if column.name == naive and found is not None:
            if found.code == "leak":
                suspects.append(column.name)
            found = None
        if found is None:
            kept.append(column)
        else:
            left.append(found)
    return Screened(tuple(kept), tuple(left), tuple(suspects))


def _unfit(
    column: Column, households: Integers, train: npt.NDArray[np.bool_], test: npt.NDArray[np.bool_]
) -> LeftOut | None:
    name, past = column.name, column.values[train]
    known = past[~np.isnan(past)]
    if column.kind == "unusable":
        return LeftOut(name, "unusable", "its cells are no plain values")
    if np.isnan(column.values).all():
        return LeftOut(name, "empty", "empty in every row")
    if not len(known):
        return LeftOut(name, "empty", "empty in every row to learn from")
    if np.isnan(column.values[test]).mean() > 0.98 and len(known) > 0.2 * len(past):
        return LeftOut(name, "absent_in_test", "empty in the test wave: nothing can be foreseen from it")
    distinct = np.unique(known)
    if len(distinct) == 1 and (len(known) == len(past) or column.kind != "flag"):
        return LeftOut(name, "constant", "the same value in every row to learn from")
    if column.kind == "category" and len(distinct) > 50 and len(distinct) > 0.5 * len(known):
        return LeftOut(name, "identifier", "words that differ in most rows: a name, an address or a key")
    if column.kind == "number" and _is_key(column, households):
        return LeftOut(name, "identifier", "a number that only names the row or the household")
    return None


def _is_key(column: Column, households: Integers) -> bool:
    known = ~np.isnan(column.values)
    values = column.values[known]
    if not np.all(values == np.round(values)) or len(values) < 20:
        return False
    of_household = pd.Series(values).groupby(households[known])
    is_constant = bool((of_household.nunique() == 1).all())
    number_of_households = of_household.ngroups
    distinct = len(np.unique(values))
    if distinct == len(values):
        rises_with_id = bool((np.diff(values[np.lexsort([values, households[known]])]) > 0).all())
        is_counted = float(values.max() - values.min()) < 1.02 * len(values) + 2
        if is_counted or rises_with_id or bool(_NAMED_AS_KEY.search(column.name)):
            return True
    is_repeated = len(values) > number_of_households
    if is_constant and is_repeated and distinct >= 0.98 * number_of_households:
        return True
    return bool(_NAMED_AS_KEY.search(column.name)) and is_constant and distinct > 0.2 * number_of_households


def single_column(
    column: Column, values: Floats, labels: Labels, folds: npt.NDArray[np.integer]
) -> tuple[float, float]:
    """Out-of-fold AUC of one column alone, and its highest correlation with the label as a yes or no.

    Bins (32 of equal size, the levels of a category, missing values one of them) get the share of outcomes
    in the other folds. A number is judged by its order as well, for labels so rare that one bin holds all.
    """
    is_missing = np.isnan(values)
    if column.kind in {"category", "flag", "code"}:
        _, bins = np.unique(np.where(is_missing, -1.0, values), return_inverse=True)
    else:
        edges = np.unique(np.quantile(values[~is_missing], np.linspace(0, 1, BINS + 1)[1:-1]))
        bins = np.where(
            is_missing, len(edges) + 1, np.searchsorted(edges, np.where(is_missing, 0.0, values), "right")
        )
    width = int(bins.max()) + 1
    at = folds * width + bins
    seen = np.bincount(at, minlength=FOLDS * width).reshape(FOLDS, width).astype(np.float64)
    hits = np.bincount(at, labels, minlength=FOLDS * width).reshape(FOLDS, width)
    rate = labels.mean()
    others = (hits.sum(axis=0) - hits + rate) / (seen.sum(axis=0) - seen + 1.0)
    auc = _auc(labels, others[folds, bins])
    if column.kind in {"number", "date"} and len(np.unique(values[~is_missing])) > 2:
        order = _auc(labels, np.where(is_missing, np.median(values[~is_missing]), values))
        auc = max(auc, order, 1 - order)
    return auc, _highest_correlation(bins, width, labels)


def _auc(labels: Labels, ranks: Floats) -> float:
    return WeightedAuc(labels, ranks).of(np.ones(len(labels)))


def _highest_correlation(bins: Integers, width: int, labels: Labels) -> float:
    """Of one bin, or its absence, with the label (the phi coefficient): the mark of a mistyped copy."""
    n, positives = len(labels), float(labels.sum())
    size = np.bincount(bins, minlength=width).astype(np.float64)
    hits = np.bincount(bins, labels, minlength=width)
    spread = np.sqrt(size * (n - size) * positives * (n - positives))
    with np.errstate(invalid="ignore", divide="ignore"):
        phi = np.where(spread > 0, (n * hits - size * positives) / spread, 0.0)
    return float(np.abs(phi).max())
