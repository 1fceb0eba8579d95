"""Lists over time: how much of a list is new at the next date, and how a champion's list differs."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.evaluation.measured import Difference

Names = npt.NDArray[np.object_]
Flags = npt.NDArray[np.bool_]


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
    jaccard: float


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
    jaccard: float
    difference: Difference


def jaccard(first: set[str], second: set[str]) -> float:
    """Households on both lists divided by households on either; 1 for two empty lists."""
    either = len(first | second)
    return len(first & second) / either if either else 1.0


def list_change(before: tuple[dt.date, Names, Flags], after: tuple[dt.date, Names, Flags]) -> ListChange:
    """Compare two dates' lists, each (date, households of the cohort (n,), who is listed (n,))."""
    cohorts = [set(names.tolist()) for _, names, _ in (before, after)]
    lists = [set(names[on].tolist()) for _, names, on in (before, after)]
    gone = len(lists[0] - cohorts[1])
    both = cohorts[0] & cohorts[1]
    first, second = lists[0] & both, lists[1] & both
    return ListChange(
        before[0], after[0], len(lists[0]), len(lists[1]), len(first & second), len(first - second),
        len(lists[1] - lists[0]), gone, jaccard(first, second),
    )  # fmt: skip


def churn(
    as_of: dt.date, champion: str, saw_test: bool, ours: Flags, theirs: Flags, gained: Difference
) -> Churn:
    """Compare our list with the champion's over the same households."""
    stay = int((ours & theirs).sum())
    either = int((ours | theirs).sum())
    return Churn(
        as_of, champion, saw_test, stay, int((theirs & ~ours).sum()), int((ours & ~theirs).sum()),
        stay / either if either else 1.0, gained,
    )  # fmt: skip
