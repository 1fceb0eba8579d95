"""Faults: which area a fault belongs to. It belongs to the smallest area that holds all of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from features.health import surprise
from features.health.reasons import REASONS
from features.health.statements import Statements
from features.signals import CONTRACTS
from tests.features.health.one_by_one.grid import NOWHERE, Mask
from tests.features.health.one_by_one.history import History
from tests.features.health.one_by_one.silences import find_silences
from tests.features.health.one_by_one.usual import Usual

SURPRISING = 10.0
"""A test fires at a chance below exp(−10), 1 in 22,000: with some 3,000 tests of villages a month and a bound
that is not reached, a good month raises one flag in several months."""

FEWEST_ROWS = 3
"""Fewer odd rows are dirt, which intake handles row by row."""

FEWER = 0.7
"""Rows below this share of the expected count are few; an assumption."""

NEXT_TO_NONE = 0.05
"""Share of an area's rows, or of those expected, below which they say nothing of the area."""

CHECKS: dict[str, tuple[tuple[str, ...], float]] = {
    "foreign_households": (("foreign",), 0.05),
    "new_category": (("strange",), 0.05),
    "missing_values": (("missing",), 0.05),
    "unit_slip": (("large", "small"), 0.60),
    "zeros": (("zero",), 0.10),
    "many_rows": (("copies",), 0.05),
    "repeated": (("repeats",), 0.20),
    "shifted_dates": (("dates",), 0.05),
}
"""Reason → the oddities that speak for it, and by how much their share must exceed the usual one; where
less room is left, half of it. Assumptions, set below the faults that were seen and above seasons."""

CLOSER_CHECKS: tuple[tuple[str, tuple[str, ...], float], ...] = (
    ("many_rows", ("twins",), 0.20),
    ("unit_slip", ("high", "low"), 0.50),
    ("unit_slip", ("large", "small"), 0.20),
    ("zeros", ("same",), 0.40),
)
"""Reason, oddities and margin of a closer look at what has no fault yet. A month has to go that far beyond
the worst there was, so the look needs a steady history and says nothing of feeds that come in bursts.
Assumptions: the same rows with other dates, all amounts ten times too large or too small, a part of them in
another unit, one amount for everybody."""

_COUNTY, _TOWN, _VILLAGE = 6, 9, 12


@dataclass(frozen=True)
class Fault:
    """One fault: where, why, and by how much.

    `is_whole` says that it is the feed's fault in the whole county. `oddities` names what fired. `share` is
    the share of rows affected (for few rows: lacking; without a statement: 1), `usual` the usual share.
    """

    area: str
    reason: str
    is_whole: bool
    oddities: tuple[str, ...]
    rows: float
    share: float
    usual: float


class _Test(Protocol):
    def may_fire(self, mask: Mask) -> bool:
        """Whether it could fire in any part of the mask; cheap, and never wrongly False."""
        ...

    def fires(self, mask: Mask) -> bool: ...
    def excess(self, mask: Mask) -> tuple[float, float, float]:
        """Affected rows, the rows they are among, and their rate beyond the usual one."""
        ...


class _ShareTest:
    def __init__(self, usual: Usual, name: str, margin: float, *, is_worst: bool = False) -> None:
        self.usual, self.name, self.margin, self.is_worst = usual, name, margin, is_worst

    def may_fire(self, mask: Mask) -> bool:
        return self.usual.cells(self.name, mask)[0] >= FEWEST_ROWS

    def fires(self, mask: Mask) -> bool:
        if not self.may_fire(mask):
            return False
        surprising, _, share, usual = self.usual.share_surprise(self.name, mask, is_worst=self.is_worst)
        enough = share - usual >= min(self.margin, (1 - usual) / 2)
        return enough and surprising >= SURPRISING

    def excess(self, mask: Mask) -> tuple[float, float, float]:
        part, whole = self.usual.cells(self.name, mask)
        known = self.usual.worst_share if self.is_worst else self.usual.share
        usual = known(self.name, mask)
        return part, whole, 0.0 if usual is None or whole == 0 else max(0.0, part / whole - usual)


class FewRowsTest:
    """Whether an area has fewer rows than the share `below` of what was to be expected, and not by chance."""

    def __init__(self, usual: Usual, below: float) -> None:
        self.usual, self.below = usual, below

    def may_fire(self, mask: Mask) -> bool:
        return bool(mask.any())

    def fires(self, mask: Mask) -> bool:
        count = self.usual.grid.cell("rows", self.usual.month, mask)
        if count > self.below * self.usual.most_rows(mask):
            return False
        expected = self.usual.rows_expected(mask)
        if expected is None or count > self.below * expected[0]:
            return False
        return surprise.of_count(count, expected[0]) / expected[1] >= SURPRISING

    def excess(self, mask: Mask) -> tuple[float, float, float]:
        expected = self.usual.rows_expected(mask)
        if expected is None or expected[0] <= 0:
            return 0.0, 0.0, 0.0
        lacking = expected[0] - self.usual.grid.cell("rows", self.usual.month, mask)
        return lacking, expected[0], lacking / expected[0]


def find_faults(
    history: History,
    month: int,
    statements: Statements,
    *,
    is_due: bool,
    months: Sequence[int],
    homes: Mapping[str, int],
) -> list[Fault]:
    """All faults of one feed in one month, county by county. One reason an area: the first that explains it.

    `is_due` says whether the month's delivery should be there; `months` are those to compare with, as far as
    they are earlier; `homes` says how many registered households a village has. What is found is left out of
    `history`, so that no later month takes it for usual.
    """
    found = []
    grid = history.grid
    places = [one for one in grid.villages if one != NOWHERE]
    counties = sorted({one[:_COUNTY] for one in places})
    largest = max(counties, key=lambda code: sum(one.startswith(code) for one in places), default="")
    for county in counties:
        mask = grid.mask(county)
        if county == largest:
            # Rows of nobody have no place; they are the feed's trouble where most of its rows are.
            mask |= grid.mask(NOWHERE)
        faults = _County(history, month, county, mask, months).faults(statements, is_due, homes)
        for one in faults:
            history.leave_out(month, mask if one.area == county else grid.mask(one.area))
        found += faults
    return found


class _County:
    def __init__(self, history: History, month: int, code: str, mask: Mask, months: Sequence[int]) -> None:
        self.history, self.grid, self.month, self.code, self.months = (
            history,
            history.grid,
            month,
            code,
            months,
        )
        self.free = mask.copy()
        self.places = np.array([one != NOWHERE for one in history.grid.villages], dtype=np.bool_)

    def faults(self, statements: Statements, is_due: bool, homes: Mapping[str, int]) -> list[Fault]:
        found = self._unstated(statements, is_due)
        for reason in REASONS:
            if reason in CHECKS:
                found += self._shares(reason, *CHECKS[reason])
                if reason == "foreign_households":
                    # Rows of nobody have been spoken of; they have no place that could be compared.
                    self.free &= self.places
                    # Of next to no rows, the few that are left say nothing.
                    found += self._few_rows(NEXT_TO_NONE)
            elif reason == "few_rows":
                found += self._few_rows(FEWER)
                # A spell is there in every month it lasts: months without one are one fact told again.
                if CONTRACTS[statements.feed].kind == "event":
                    found += self._silences(homes)
        for reason, kinds, margin in CLOSER_CHECKS:
            found += self._shares(reason, kinds, margin, is_worst=True)
        return found

    def _claim(self, area: str) -> None:
        self.free &= ~self.grid.mask(area)
        if area == self.code:
            self.free[:] = False

    def _unstated(self, statements: Statements, is_due: bool) -> list[Fault]:
        """Villages of which the month is not, or not wholly, stated; they take no part in other tests."""
        wrong: dict[str, Mask] = {}
        shares: dict[str, float] = {}
        for at in np.flatnonzero(self.free & self.places):
            village = self.grid.villages[at]
            stated = statements.of(village, self.month)
            if stated.on is not None:
                continue
            missed = statements.missed(village, self.month)
            reason = "few_rows" if stated.share > 0 else "late" if missed == 1 else "silent"
            wrong.setdefault(reason, np.zeros_like(self.free))[at] = True
            shares[reason] = 1 - stated.share
        found = []
        for reason, mask in wrong.items():
            if is_due:
                found += [
                    Fault(area, reason, area == self.code, ("statement",), 0.0, shares[reason], 0.0)
                    for area in self._areas_of(mask)
                ]
        for mask in wrong.values():
            self.free &= ~mask
        if not (self.free & self.places).any():
            self.free[:] = False
        return found

    def _areas_of(self, mask: Mask) -> list[str]:
        """The largest areas all of whose villages are in the mask."""
        whole = self.grid.mask(self.code)
        if mask[whole].all():
            return [self.code]
        areas = []
        for town, inside in self._parts(whole, _TOWN):
            if mask[inside].all():
                areas.append(town)
            else:
                areas += [self.grid.villages[at] for at in np.flatnonzero(mask & inside)]
        return areas

    def _shares(
        self, reason: str, kinds: Sequence[str], margin: float, *, is_worst: bool = False
    ) -> list[Fault]:
        names = [one for one in self.grid.names if one.partition(":")[0] in kinds]
        usual = Usual(self.history, self.month, self.months, self.free.copy())
        tests = {name: _ShareTest(usual, name, margin, is_worst=is_worst) for name in names}
        areas: dict[str, list[str]] = {}
        for name, test in tests.items():
            for area in self._locate(test):
                areas.setdefault(area, []).append(name)
        found = []
        for area in _outermost(areas):
            inside = self.free if area == self.code else self.grid.mask(area) & self.free
            within = [one for one in areas if one.startswith(area)]
            fired = [name for name in names if any(name in areas[one] for one in within)]
            measured = {name: usual.share_surprise(name, inside, is_worst=is_worst) for name in fired}
            worst = max(measured.values(), key=lambda one: one[2] - one[3])
            is_whole = area == self.code and any(self._is_everywhere(tests[one]) for one in fired)
            found.append(Fault(area, reason, is_whole, tuple(fired), worst[1], worst[2], worst[3]))
        for one in found:
            self._claim(one.area)
        return found

    def _few_rows(self, below: float) -> list[Fault]:
        test = FewRowsTest(Usual(self.history, self.month, self.months, self.free.copy()), below)
        found = []
        for area in self._locate(test):
            inside = self.free if area == self.code else self.grid.mask(area) & self.free
            rows, _, rate = test.excess(inside)
            is_whole = area == self.code and self._is_everywhere(test)
            found.append(Fault(area, "few_rows", is_whole, ("rows",), rows, rate, 0.0))
        for one in found:
            self._claim(one.area)
        return found

    def _silences(self, homes: Mapping[str, int]) -> list[Fault]:
        usual = Usual(self.history, self.month, self.months, self.free.copy())
        silent = find_silences(usual, self.free & self.places, homes, SURPRISING)
        found = [
            Fault(self.grid.villages[at], "few_rows", False, ("rows",), rows, 1.0, 0.0)
            for at, rows in silent.items()
        ]
        for one in found:
            self._claim(one.area)
        return found

    def _locate(self, test: _Test) -> list[str]:
        """The areas a fault belongs to: the county, some of its towns, or some of their villages."""
        if not test.may_fire(self.free):
            return []
        if self._is_everywhere(test):
            return [self.code]
        areas: list[str] = []
        rest = self.free.copy()
        for town, inside in self._towns():
            found = self._locate_inside(test, town, inside)
            areas += found
            for one in found:
                rest &= ~self.grid.mask(one)
        # What no part accounts for is the county's: single rows here and there, or rows of nobody.
        return [self.code] if test.fires(rest) else areas

    def _locate_inside(self, test: _Test, town: str, inside: Mask) -> list[str]:
        if not test.may_fire(inside):
            return []
        villages = self._parts(inside, _VILLAGE)
        fires = test.fires(inside)
        if fires and _is_spread(test, inside, villages):
            return [town]
        hit = [(village, mask) for village, mask in villages if test.fires(mask)]
        rest = inside.copy()
        for _, mask in hit:
            rest &= ~mask
        return [town] if fires and (not hit or test.fires(rest)) else [village for village, _ in hit]

    def _is_everywhere(self, test: _Test) -> bool:
        return test.fires(self.free) and _is_spread(test, self.free, self._towns())

    def _towns(self) -> list[tuple[str, Mask]]:
        return self._parts(self.free, _TOWN)

    def _parts(self, mask: Mask, digits: int) -> list[tuple[str, Mask]]:
        # Only the places of the mask are looked at: a county has thousands of villages, a town some dozens.
        parts: dict[str, Mask] = {}
        for at in np.flatnonzero(mask & self.places).tolist():
            parts.setdefault(self.grid.villages[at][:digits], np.zeros_like(mask))[at] = True
        return sorted(parts.items())


def _is_spread(test: _Test, mask: Mask, parts: list[tuple[str, Mask]]) -> bool:
    """Whether the fault is also outside the part that has most of it, at half that part's rate or more.

    A third is enough where the rest would be at fault by itself: few rows differ by chance. Where there are
    next to no rows outside, everything that was delivered is at fault.
    """
    if len(parts) < 2:
        return True
    worst = max((one for _, one in parts), key=lambda one: test.excess(one)[0])
    outside = mask & ~worst
    _, rows_outside, rate_outside = test.excess(outside)
    rate_there = test.excess(worst)[2]
    if rows_outside <= NEXT_TO_NONE * test.excess(mask)[1] or rate_outside >= rate_there / 2:
        return True
    return rate_outside >= rate_there / 3 and test.fires(outside)


def _outermost(areas: dict[str, list[str]]) -> list[str]:
    return [one for one in areas if not any(one != other and one.startswith(other) for other in areas)]
