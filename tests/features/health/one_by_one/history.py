"""History: the cells of a grid, month × village, that tell what is usual.

A cell tells it where the month was stated and was not itself at fault: a fault that became usual would be
seen once and then taken for the truth.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from tests.features.health.one_by_one.grid import NOWHERE, Counts, Grid, Mask

ENOUGH_OF_AREA = 0.5
"""Share of an area, by its usual rows, that must be sound in a month for the month to speak of the area."""


class History:
    """The months of a grid, of which faults are left out as they are found.

    `is_stated` says whether a whole month was stated for a village. Where months are left out of a part of
    an area, its other villages stand for it in proportion to their usual rows.
    """

    def __init__(self, grid: Grid, is_stated: Callable[[str, int], bool]) -> None:
        self.grid = grid
        self._is_place = np.array([one != NOWHERE for one in grid.villages], dtype=np.bool_)
        self._sound = np.array(
            [[one == NOWHERE or is_stated(one, month) for one in grid.villages] for month in grid.months],
            dtype=np.bool_,
        ).reshape(len(grid.months), len(grid.villages))
        self.stated = self._sound.copy()
        """Whether the month was stated for the village, at fault or not; months × villages."""
        # Rows of nobody are told of where most of the places are.
        if self._is_place.any():
            is_told = self._sound[:, self._is_place].mean(axis=1) >= ENOUGH_OF_AREA
            self._sound[:, ~self._is_place] &= is_told[:, np.newaxis]
        self._weights: Counts | None = None
        # The same areas are asked for by every test.
        self._shares: dict[bytes, Counts] = {}
        self._row_counts: dict[bytes, Counts] = {}

    def leave_out(self, month: int, mask: Mask) -> None:
        """Let a month of these villages say nothing of what is usual."""
        self._sound[self.grid.row(month), mask] = False
        self._weights = None
        self._shares.clear()
        self._row_counts.clear()

    def is_sound(self, month: int, mask: Mask) -> bool:
        """Whether any of these villages has something to tell of the month."""
        return bool(self._sound[self.grid.row(month), mask].any())

    def rows(self, places: npt.NDArray[np.intp], mask: Mask) -> list[int]:
        """Those of some places of months in the grid that tell of an area."""
        found: list[int] = places[self._sound_shares(mask)[places] >= ENOUGH_OF_AREA].tolist()
        return found

    def total(self, name: str, mask: Mask) -> Counts:
        """The counts of an area's sound cells, by month."""
        # By places: a mask is mostly of one village among thousands.
        inside = np.flatnonzero(mask)
        cells, sound = self.grid.table(name).take(inside, axis=1), self._sound.take(inside, axis=1)
        return np.asarray(np.where(sound, cells, 0.0).sum(axis=1), dtype=np.float64)

    def row_counts(self, mask: Mask) -> Counts:
        """The rows of the whole area by month, as its sound villages let one expect them."""
        key = mask.tobytes()
        if key not in self._row_counts:
            shares = np.maximum(self._sound_shares(mask), ENOUGH_OF_AREA)
            self._row_counts[key] = self.total("rows", mask) / shares
        return self._row_counts[key]

    def _sound_shares(self, mask: Mask) -> Counts:
        """The sound share of an area by month; 1 where all of it is sound."""
        key = mask.tobytes()
        if key not in self._shares:
            self._shares[key] = self._find_shares(mask)
        return self._shares[key]

    def _find_shares(self, mask: Mask) -> Counts:
        if self._weights is None:
            cells = np.where(self._sound, self.grid.table("rows"), 0.0)
            self._weights = cells.sum(axis=0) / np.maximum(self._sound.sum(axis=0), 1)
        inside = mask & self._is_place if (mask & self._is_place).any() else mask
        weights = self._weights[inside]
        if weights.sum() == 0:
            weights = np.ones(len(weights))
        found = np.where(self._sound[:, inside], weights, 0.0).sum(axis=1) / max(weights.sum(), 1e-9)
        return np.asarray(np.where(self._sound[:, inside].all(axis=1), 1.0, found), dtype=np.float64)
