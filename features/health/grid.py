"""Grid: counts of one feed by month and village; every larger area is a sum of its villages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]

NOWHERE = "?"
"""The village of rows in which nobody of the register can be recognised."""

_MOST_PARTS = 256
"""Divisions that are kept: every fault that is found makes another."""

_OF_POSITIVE = ("large", "small", "high", "low", "same")


class Parts:
    """The areas of one level among some places of a grid, in the order of their codes.

    `places` are the columns of the grid that belong to an area, area by area.
    """

    def __init__(self, codes: Sequence[str], labels: Places, places: Places) -> None:
        mine = labels[places]
        order = np.argsort(mine, kind="stable")
        self.places = places[order]
        found, self._starts = np.unique(mine[order], return_index=True)
        self.codes = [codes[one] for one in found.tolist()]
        self._ends = np.append(self._starts[1:], len(places))
        self._width = len(labels)
        self._is_single = len(self.codes) == len(places)

    def __len__(self) -> int:
        return len(self.codes)

    def sums(self, values: npt.NDArray[Any]) -> Counts:
        """Sums (…, areas) of values (…, villages of the grid)."""
        inside = np.asarray(values.take(self.places, axis=-1), dtype=np.float64)
        if self._is_single or not len(self.places):
            return inside
        return np.asarray(np.add.reduceat(inside, self._starts, axis=-1), dtype=np.float64)

    def mask(self, at: int) -> Mask:
        """The villages of one area."""
        found = np.zeros(self._width, dtype=np.bool_)
        found[self.places[self._starts[at] : self._ends[at]]] = True
        return found

    def masks(self) -> list[tuple[str, Mask]]:
        """Every area with its villages."""
        return [(code, self.mask(at)) for at, code in enumerate(self.codes)]


class Grid:
    """Named tables of counts, months × villages. A name is kind or kind:field; `rows` is always there.

    `dates` counts rows that arrived since the month began with an odd day of occurrence; they may lie in any
    month. `positive:field` counts the amounts above zero.
    """

    def __init__(self, months: Sequence[int], villages: Sequence[str]) -> None:
        self.months = list(months)
        self.villages = list(villages)
        self._tables: dict[str, Counts] = {}
        self._rows = {month: at for at, month in enumerate(self.months)}
        self._columns = {village: at for at, village in enumerate(self.villages)}
        self._masks: dict[str, Mask] = {}
        self._labels: dict[int, tuple[list[str], Places]] = {}
        self._parts: dict[tuple[int, bytes], Parts] = {}

    @cached_property
    def is_place(self) -> Mask:
        """Which of the villages there are."""
        return np.array([one != NOWHERE for one in self.villages], dtype=np.bool_)

    def fill(self, name: str, months: Sequence[int], villages: Sequence[str], counts: npt.ArrayLike) -> None:
        """Set the counts of one name; places that are not mentioned are 0."""
        table = np.zeros((len(self.months), len(self.villages)))
        table[self.rows(months), self.columns(villages)] = counts
        self._tables[name] = table

    def rows(self, months: Iterable[int]) -> Places:
        """The places of months."""
        return np.array([self._rows[one] for one in months], dtype=np.intp)

    def columns(self, villages: Iterable[str]) -> Places:
        """The places of villages."""
        return np.array([self._columns[one] for one in villages], dtype=np.intp)

    def put(self, name: str, table: Counts) -> None:
        """Set the counts of one name, months × villages."""
        self._tables[name] = table

    @property
    def names(self) -> list[str]:
        """All names that were counted."""
        return list(self._tables)

    def row(self, month: int) -> int:
        """The index of a month."""
        return self._rows[month]

    def __contains__(self, month: int) -> bool:
        return month in self._rows

    def table(self, name: str) -> Counts:
        """The counts of one name, months × villages."""
        return self._tables[name]

    def cell(self, name: str, month: int, mask: Mask) -> float:
        """The count of a set of villages in one month."""
        return float(self._tables[name][self._rows[month], mask].sum())

    def whole(self, name: str) -> str:
        """The count that is the whole of which `name` is a part."""
        kind, _, field = name.partition(":")
        return f"positive:{field}" if kind in _OF_POSITIVE else "rows"

    def mask(self, area: str) -> Mask:
        """The villages of an area; its code is a prefix of theirs. Not to be written to."""
        if area not in self._masks:
            self._masks[area] = np.array([one.startswith(area) for one in self.villages], dtype=np.bool_)
        return self._masks[area]

    def parts(self, digits: int, mask: Mask | None = None) -> Parts:
        """The areas of one level, all of them or those in the mask; rows of nobody are in none."""
        inside = self.is_place if mask is None else mask & self.is_place
        key = digits, inside.tobytes()
        if key not in self._parts:
            if digits not in self._labels:
                codes, labels = np.unique(
                    [one[:digits] for one in self.villages] or [""], return_inverse=True
                )
                self._labels[digits] = codes.tolist(), labels.astype(np.intp)[: len(self.villages)]
            if len(self._parts) >= _MOST_PARTS:
                self._parts.clear()
            self._parts[key] = Parts(*self._labels[digits], np.flatnonzero(inside))
        return self._parts[key]

    def joined(self, later: Grid) -> Grid:
        """Both grids as one; a month of `later` replaces the same month of this one."""
        months = sorted(set(self.months) | set(later.months))
        whole = Grid(months, sorted(set(self.villages) | set(later.villages)))
        for name in dict.fromkeys([*self.names, *later.names]):
            table = np.zeros((len(months), len(whole.villages)))
            for part in (self, later):
                if name in part._tables:
                    rows = [whole._rows[one] for one in part.months]
                    columns = [whole._columns[one] for one in part.villages]
                    table[rows] = 0
                    table[np.ix_(rows, columns)] = part._tables[name]
            whole._tables[name] = table
        return whole
