"""Refusals: which rows of a delivery are refused, and everything that is wrong with each.

A file at fault in every row has a million of them, and few kinds: what is wrong is kept once, and a row says
which of that it has.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np

from features.signals.defects import RowDefect


@dataclass(frozen=True)
class QuarantinedRow:
    """One refused row: its number in the input (from 0) and everything that is wrong with it."""

    row: int
    defects: tuple[RowDefect, ...]


class Refusals:
    """What is found wrong while `rows` rows are checked: four bytes a row, however much is wrong with it."""

    def __init__(self, rows: int) -> None:
        self._kinds: list[tuple[RowDefect, ...]] = [()]
        self._with: dict[tuple[int, RowDefect], int] = {}
        self._which = np.zeros(rows, np.int32)

    def add(self, row: int, defect: RowDefect) -> None:
        """The row has the defect, after those that it has already."""
        self._which[row] = self._kind_with(int(self._which[row]), defect)

    def add_all(self, rows: Any, defect: RowDefect) -> None:
        """The same of many rows, each given once, as an array of their numbers."""
        before, places = np.unique(self._which[rows], return_inverse=True)
        after = [self._kind_with(kind, defect) for kind in before.tolist()]
        self._which[rows] = np.array(after, np.int32)[places]

    def _kind_with(self, kind: int, defect: RowDefect) -> int:
        made = self._with.setdefault((kind, defect), len(self._kinds))
        if made == len(self._kinds):
            self._kinds.append((*self._kinds[kind], defect))
        return made

    def are_refused(self, fields: Collection[str] | None = None) -> Any:
        """A mask of the rows that have a defect, in one of these fields if any are named."""
        if fields is None:
            return self._which != 0
        named = [any(defect.field in fields for defect in kind) for kind in self._kinds]
        return np.array(named)[self._which]

    def quarantined(self) -> Quarantined:
        """The rows that have a defect."""
        numbers = np.flatnonzero(self._which)
        used, first, which = np.unique(self._which[numbers], return_index=True, return_inverse=True)
        # In the order in which the rows have them.
        order = np.argsort(first)
        kinds = tuple(self._kinds[kind] for kind in used[order].tolist())
        return Quarantined(numbers, np.argsort(order)[which], kinds)


class Quarantined(Sequence[QuarantinedRow]):
    """The refused rows of a delivery in their order: their numbers, and which of `kinds` is wrong with each.

    Where few things are wrong a row takes five bytes.
    """

    def __init__(self, numbers: Any, which: Any, kinds: tuple[tuple[RowDefect, ...], ...]) -> None:
        self.numbers = np.asarray(numbers, np.int32)
        self.which = np.asarray(which, np.min_scalar_type(len(kinds)))
        self.kinds = kinds

    @classmethod
    def joined(cls, parts: Iterable[tuple[int, Quarantined]]) -> Quarantined:
        """Those of a whole delivery, of its parts in their order and the numbers of their first rows."""
        places: dict[tuple[RowDefect, ...], int] = {}
        numbers, which = [np.zeros(0, np.int32)], [np.zeros(0, np.int32)]
        for first, part in parts:
            found = [places.setdefault(kind, len(places)) for kind in part.kinds]
            numbers.append(part.numbers + first)
            which.append(np.array(found, np.int32)[part.which])
        return cls(np.concatenate(numbers), np.concatenate(which), tuple(places))

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, place: int) -> QuarantinedRow: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[QuarantinedRow, ...]: ...

    def __getitem__(self, place: int | slice) -> QuarantinedRow | tuple[QuarantinedRow, ...]:
        if isinstance(place, slice):
            return tuple(self[one] for one in range(*place.indices(len(self))))
        return QuarantinedRow(int(self.numbers[place]), self.kinds[self.which[place]])

    def __iter__(self) -> Iterator[QuarantinedRow]:
        for row, which in zip(self.numbers, self.which, strict=True):
            yield QuarantinedRow(int(row), self.kinds[which])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __repr__(self) -> str:
        return repr(tuple(self))
