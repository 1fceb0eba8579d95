"""Venn–Abers: the steps of p0 and p1 from scores that a model gave to rows it did not learn from.

Inductive Venn–Abers prediction (Vovk, Petej and Fedorova 2015, algorithms 1 and 2): for each place among the
calibration scores, the value there of the isotonic regression with one row more, of label 1. It is the slope
of the greatest convex minorant of the cumulative sums; moving the new row one place up changes one corner,
so that all places together take as long as sorting. p0 is the same seen from the other end.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from scoring.certainty import Steps

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

KEPT_DIGITS = 3
"""Digits of a step that are kept: p1 otherwise has a step between any two rows."""

_Point = tuple[float, float]


def fit_steps(log_odds: Floats, labels: Labels) -> tuple[Steps, Steps]:
    """The steps of p0 and p1 from n calibrated log-odds and the n outcomes.

    p0 is rounded down and p1 up, to `KEPT_DIGITS` digits: the interval is never narrower than it is.
    """
    scores, place = np.unique(log_odds, return_inverse=True)
    counts: Floats = np.bincount(place).astype(np.float64)
    positives: Floats = np.bincount(place, weights=labels.astype(np.float64)).astype(np.float64)
    # A row above all calibration scores stands alone: were it positive, nothing would speak against 1.
    upper = np.concatenate([_with_one_more(counts, positives), [1.0]])
    negatives: Floats = counts - positives
    mirrored = _with_one_more(counts[::-1], negatives[::-1])
    lower = np.concatenate([[0.0], 1 - mirrored[::-1]])
    return _steps(scores, lower, np.floor), _steps(scores, upper, np.ceil)


def _with_one_more(counts: Floats, positives: Floats) -> Floats:
    """For each place, the isotonic value there once a row of label 1 is added at it."""
    points: list[_Point] = [
        (0.0, 0.0),
        *zip(np.cumsum(counts).tolist(), np.cumsum(positives).tolist(), strict=True),
    ]
    # The new row is added before the first place; what lies before the row is moved by it, to (−1, −1).
    # Corners are kept from the right; the last two are the ends of the segment that the new row lies in.
    corners: list[_Point] = []
    for point in reversed(points):
        _push(corners, point)
    _push(corners, (-1.0, -1.0))
    found = np.empty(len(counts))
    for at, (weight, height) in enumerate(points[1:]):
        left, right = corners[-1], corners[-2]
        found[at] = (right[1] - left[1]) / (right[0] - left[0])
        # One place on: the point that was to the right of the new row is now to its left.
        moved = (weight - 1.0, height - 1.0)
        if not _is_above(moved, left, right):
            corners.pop()
            _push(corners, moved)
    return found


def _push(corners: list[_Point], point: _Point) -> None:
    while len(corners) > 1 and _is_above(corners[-1], point, corners[-2]):
        corners.pop()
    corners.append(point)


def _is_above(point: _Point, left: _Point, right: _Point) -> bool:
    """Whether a point lies on or above the line from `left` to `right`."""
    return (point[1] - left[1]) * (right[0] - left[0]) >= (right[1] - left[1]) * (point[0] - left[0])


def _steps(scores: Floats, values: Floats, outward: Callable[[Floats], Floats]) -> Steps:
    """Steps from n scores and n + 1 values, where the value changes by a digit that is kept."""
    digits = np.floor(np.log10(np.maximum(values, 1e-12))) - (KEPT_DIGITS - 1)
    kept = outward(np.round(values / 10.0**digits, 6)) * 10.0**digits
    # Slopes of two segments that are equal may differ in the last bit.
    rising = np.maximum.accumulate(np.clip(np.round(kept, 15), 0.0, 1.0))
    changes = np.flatnonzero(np.diff(rising) > 0)
    return Steps(tuple(scores[changes].tolist()), (float(rising[0]), *rising[changes + 1].tolist()))
