"""Grid: counts by month and village; an area is the villages whose codes begin with its own, looked up anew."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from features.health import grid as fast
from features.health.grid import NOWHERE, Mask


class Areas(fast.Parts):
    """The areas of one level among some villages. Nothing can be summed for all of them at once."""

    def __init__(self, villages: list[str], digits: int, inside: Mask) -> None:
        self._masks: dict[str, Mask] = {}
        for at, village in enumerate(villages):
            if inside[at] and village != NOWHERE:
                self._masks.setdefault(village[:digits], np.zeros(len(villages), dtype=np.bool_))[at] = True
        self.codes = sorted(self._masks)

    def mask(self, at: int) -> Mask:
        return self._masks[self.codes[at]]


class Grid(fast.Grid):
    """Named tables of counts, filled cell by cell."""

    def fill(self, name: str, months: Iterable[int], villages: Iterable[str], counts: Any) -> None:
        table = np.zeros((len(self.months), len(self.villages)))
        for month, village, count in zip(months, villages, counts, strict=True):
            table[self.months.index(month), self.villages.index(village)] = count
        self.put(name, table)

    def mask(self, area: str) -> Mask:
        return np.array([one.startswith(area) for one in self.villages], dtype=np.bool_)

    def parts(self, digits: int, mask: Mask | None = None) -> Areas:
        everywhere = np.ones(len(self.villages), dtype=np.bool_)
        return Areas(self.villages, digits, everywhere if mask is None else mask)
