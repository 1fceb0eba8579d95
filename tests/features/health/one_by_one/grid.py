"""Grid: counts of one feed by month and village; every larger area is a sum of its villages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

NOWHERE = "?"
"""The village of rows in which nobody of the register can be recognised."""


_OF_POSITIVE = ("large", "small", "high", "low", "same")


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
        self._areas: dict[int, list[tuple[str, Mask]]] = {}

    def fill(self, name: str, months: Iterable[Any], villages: Iterable[Any], counts: Iterable[Any]) -> None:
        """Set the counts of one name; places that are not mentioned are 0."""
        table = np.zeros((len(self.months), len(self.villages)))
        at = [self._rows[int(one)] for one in months], [self._columns[str(one)] for one in villages]
        table[at] = np.asarray(list(counts), dtype=np.float64)
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

    def total(self, name: str, mask: Mask) -> Counts:
        """The counts of a set of villages, by month."""
        # By places: a mask is mostly of one village among thousands, and counts add up exactly in any order.
        chosen = self._tables[name].take(np.flatnonzero(mask), axis=1)
        return np.asarray(chosen.sum(axis=1), dtype=np.float64)

    def cell(self, name: str, month: int, mask: Mask) -> float:
        """The count of a set of villages in one month."""
        return float(self._tables[name][self._rows[month], mask].sum())

    def whole(self, name: str) -> str:
        """The count that is the whole of which `name` is a part."""
        kind, _, field = name.partition(":")
        return f"positive:{field}" if kind in _OF_POSITIVE else "rows"

    def mask(self, area: str) -> Mask:
        """The villages of an area; its code is a prefix of theirs."""
        return np.array([one.startswith(area) for one in self.villages], dtype=np.bool_)

    def areas(self, digits: int) -> list[tuple[str, Mask]]:
        """The areas of one level with their villages; rows of nobody are in none."""
        if digits not in self._areas:
            codes = sorted({one[:digits] for one in self.villages if one != NOWHERE})
            self._areas[digits] = [(code, self.mask(code)) for code in codes]
        return self._areas[digits]

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
