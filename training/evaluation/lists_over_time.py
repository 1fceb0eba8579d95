"""Lists over time: how much of a list is new at the next date, and how a champion's list differs."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scoring.estimate import Estimate
from training.evaluation.measured import Difference

Names = npt.NDArray[np.object_]
Flags = npt.NDArray[np.bool_]

FEW = 20
"""Of fewer households on either list resamples say nothing."""


@dataclass(frozen=True)
class ListChange:
    """Two consecutive lists of ours, in counts of households.

    `jaccard` compares the households that were in the cohort on both dates: who left it because the
    household was identified (`no_longer_in_cohort`) is no sign of an unsteady list.
    """

    from_date: dt.date
    to_date: dt.date
    listed_before: int
    listed_after: int
    stay: int
    leave: int
    enter: int
    no_longer_in_cohort: int
    jaccard: Estimate


@dataclass(frozen=True)
class Churn:
    """Our list beside the champion's on one date: who stays, leaves and enters, and what is gained.

    `champion_saw_test` says that the champion was trained on outcomes later than the date, so that its
    figures flatter it.
    """

    as_of_date: dt.date
    champion: str
    champion_saw_test: bool
    stay: int
    leave: int
    enter: int
    jaccard: Estimate
    difference: Difference


def jaccard(both: int, either: int, *, seed: int, resamples: int) -> Estimate:
    """Households on both lists divided by households on either; 1 for two empty lists.

    For the interval the households on either list are drawn anew; of few of them it is Wilson's.
    """
    if not either:
        return Estimate(1.0, math.nan, math.nan)
    weights = np.random.default_rng([seed, 6]).poisson(1.0, (resamples, either))
    with np.errstate(invalid="ignore"):
        drawn = weights[:, :both].sum(axis=1) / weights.sum(axis=1)
    found = Estimate.of_share(both, either, drawn, FEW)
    assert found is not None
    return found


def list_change(
    before: tuple[dt.date, Names, Flags], after: tuple[dt.date, Names, Flags], *, seed: int, resamples: int
) -> ListChange:
    """Compare two dates' lists, each (date, households of the cohort (n,), who is listed (n,))."""
    cohorts = [set(names.tolist()) for _, names, _ in (before, after)]
    lists = [set(names[on].tolist()) for _, names, on in (before, after)]
    gone = len(lists[0] - cohorts[1])
    both = cohorts[0] & cohorts[1]
    first, second = lists[0] & both, lists[1] & both
    return ListChange(
        before[0], after[0], len(lists[0]), len(lists[1]), len(first & second), len(first - second),
        len(lists[1] - lists[0]), gone,
        jaccard(len(first & second), len(first | second), seed=seed, resamples=resamples),
    )  # fmt: skip


def churn(
    as_of: dt.date, champion: str, saw_test: bool, ours: Flags, theirs: Flags, gained: Difference,
    *, seed: int, resamples: int,
) -> Churn:  # fmt: skip
    """Compare our list with the champion's over the same households."""
    stay = int((ours & theirs).sum())
    either = int((ours | theirs).sum())
    return Churn(
        as_of, champion, saw_test, stay, int((theirs & ~ours).sum()), int((ours & ~theirs).sum()),
        jaccard(stay, either, seed=seed, resamples=resamples), gained,
    )  # fmt: skip
