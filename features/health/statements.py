"""Statements: what a department said to have delivered completely, village by village and month by month."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from features.health.months import first_day, last_day, month_of
from features.signals import Coverage, Delivery

GRACE_DAYS = 5
"""Days after a feed's own usual day before a delivery counts as late; an assumption."""


@dataclass(frozen=True)
class Stated:
    """What is stated of one month for one village.

    `on` is the day on which the whole month was stated; `None` while it is not. `share` is the share of the
    month's days that are stated.
    """

    on: dt.date | None
    share: float


class Statements:
    """The deliveries of one feed that were known on a date."""

    def __init__(self, coverage: Coverage, feed: str, as_of: dt.date) -> None:
        self.feed = feed
        self.as_of = as_of
        self._by_area: dict[str, list[Delivery]] = {}
        for one in coverage.deliveries:
            if one.feed == feed and one.known_on <= as_of:
                self._by_area.setdefault(one.area_code, []).append(one)
        self._digits = sorted({len(one) for one in self._by_area if len(one) > 1})
        self.stated = cache(self._stated)

    @property
    def is_empty(self) -> bool:
        """Whether the feed was never delivered anywhere."""
        return not self._by_area

    @property
    def first_month(self) -> int:
        """The first month that was wholly stated from its first day."""
        first = min(one.complete_from for stated in self._by_area.values() for one in stated)
        return month_of(first) + (first.day > 1)

    def of(self, village: str, month: int) -> Stated:
        """What is stated of a month for a village, by statements about it or any area above it."""
        return self.stated(self._areas_of(village), month)

    def _areas_of(self, village: str) -> tuple[str, ...]:
        return tuple(one for n in self._digits if n <= len(village) and (one := village[:n]) in self._by_area)

    def matrix(self, villages: Sequence[str], months: Sequence[int]) -> npt.NDArray[np.bool_]:
        """(months, villages): whether the whole month was stated for the village."""
        # Thousands of villages are stated in a few ways: most by a statement about all of the county.
        areas = [self._areas_of(one) for one in villages]
        different = {one: at for at, one in enumerate(dict.fromkeys(areas))}
        told = [[self.stated(one, month).on is not None for one in different] for month in months]
        which = np.array([different[one] for one in areas], dtype=np.intp)
        return np.array(told, dtype=np.bool_).reshape(len(months), len(different))[:, which]

    def due_month(self, villages: Sequence[str]) -> tuple[int, bool]:
        """The last month to be judged, and whether its delivery is due by the feed's own usual delay.

        The usual delay is the median over past months, plus three robust standard deviations, plus a grace
        of `GRACE_DAYS`. A month of which most villages are stated is judged at once, due or not. A feed of
        which nothing was stated in two years is due to the end of last month.
        """
        last = month_of(self.as_of)
        probe = list(villages[:: max(1, len(villages) // 200)])
        delays: list[int] = []
        newest: int | None = None
        for month in range(last, last - 25, -1):
            if last_day(month) > self.as_of:
                continue
            stated = [self.of(one, month).on for one in probe]
            days = [one for one in stated if one is not None]
            delays += [(day - last_day(month)).days for day in days]
            if newest is None and len(days) * 2 > len(probe):
                newest = month
        if not delays:
            return last - 1, True
        middle = float(np.median(delays))
        spread = 1.4826 * float(np.median(np.abs(np.array(delays) - middle)))
        usual = int(middle + 3 * spread) + GRACE_DAYS
        due = next(
            month for month in range(last, last - 1200, -1)
            if last_day(month) + dt.timedelta(days=usual) <= self.as_of
        )  # fmt: skip
        return (due, True) if newest is None or newest <= due else (newest, False)

    def missed(self, village: str, due: int, at_most: int = 24) -> int:
        """How many months up to the due one are without any statement since the last stated one."""
        for count in range(at_most):
            if self.of(village, due - count).share > 0:
                return count
        return at_most

    def _stated(self, areas: tuple[str, ...], month: int) -> Stated:
        first, last = first_day(month), last_day(month)
        length = (last - first).days + 1
        covered = np.zeros(length, dtype=bool)
        touching = [
            one
            for area in areas
            for one in self._by_area[area]
            if one.complete_from <= last and one.complete_until >= first
        ]
        for one in sorted(touching, key=lambda delivery: delivery.known_on):
            begin = max(0, (one.complete_from - first).days)
            covered[begin : (one.complete_until - first).days + 1] = True
            if covered.all():
                return Stated(one.known_on, 1.0)
        return Stated(None, float(covered.mean()))
