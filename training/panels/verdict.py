"""Verdict: whether ours is better than the best baseline, by more than the households drawn explain.

Both models are measured on the same households, so their difference is what is resampled: a *paired*
bootstrap. Whole households (or groups, where they are given) are drawn with replacement, the ROC-AUC of each
model is worked out on the same draw, and the 95 % percentile interval of ours − baseline decides: above zero
is *better*, below zero *worse*, else *not better*. The baseline is the one with the highest ROC-AUC on these
very households, which favours it a little. Efron & Tibshirani 1993, ch. 16.

A percentile interval is too narrow where few units carry the answer: of three households with the outcome, or
of three villages, it called 7 % of equal models better. So it is widened about the estimate as Student's t is
wider than the normal, with the √(n / (n − 1)) that a draw of n units lacks; n counts the units that have the
rarer outcome. From a hundred of them on that is under 2 %.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.stats import norm, t

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
Word = Literal["better", "not better", "worse"]
Interval = tuple[float, float]

RESAMPLES = 500
LEVELS = (0.025, 0.975)


@dataclass(frozen=True)
class Difference:
    """Ours − a rival in ROC-AUC: the mean over repetitions and its 95 % interval."""

    auc: float
    interval: Interval

    @property
    def verdict(self) -> Word:
        """What the interval says."""
        low, high = self.interval
        return "better" if low > 0 else "worse" if high < 0 else "not better"


@dataclass(frozen=True)
class Verdict:
    """The word, the baseline it is against, each model's ROC-AUC interval and ours against every rival.

    `units` is how many households or groups were drawn from.
    """

    word: Word
    against: str
    intervals: Mapping[str, Interval]
    differences: Mapping[str, Difference]
    units: int


def judge(
    labels: Labels,
    clusters: npt.NDArray[np.integer],
    repetitions: Sequence[Mapping[str, Floats]],
    ours: str,
    baselines: Sequence[str],
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Verdict:
    """Judge n households by their labels and each model's probabilities, in one or more repetitions.

    `clusters` names what is drawn: households or groups, numbered from 0. A draw without both outcomes is
    drawn again. One cluster alone can show nothing: its intervals are all there is (−1 to 1).
    """
    names = list(repetitions[0])
    curves = {name: [WeightedAuc(labels, one[name]) for one in repetitions] for name in names}
    plain = np.ones(len(labels))
    points = {name: _mean(curves[name], plain) for name in names}
    draws = {name: np.empty(resamples) for name in names}
    rng = np.random.default_rng(seed)
    count = int(clusters.max()) + 1
    at = tries = 0
    while at < resamples:
        drawn = np.bincount(rng.integers(0, count, count), minlength=count)[clusters].astype(np.float64)
        tries += 1
        hits = float(drawn @ labels)
        if (hits == 0 or hits == drawn.sum()) and tries < 20 * resamples:
            continue
        for name in names:
            draws[name][at] = _mean(curves[name], drawn)
        at += 1
    wider = widening(min(len(np.unique(clusters[labels == value])) for value in (0, 1)))
    against = max(baselines, key=lambda name: points[name])
    differences = {
        name: Difference(
            points[ours] - points[name], _wider(draws[ours] - draws[name], points[ours] - points[name], wider)
        )
        for name in names
        if name != ours
    }
    intervals = {}
    for name in names:
        low, high = _wider(draws[name], points[name], wider)
        intervals[name] = (max(0.0, low), min(1.0, high))
    return Verdict(differences[against].verdict, against, intervals, differences, count)


def widening(units: int) -> float:
    """How many times wider an interval is that rests on so many units than on very many; infinite for one."""
    if units < 2:
        return math.inf
    return float(t.ppf(LEVELS[1], units - 1) / norm.ppf(LEVELS[1]) * math.sqrt(units / (units - 1)))


class WeightedAuc:
    """ROC-AUC of one ranking under any weights of its rows: sorted once, one pass a draw, ties as halves."""

    def __init__(self, labels: Labels, ranks: Floats) -> None:
        self._order = np.argsort(ranks, kind="stable")
        ordered = ranks[self._order]
        self._starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        self._labels = labels[self._order].astype(np.float64)

    def of(self, weights: Floats) -> float:
        """The AUC with these weights; NaN where an outcome has none."""
        ordered = weights[self._order]
        plus = np.add.reduceat(ordered * self._labels, self._starts)
        minus = np.add.reduceat(ordered * (1 - self._labels), self._starts)
        total = float(plus.sum() * minus.sum())
        below = np.cumsum(minus) - minus
        return float(plus @ (below + minus / 2)) / total if total else float("nan")


def _mean(curves: Sequence[WeightedAuc], weights: Floats) -> float:
    return float(np.mean([one.of(weights) for one in curves]))


def _wider(draws: Floats, point: float, factor: float) -> Interval:
    """The percentile interval with both its arms so many times as long; the point is always within."""
    if math.isinf(factor):
        return (-1.0, 1.0)
    low, high = np.nanquantile(draws, LEVELS)
    return point - factor * max(0.0, point - float(low)), point + factor * max(0.0, float(high) - point)
