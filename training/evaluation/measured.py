"""Measured: every number of one ranking on one test date or on all of them, with its interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scoring.capacity import Areas
from scoring.estimate import Estimate
from training.evaluation.estimate import TieEstimate
from training.evaluation.lists import VisitList
from training.evaluation.resampling import (
    BRIER,
    ECE,
    FOUND,
    POSITIVES,
    PR_AUC,
    ROC_AUC,
    VISITS,
)
from training.metrics import reliability

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Measured:
    """One ranking of n households: `kind` is rule, card, learned, champion or ours.

    Precision and recall are at visit capacity, each area's list cut at its own; `lift` is the precision
    divided by the best rule's. `brier` and `ece` are absent for mere ranks.
    """

    kind: str
    n: int
    positives: int
    visits: int
    roc_auc: Estimate
    pr_auc: Estimate
    precision: TieEstimate
    recall: TieEstimate
    lift: Estimate
    brier: Estimate | None
    ece: Estimate | None


@dataclass(frozen=True)
class Pooled:
    """One ranking over all test dates: counts at capacity are added, other numbers averaged over dates."""

    kind: str
    visits: int
    positives: int
    found: float
    roc_auc: Estimate
    pr_auc: Estimate
    precision: Estimate
    recall: Estimate
    lift: Estimate
    brier: Estimate | None
    ece: Estimate | None


@dataclass(frozen=True)
class Difference:
    """Ours minus another ranking on the same households and the same resamples."""

    precision: Estimate
    pr_auc: Estimate


@dataclass(frozen=True)
class AreaFigures:
    """One area: its households, its visits, how many have the outcome and how many of them are visited.

    `base_rate` is positives ÷ households, `precision` found ÷ visits, `recall` found ÷ positives; None where
    there is nothing to divide by. `is_small` marks fewer positives than the experiment asks of a group.
    """

    area: str
    households: int
    visits: int
    positives: int
    found: float
    base_rate: Estimate
    precision: Estimate | None
    recall: Estimate | None
    is_small: bool


@dataclass(frozen=True)
class CurvePoint:
    """One bin of a reliability curve: mean probability and observed share of equally many households."""

    households: int
    positives: int
    predicted: float
    observed: Estimate


@dataclass(frozen=True)
class DialPoint:
    """One setting of the cost dial, in counts: visits, households found and households missed."""

    times: float
    visits: int
    found: Estimate
    missed: Estimate


def describe(
    kind: str, labels: Labels, once: Floats, drawn: Floats, visited: VisitList, rule: tuple[Floats, Floats]
) -> Measured:
    """The numbers of one ranking; `once` (7,) and `drawn` (b, 7) are its passes, `rule` the best rule's."""
    worst, _, best = visited.found(labels)
    visits, positives = visited.areas.total, int(labels.sum())
    return Measured(
        kind=kind,
        n=len(labels),
        positives=positives,
        visits=visits,
        roc_auc=Estimate.of(once[ROC_AUC], drawn[:, ROC_AUC]),
        pr_auc=Estimate.of(once[PR_AUC], drawn[:, PR_AUC]),
        precision=_ties(once, drawn, VISITS, worst / visits, best / visits),
        recall=_ties(once, drawn, POSITIVES, worst / max(1, positives), best / max(1, positives)),
        lift=lift_over(once, drawn, *rule),
        brier=_if_known(once[BRIER], drawn[:, BRIER]),
        ece=_if_known(once[ECE], drawn[:, ECE]),
    )


def describe_pooled(kind: str, once: Floats, drawn: Floats, rule: tuple[Floats, Floats]) -> Pooled:
    """The numbers of one ranking over all dates, from `pool`ed passes."""
    with np.errstate(invalid="ignore", divide="ignore"):
        recall = Estimate.of(once[FOUND] / max(once[POSITIVES], 1.0), drawn[:, FOUND] / drawn[:, POSITIVES])
    return Pooled(
        kind=kind,
        visits=round(once[VISITS]),
        positives=round(once[POSITIVES]),
        found=float(once[FOUND]),
        roc_auc=Estimate.of(once[ROC_AUC], drawn[:, ROC_AUC]),
        pr_auc=Estimate.of(once[PR_AUC], drawn[:, PR_AUC]),
        precision=Estimate.of(float(precision(once)), precision(drawn)),
        recall=recall,
        lift=lift_over(once, drawn, *rule),
        brier=_if_known(once[BRIER], drawn[:, BRIER]),
        ece=_if_known(once[ECE], drawn[:, ECE]),
    )


def lift_over(once: Floats, drawn: Floats, rule_once: Floats, rule_drawn: Floats) -> Estimate:
    """Precision at capacity divided by a rule's. A rule that found nobody is taken to have found one."""
    return Estimate.of(
        once[FOUND] / max(rule_once[FOUND], 1.0), drawn[:, FOUND] / np.maximum(rule_drawn[:, FOUND], 1.0)
    )


def difference(ours: tuple[Floats, Floats], other: tuple[Floats, Floats]) -> Difference:
    """Ours minus another, each given as (once, drawn)."""
    (once, drawn), (other_once, other_drawn) = ours, other
    return Difference(
        Estimate.of(
            float(precision(once) - precision(other_once)), precision(drawn) - precision(other_drawn)
        ),
        Estimate.of(float(once[PR_AUC] - other_once[PR_AUC]), drawn[:, PR_AUC] - other_drawn[:, PR_AUC]),
    )


def precision(passes: Floats) -> Floats:
    """Found ÷ visits of passes (…, 7)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(passes[..., FOUND] / passes[..., VISITS])


def pool(passes: list[Floats]) -> Floats:
    """Passes over several dates as one: counts are added, areas under curves and errors are averaged.

    Ranks of one date are not compared with those of another: a rule's need not have the same scale.
    """
    together = np.mean(passes, axis=0)
    for column in (FOUND, VISITS, POSITIVES):
        together[..., column] = np.sum([one[..., column] for one in passes], axis=0)
    return np.asarray(together)


def by_area(
    areas: Areas, visited: VisitList, labels: Labels, *, small_cell: int, seed: int, resamples: int
) -> tuple[AreaFigures, ...]:
    """One line an area; their sums are what is reported of all.

    The lists stay as they were. Shares of fewer than `small_cell` cases, and base rates, have Wilson's
    intervals; for the others households with the outcome or on the list are drawn anew.
    """
    rows = np.flatnonzero((labels == 1) | (visited.chance > 0))
    rows = rows[np.argsort(areas.index[rows], kind="stable")]
    weights = np.random.default_rng([seed, 4]).poisson(1.0, (resamples, len(rows))).astype(np.float64)
    ends = np.searchsorted(areas.index[rows], np.arange(len(areas.codes)), side="right")
    marks, chance = labels[rows].astype(np.float64), visited.chance[rows]

    def figures(at: int, code: str) -> AreaFigures:
        own = slice(int(ends[at - 1]) if at else 0, int(ends[at]))
        households, visits, positives = (
            int(areas.households[at]),
            int(areas.visits[at]),
            int(marks[own].sum()),
        )
        found = float((chance[own] * marks[own]).sum())
        drawn = weights[:, own]
        with np.errstate(invalid="ignore", divide="ignore"):
            hits = drawn @ (chance[own] * marks[own])
            of_visits, of_positives = hits / (drawn @ chance[own]), hits / (drawn @ marks[own])
        return AreaFigures(
            code or "all", households, visits, positives, found,
            base_rate=Estimate.wilson(positives / households, households),
            precision=Estimate.of_share(found, visits, of_visits, small_cell),
            recall=Estimate.of_share(found, positives, of_positives, small_cell),
            is_small=positives < small_cell,
        )  # fmt: skip

    return tuple(figures(at, code) for at, code in enumerate(areas.codes))


def curve(labels: Labels, probabilities: Floats, seed: int, resamples: int) -> tuple[CurvePoint, ...]:
    """The reliability curve in ten bins; the observed share's interval draws the bin's households anew."""
    rng = np.random.default_rng([seed, 1])
    points = []
    for one in reliability(labels, probabilities):
        size = int(one["households"])
        drawn = rng.binomial(size, one["observed"], resamples) / size
        points.append(
            CurvePoint(
                size, round(one["observed"] * size), one["predicted"], Estimate.of(one["observed"], drawn)
            )
        )
    return tuple(points)


def _ties(once: Floats, drawn: Floats, by: int, worst: float, best: float) -> TieEstimate:
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = Estimate.of(once[FOUND] / max(once[by], 1.0), drawn[:, FOUND] / drawn[:, by])
    return TieEstimate(mean.value, mean.low, mean.high, worst, best)


def _if_known(value: float, drawn: Floats) -> Estimate | None:
    return Estimate.of(value, drawn) if np.isfinite(value) else None
