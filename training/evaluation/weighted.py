"""Weighted: how a score ranks and meets its labels when households count differently, with intervals.

For few numbers and real weights; rankings are measured by `resampling`, which is faster and takes whole ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scoring.estimate import Estimate
from training.evaluation.resampling import BINS, draw_weights

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class WeightedFigures:
    """Numbers of n households that stand for `weight`; at capacity the list is one over all households.

    A number that needs both outcomes is None where there is one.
    """

    n: int
    positives: int
    weight: float
    base_rate: Estimate
    roc_auc: Estimate | None
    precision: Estimate
    recall: Estimate | None
    ece: Estimate


def weighted_figures(
    labels: Labels, scores: Floats, weights: Floats, share: float, *, seed: int, resamples: int
) -> WeightedFigures:
    """Measure scores (n,) against labels (n,), the first `share` of the weight within capacity."""
    order = np.argsort(-scores, kind="stable")
    marks, ranked, each = labels[order].astype(np.float64), scores[order], weights[order]
    once = _measure(marks, ranked, each[None, :], share)[0]
    drawn = np.concatenate([
        _measure(marks, ranked, part[:, order] * each, share)
        for part in draw_weights(seed, resamples, len(labels))
    ])
    rate, auc, precision, recall, ece = (Estimate.of(float(once[at]), drawn[:, at]) for at in range(5))
    counted = weights > 0
    positives = int(labels[counted].sum())
    has_both = 0 < positives < int(counted.sum())
    return WeightedFigures(
        n=int(counted.sum()),
        positives=positives,
        weight=float(weights.sum()),
        base_rate=rate,
        roc_auc=auc if has_both else None,
        precision=precision,
        recall=recall if positives else None,
        ece=ece,
    )


def _measure(labels: Floats, scores: Floats, weights: Floats, share: float) -> Floats:
    """(b, 5) of rows sorted by falling score, for each of `weights` (b, n)."""
    starts = np.flatnonzero(np.r_[True, scores[1:] != scores[:-1]])
    plus, minus = weights * labels, weights * (1 - labels)
    total, positive = weights.sum(axis=1), plus.sum(axis=1)
    in_plus, in_minus = (np.add.reduceat(one, starts, axis=1) for one in (plus, minus))
    above = in_minus.cumsum(axis=1) - in_minus
    # A positive loses to every negative above it, and half to those beside it.
    lost = (in_plus * (above + in_minus / 2)).sum(axis=1)
    seats = share * total
    in_group = in_plus + in_minus
    before = in_group.cumsum(axis=1) - in_group
    taken = np.clip((seats[:, None] - before) / np.maximum(in_group, 1e-12), 0.0, 1.0)
    found = (taken * in_plus).sum(axis=1)
    gaps = np.zeros(len(weights))
    for part in np.array_split(np.arange(len(scores)), BINS):
        if len(part):
            gaps += np.abs((weights[:, part] * (scores[part] - labels[part])).sum(axis=1))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.column_stack([
            positive / total,
            1 - lost / (positive * (total - positive)),
            found / seats,
            found / positive,
            gaps / total,
        ])
