"""The line of a blend: a ridge logistic regression whose weights keep the directions of the features.

Fitted by L-BFGS-B (Byrd et al. 1995) with each weight bounded by 0 on the side its feature's direction
forbids, so that a blend with monotone trees is monotone. What adds up a row's terms is numpy's `einsum`,
whose order is fixed: a threaded BLAS would give other digits on another number of threads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from features import FEATURES
from scoring.line import Line, Term, Transform, transformed

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

RIDGE = 100.0
"""Penalty ½ · RIDGE · Σ weight², in units of the summed log-loss. 10 ranked worse out of time."""

MOST_ROWS = 40_000
"""Of more rows, negatives are sampled and weighted: the positives decide, and they are few."""

_LEAST_SPREAD = 1e-3
"""A flag that is hardly ever set would otherwise be scaled up to rule the line."""

_STRAIGHT_UNITS = ("share", "yes/no", "percent")


def transforms_of(names: Sequence[str]) -> dict[str, Transform]:
    """The transform of each feature: amounts, counts and days as signed logarithms, shares as they are."""
    return {name: "identity" if FEATURES[name].unit in _STRAIGHT_UNITS else "signed_log" for name in names}


def fit_line(
    matrix: Floats,
    labels: Labels,
    names: Sequence[str],
    directions: Mapping[str, int],
    transforms: Mapping[str, Transform],
    seed: int,
    ridge: float = RIDGE,
) -> Line:
    """Fit on rows (n, features) with labels (n,) of both outcomes; `names` are the columns."""
    rows, weights = _sample(labels, seed)
    known = np.column_stack([
        transformed(matrix[rows, at], transforms[name]) for at, name in enumerate(names)
    ])
    outcome = labels[rows].astype(np.float64)
    is_missing = np.isnan(known)
    median = np.array([_median(known[:, at]) for at in range(len(names))])
    filled = np.where(is_missing, median, known)
    low, high = filled.min(axis=0), filled.max(axis=0)
    mean = np.average(filled, axis=0, weights=weights)
    scale = np.sqrt(np.average((filled - mean) ** 2, axis=0, weights=weights))
    scale = np.where(scale > 1e-9, scale, 1.0)
    # A weighted mean of ones may lie one bit above 1.
    missing_share = np.clip(np.average(is_missing, axis=0, weights=weights), 0.0, 1.0)
    spread = np.maximum(np.sqrt(missing_share * (1 - missing_share)), _LEAST_SPREAD)
    columns = np.ascontiguousarray(
        np.hstack([(filled - mean) / scale, (is_missing - missing_share) / spread])
    )
    bounds = [
        (0.0 if directions[name] > 0 else None, 0.0 if directions[name] < 0 else None) for name in names
    ]
    intercept, slopes = _minimise(columns, outcome, weights, bounds, ridge)
    # A constant column, and a flag that is never or always set, keep rounding errors for weights.
    at_value = np.where(high > low, slopes[: len(names)], 0.0)
    at_flag = np.where((missing_share > 0) & (missing_share < 1), slopes[len(names) :] / spread, 0.0)
    terms = tuple(
        Term(
            name,
            transforms[name],
            float(low[at]),
            float(high[at]),
            float(median[at]),
            float(mean[at]),
            float(scale[at]),
            float(at_value[at]),
            float(at_flag[at]),
            float(missing_share[at]),
        )
        for at, name in enumerate(names)
    )
    return Line(intercept, terms)


def _sample(labels: Labels, seed: int) -> tuple[npt.NDArray[np.int64], Floats]:
    """The rows to fit on and the weight of each."""
    positive, negative = np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)
    room = max(MOST_ROWS - len(positive), len(positive))
    if len(negative) <= room:
        return np.arange(len(labels)), np.ones(len(labels))
    chosen = np.random.default_rng(seed).choice(negative, room, replace=False)
    rows = np.sort(np.concatenate([positive, chosen]))
    return rows, np.where(labels[rows] == 1, 1.0, len(negative) / room)


def _minimise(
    columns: Floats,
    outcome: Floats,
    weights: Floats,
    bounds: Sequence[tuple[float | None, float | None]],
    ridge: float,
) -> tuple[float, Floats]:
    """Intercept and slopes of the penalised maximum likelihood; `bounds` are those of the first slopes."""
    free = [(None, None)] * (columns.shape[1] - len(bounds))

    def loss(numbers: Floats) -> tuple[float, Floats]:
        margins = numbers[0] + np.einsum("ij,j->i", columns, numbers[1:])
        value = (weights * (np.logaddexp(0.0, margins) - outcome * margins)).sum()
        slope = weights * (1 / (1 + np.exp(-margins)) - outcome)
        gradient = np.einsum("ij,i->j", columns, slope) + ridge * numbers[1:]
        penalty = ridge / 2 * (numbers[1:] ** 2).sum()
        return float(value + penalty), np.concatenate([[slope.sum()], gradient])

    rate = float(np.average(outcome, weights=weights))
    start = np.concatenate([[np.log(rate / (1 - rate))], np.zeros(columns.shape[1])])
    found = minimize(
        loss, start, jac=True, method="L-BFGS-B", bounds=[(None, None), *bounds, *free],
        options={"maxiter": 500, "ftol": 1e-9, "gtol": 1e-3},
    )  # fmt: skip
    return float(found.x[0]), np.asarray(found.x[1:], dtype=np.float64)


def _median(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else 0.0
