"""Visit capacity: how many households each area can visit; its own list is cut there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.regions import AREA_LEVELS
from training.errors import DataError

Ints = npt.NDArray[np.int64]

WHOLE = "all"
LEVEL_LENGTHS = {WHOLE: 0, **{level: length for length, level in AREA_LEVELS.items()}}
"""Level → how many digits of an area code name an area of it; `all` is one list over everything."""


@dataclass(frozen=True)
class Quota:
    """What one area can visit: a share of its households, or a number of visits. One of the two is None."""

    share: float | None = None
    visits: int | None = None

    def describe(self) -> str:
        """The quota in words."""
        return (
            f"{self.visits} visits" if self.share is None else f"{100 * self.share:.4g} % of the households"
        )


@dataclass(frozen=True)
class Capacity:
    """The quota of each area of a level; `overrides` holds (area code, quota) for areas that differ."""

    quota: Quota
    level: str = WHOLE
    overrides: tuple[tuple[str, Quota], ...] = ()

    def describe(self) -> str:
        """The capacity in one line, for reports."""
        own = f", {len(self.overrides)} with a quota of their own" if self.overrides else ""
        whose = "of all households together" if self.level == WHOLE else f"for each {self.level}"
        return f"{self.quota.describe()}, {whose}{own}"

    def divide(self, villages: npt.NDArray[np.object_] | None, rows: int) -> Areas:
        """Put n rows into areas and give each its visits; `villages` (n,) are area codes of the rows.

        A share is taken of all areas without a quota of their own together, and its visits go to the areas
        by largest remainder: rounding each area by itself could double what small areas can do. Raises
        `DataError` when the areas are not known, or an override names none of them.
        """
        codes: tuple[str, ...] = ("",)
        index: npt.NDArray[Any] = np.zeros(rows, dtype=np.int64)
        if self.level != WHOLE:
            if villages is None:
                raise DataError(f"capacity is given for each {self.level}, but the rows have no area codes")
            length = LEVEL_LENGTHS[self.level]
            names = pd.Series(villages, dtype="str").str[:length]
            if (names.str.len() < length).any():
                raise DataError(f"capacity is given for each {self.level}, but some area codes are shorter")
            index, found = pd.factorize(names, sort=True)
            codes = tuple(map(str, found))
        households = np.bincount(index, minlength=len(codes)).astype(np.int64)
        return Areas(codes, index.astype(np.int64), households, self._visits(codes, households))

    def _visits(self, codes: tuple[str, ...], households: Ints) -> Ints:
        own = dict(self.overrides)
        absent = sorted(set(own) - set(codes))
        if absent:
            raise DataError(f"capacity has an override for {', '.join(absent)}: no household lies there")
        visits = np.zeros(len(codes), dtype=np.int64)
        shared = np.array([code not in own for code in codes])
        for at, code in enumerate(codes):
            quota = own.get(code, self.quota)
            if quota.visits is not None:
                visits[at] = quota.visits
            elif code in own:
                visits[at] = round((quota.share or 0.0) * int(households[at]))
        if self.quota.share is not None and shared.any():
            visits[shared] = apportion(self.quota.share, households[shared])
        visits = np.minimum(visits, households)
        if not visits.any():
            # Whoever measures a list needs one: a single visit goes to the largest area.
            visits[int(np.argmax(households))] = 1
        return visits


@dataclass(frozen=True)
class Areas:
    """Rows put into areas: `index` (n,) is the area of each row; `households` and `visits` are by area."""

    codes: tuple[str, ...]
    index: Ints
    households: Ints
    visits: Ints

    @property
    def total(self) -> int:
        """All visits together."""
        return int(self.visits.sum())

    def times(self, factor: float) -> Areas:
        """The same areas with so many times the visits, rounded, never more than households."""
        visits = np.minimum(np.round(self.visits * factor).astype(np.int64), self.households)
        return Areas(self.codes, self.index, self.households, visits)


def apportion(share: float, households: Ints) -> Ints:
    """`share` of all households as whole visits, to the areas by largest remainder (Hamilton's method)."""
    total = round(share * int(households.sum()))
    exact = households * (total / max(1, int(households.sum())))
    visits = np.floor(exact).astype(np.int64)
    # Stable: of equal remainders the area with the lower code comes first.
    order = np.argsort(visits - exact, kind="stable")
    visits[order[: total - int(visits.sum())]] += 1
    return np.asarray(visits)
