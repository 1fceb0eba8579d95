"""Visit capacity: how many households each area can visit; its own list is cut there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, model_validator

from features.regions import AREA_LEVELS
from scoring.errors import CapacityError

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
        `CapacityError` when the areas are not known, or an override names none of them.
        """
        codes: tuple[str, ...] = ("",)
        index: npt.NDArray[Any] = np.zeros(rows, dtype=np.int64)
        if self.level != WHOLE:
            if villages is None:
                raise CapacityError(
                    f"capacity is given for each {self.level}, but the rows have no area codes"
                )
            length = LEVEL_LENGTHS[self.level]
            names = pd.Series(villages, dtype="str").str[:length]
            if (names.str.len() < length).any():
                raise CapacityError(
                    f"capacity is given for each {self.level}, but some area codes are shorter"
                )
            index, found = pd.factorize(names, sort=True)
            codes = tuple(map(str, found))
        households = np.bincount(index, minlength=len(codes)).astype(np.int64)
        return Areas(codes, index.astype(np.int64), households, self.visits(codes, households))

    def visits(self, codes: Sequence[str], households: Ints) -> Ints:
        """The visits of areas of the level, by their codes and numbers of households, (n,) each.

        Raises `CapacityError` where an override names none of them.
        """
        own = dict(self.overrides)
        absent = sorted(set(own) - set(codes))
        if absent:
            raise CapacityError(f"capacity has an override for {', '.join(absent)}: no household lies there")
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


class QuotaEntry(BaseModel):
    """What an area can visit: a share of its households, or a number of visits."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    share: float | None = Field(default=None, gt=0, lt=1)
    visits: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.share is None) == (self.visits is None):
            raise ValueError("a quota is a share or a number of visits")
        return self

    def quota(self) -> Quota:
        """The same as the lists are cut by."""
        return Quota(self.share, self.visits)


class CapacityEntry(QuotaEntry):
    """The visit capacity that the model was chosen and measured by; `overrides` by area code."""

    level: Literal["all", "province", "city", "county", "township", "village"]
    overrides: dict[str, QuotaEntry] = Field(default_factory=dict)

    @classmethod
    def of(cls, capacity: Capacity) -> Self:
        """The entry of a capacity."""
        own = {code: QuotaEntry(**vars(quota)) for code, quota in capacity.overrides}
        return cls(**vars(capacity.quota), level=capacity.level, overrides=own)  # type: ignore[arg-type]

    def capacity(self) -> Capacity:
        """The inverse of `of`."""
        own = tuple((code, one.quota()) for code, one in self.overrides.items())
        return Capacity(self.quota(), self.level, own)


def apportion(share: float, households: Ints) -> Ints:
    """`share` of all households as whole visits, to the areas by largest remainder (Hamilton's method)."""
    return apportion_visits(round(share * int(households.sum())), households)


def apportion_visits(total: int, households: Ints) -> Ints:
    """`total` visits, to the areas in proportion to their households, by largest remainder."""
    exact = households * (total / max(1, int(households.sum())))
    visits = np.floor(exact).astype(np.int64)
    # Stable: of equal remainders the area with the lower code comes first.
    order = np.argsort(visits - exact, kind="stable")
    visits[order[: total - int(visits.sum())]] += 1
    return np.asarray(visits)
