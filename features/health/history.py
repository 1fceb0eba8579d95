"""History: the cells of a grid, month × village, that tell what is usual.

A cell tells it where the month was stated and was not itself at fault: a fault that became usual would be
seen once and then taken for the truth.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from features.health.grid import Counts, Grid, Mask, Parts, Places

ENOUGH_OF_AREA = 0.5
"""Share of an area, by its usual rows, that must be sound in a month for the month to speak of the area."""


class History:
    """The months of a grid, of which faults are left out as they are found.

    `stated` (months, villages) says whether a whole month was stated for a village. Where months are left
    out of a part of an area, its other villages stand for it in proportion to their usual rows.
    """

    def __init__(self, grid: Grid, stated: Mask) -> None:
        self.grid = grid
        self._is_place = grid.is_place
        self.stated = stated | ~self._is_place
        """Whether the month was stated for the village, at fault or not; months × villages."""
        self._sound = self.stated.copy()
        # Rows of nobody are told of where most of the places are.
        if self._is_place.any():
            is_told = self._sound[:, self._is_place].mean(axis=1) >= ENOUGH_OF_AREA
            self._sound[:, ~self._is_place] &= is_told[:, np.newaxis]
        # The same areas are asked for by every test.
        self._forget()

    def _forget(self) -> None:
        self._weights: Counts | None = None
        self._shares: dict[bytes, Counts] = {}
        self._row_counts: dict[bytes, Counts] = {}
        self._totals: dict[tuple[str, bytes], Counts] = {}
        self._until: dict[str, Counts] = {}

    def leave_out(self, month: int, mask: Mask) -> None:
        """Let a month of these villages say nothing of what is usual."""
        self._sound[self.grid.row(month), mask] = False
        self._forget()

    def is_sound(self, month: int, mask: Mask) -> bool:
        """Whether any of these villages has something to tell of the month."""
        return bool(self._sound[self.grid.row(month), mask].any())

    def is_sound_in(self, month: int, parts: Parts) -> Mask:
        """`is_sound` of many areas."""
        return parts.sums(self._sound[self.grid.row(month)]) > 0

    def rows(self, places: Places, mask: Mask) -> list[int]:
        """Those of some places of months in the grid that tell of an area."""
        found: list[int] = places[self._sound_shares(mask)[places] >= ENOUGH_OF_AREA].tolist()
        return found

    def total(self, name: str, mask: Mask) -> Counts:
        """The counts of an area's sound cells, by month."""
        key = name, mask.tobytes()
        if key not in self._totals:
            # By places: a mask is mostly of one village among thousands.
            inside = np.flatnonzero(mask)
            cells, sound = self.grid.table(name).take(inside, axis=1), self._sound.take(inside, axis=1)
            self._totals[key] = np.asarray(np.where(sound, cells, 0.0).sum(axis=1), dtype=np.float64)
        return self._totals[key]

    def sums(self, name: str, rows: Sequence[int]) -> Counts:
        """The counts of each village's sound cells in some months, by their places in the grid."""
        if name not in self._until:
            sound = np.where(self._sound, self.grid.table(name), 0.0)
            self._until[name] = np.concatenate([np.zeros((1, sound.shape[1])), np.cumsum(sound, axis=0)])
        until = self._until[name]
        if len(rows) and rows[-1] - rows[0] + 1 == len(rows):
            return np.asarray(until[rows[-1] + 1] - until[rows[0]], dtype=np.float64)
        places = np.asarray(rows, dtype=np.intp)
        return np.asarray((until[places + 1] - until[places]).sum(axis=0), dtype=np.float64)

    def row_counts(self, mask: Mask) -> Counts:
        """The rows of the whole area by month, as its sound villages let one expect them."""
        key = mask.tobytes()
        if key not in self._row_counts:
            shares = np.maximum(self._sound_shares(mask), ENOUGH_OF_AREA)
            self._row_counts[key] = self.total("rows", mask) / shares
        return self._row_counts[key]

    def sound_parts(self, parts: Parts, rows: Sequence[int]) -> tuple[Counts, Counts]:
        """Sound shares and sound rows (months, areas) of many areas in some months, by their places."""
        at = list(rows)
        sound, cells = self._sound[at], self.grid.table("rows")[at]
        told = sound[:, self._is_place].mean(axis=1) if self._is_place.any() else np.ones(len(at))
        if ((told == 0) | (told == 1)).all():
            # Most months are stated of every village, or of none.
            shares = np.broadcast_to((told == 1)[:, np.newaxis].astype(np.float64), (len(at), len(parts)))
            return shares, parts.sums(cells) * shares
        weights = self._usual_rows()
        alone = parts.sums(weights)
        # An area without any row weighs its villages alike.
        shares = parts.sums(sound * weights) / np.maximum(alone, 1e-9)
        even = parts.sums(sound) / parts.sums(np.ones(len(weights)))
        shares = np.where(alone == 0, even, np.where(even == 1, 1.0, shares))
        return shares, parts.sums(np.where(sound, cells, 0.0))

    def _usual_rows(self) -> Counts:
        if self._weights is None:
            cells = np.where(self._sound, self.grid.table("rows"), 0.0)
            self._weights = cells.sum(axis=0) / np.maximum(self._sound.sum(axis=0), 1)
        return self._weights

    def _sound_shares(self, mask: Mask) -> Counts:
        """The sound share of an area by month; 1 where all of it is sound."""
        key = mask.tobytes()
        if key not in self._shares:
            self._shares[key] = self._find_shares(mask)
        return self._shares[key]

    def _find_shares(self, mask: Mask) -> Counts:
        inside = mask & self._is_place if (mask & self._is_place).any() else mask
        weights = self._usual_rows()[inside]
        if weights.sum() == 0:
            weights = np.ones(len(weights))
        found = np.where(self._sound[:, inside], weights, 0.0).sum(axis=1) / max(weights.sum(), 1e-9)
        return np.asarray(np.where(self._sound[:, inside].all(axis=1), 1.0, found), dtype=np.float64)
