"""Resampling: the same made-up counties for every ranking, so that differences are paired.

A cluster bootstrap by household: each household's rows, on all test dates, are drawn together. The number of
times it is drawn is Poisson(1), which for many households is the multinomial of the ordinary bootstrap
(Hanley & MacGibbon 2006) and needs no list of drawn rows: a ranking is sorted once, and a resample is one
weighted pass over it. Capacity is a property of the areas: an area drawn larger visits more, in proportion,
and its ranking is cut anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from scoring.capacity import Areas
from scoring.contributions.compiling import compiled

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
Weights = npt.NDArray[np.uint8]

ROC_AUC, PR_AUC, BRIER, ECE, FOUND, VISITS, POSITIVES = range(7)
"""Columns of what a pass measures; `BRIER` and `ECE` are NaN for mere ranks."""

BINS = 10
AT_ONCE = 20
"""Resamples drawn together: 20 MB for a million households."""


@dataclass(frozen=True)
class Sorted:
    """One ranking on one date, sorted for weighted passes, higher ranks first."""

    order: npt.NDArray[np.int64]
    is_tied: npt.NDArray[np.bool_]
    labels: npt.NDArray[np.uint8]
    probabilities: Floats
    bins: npt.NDArray[np.uint8]
    area_order: npt.NDArray[np.int64]
    is_area_tied: npt.NDArray[np.bool_]
    area_labels: npt.NDArray[np.uint8]
    area_starts: npt.NDArray[np.int64]
    area_visits: npt.NDArray[np.int64]


def sort_ranking(labels: Labels, ranks: Floats, areas: Areas, *, is_probability: bool) -> Sorted:
    """Sort once: over all households, and within each area."""
    ascending = np.argsort(ranks, kind="stable")
    bins = np.empty(len(ranks), dtype=np.uint8)
    for number, part in enumerate(np.array_split(ascending, BINS)):
        bins[part] = number
    order = ascending[::-1]
    within = np.lexsort((-ranks, areas.index))
    same_area = np.r_[False, areas.index[within][1:] == areas.index[within][:-1]]
    marks = labels.astype(np.uint8)
    return Sorted(
        order=order,
        is_tied=_tied(ranks[order]),
        labels=marks[order],
        probabilities=ranks[order].astype(np.float64) if is_probability else np.empty(0),
        bins=bins[order],
        area_order=within,
        is_area_tied=_tied(ranks[within]) & same_area,
        area_labels=marks[within],
        area_starts=np.r_[0, np.cumsum(areas.households)].astype(np.int64),
        area_visits=areas.visits,
    )


def measure_once(ranking: Sorted) -> Floats:
    """The numbers themselves, (7,): every household once."""
    return np.asarray(measure_weighted(ranking, np.ones((1, len(ranking.order)), dtype=np.uint8))[0])


def measure_weighted(ranking: Sorted, weights: Weights) -> Floats:
    """The numbers (b, 7) with each household as often as `weights` (b, n) says."""
    out = np.full((len(weights), 7), np.nan)
    _pass(
        weights, ranking.order, ranking.is_tied, ranking.labels, ranking.probabilities, ranking.bins,
        ranking.area_order, ranking.is_area_tied, ranking.area_labels, ranking.area_starts,
        ranking.area_visits, out,
    )  # fmt: skip
    return out


def draw_weights(seed: int, resamples: int, households: int) -> Iterator[Weights]:
    """How often each household is drawn, (b, households) a part; resample i depends on seed and i alone."""
    for start in range(0, resamples, AT_ONCE):
        numbers = range(start, min(resamples, start + AT_ONCE))
        yield np.stack([
            np.random.default_rng([seed, number]).poisson(1.0, households).astype(np.uint8)
            for number in numbers
        ])


def resample(
    dates: list[list[Sorted]],
    rows: list[npt.NDArray[np.int64]],
    households: int,
    *,
    seed: int,
    resamples: int,
    threads: int,
) -> list[list[Floats]]:
    """Measure every ranking of every date on the same resamples: (resamples, 7) each.

    `rows` gives, for each date, the number of the household of each row, below `households`.
    """
    found: list[list[list[Floats]]] = [[[] for _ in rankings] for rankings in dates]
    with ThreadPoolExecutor(max(1, threads)) as pool:
        for part in draw_weights(seed, resamples, households):
            for rankings, places, kept in zip(dates, rows, found, strict=True):
                weights = np.ascontiguousarray(part[:, places])
                drawn = pool.map(measure_weighted, rankings, [weights] * len(rankings))
                for one, new in zip(kept, drawn, strict=True):
                    one.append(new)
    empty = np.empty((0, 7))
    return [[np.concatenate([empty, *parts]) for parts in kept] for kept in found]


def _tied(values: Floats) -> npt.NDArray[np.bool_]:
    return np.asarray(np.r_[False, values[1:] == values[:-1]], dtype=np.bool_)


@compiled
def _pass(
    weights: Any, order: Any, is_tied: Any, labels: Any, probabilities: Any, bins: Any, area_order: Any,
    is_area_tied: Any, area_labels: Any, area_starts: Any, area_visits: Any, out: Any,
) -> None:  # fmt: skip
    n = len(order)
    for b in range(len(weights)):
        drawn = weights[b]
        plus = minus = in_plus = in_minus = 0
        lost = precision = brier = 0.0
        gaps = np.zeros(BINS)
        for at in range(n):
            if not is_tied[at] and in_plus + in_minus > 0:
                # A positive loses to every negative above it, and half to those beside it.
                lost += in_plus * (minus + 0.5 * in_minus)
                plus += in_plus
                minus += in_minus
                precision += in_plus * plus / (plus + minus)
                in_plus = in_minus = 0
            weight = drawn[order[at]]
            if labels[at]:
                in_plus += weight
            else:
                in_minus += weight
            if len(probabilities):
                miss = probabilities[at] - labels[at]
                brier += weight * miss * miss
                gaps[bins[at]] += weight * miss
        lost += in_plus * (minus + 0.5 * in_minus)
        plus += in_plus
        minus += in_minus
        if plus + minus > 0:
            precision += in_plus * plus / (plus + minus)
        if plus > 0 and minus > 0:
            out[b, 0] = 1 - lost / (float(plus) * minus)
            out[b, 1] = precision / plus
        if len(probabilities) and plus + minus > 0:
            out[b, 2] = brier / (plus + minus)
            out[b, 3] = np.abs(gaps).sum() / (plus + minus)
        found = visited = 0.0
        for area in range(len(area_visits)):
            first, end = area_starts[area], area_starts[area + 1]
            size = 0
            for at in range(first, end):
                size += drawn[area_order[at]]
            # Multiplied first: whole numbers stay whole where nobody is drawn twice.
            seats = area_visits[area] * float(size) / max(1, end - first)
            visited += seats
            at = first
            while at < end and seats > 0:
                group = group_plus = 0
                while True:
                    weight = drawn[area_order[at]]
                    group += weight
                    group_plus += weight * area_labels[at]
                    at += 1
                    if at >= end or not is_area_tied[at]:
                        break
                if group > 0:
                    taken = min(1.0, seats / group)
                    found += taken * group_plus
                    seats -= taken * group
        out[b, 4], out[b, 5], out[b, 6] = found, visited, plus
