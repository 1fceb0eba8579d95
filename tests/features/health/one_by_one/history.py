"""History: what the sound cells of a grid tell of one area, worked out anew for every question."""

from __future__ import annotations

import numpy as np

from features.health import history as fast
from features.health.grid import Counts, Mask
from features.health.history import ENOUGH_OF_AREA


class History(fast.History):
    """Nothing is kept from one question to the next, and no two areas are asked about at once."""

    def total(self, name: str, mask: Mask) -> Counts:
        return np.asarray((self.grid.table(name) * self._sound)[:, mask].sum(axis=1), dtype=np.float64)

    def row_counts(self, mask: Mask) -> Counts:
        shares = np.maximum(self._sound_shares(mask), ENOUGH_OF_AREA)
        return np.asarray(self.total("rows", mask) / shares, dtype=np.float64)

    def _sound_shares(self, mask: Mask) -> Counts:
        places = mask & self.grid.is_place
        inside = places if places.any() else mask
        cells, sound = self.grid.table("rows")[:, inside], self._sound[:, inside]
        usual = (cells * sound).sum(axis=0) / np.maximum(sound.sum(axis=0), 1)
        if not usual.any():
            usual = np.ones(len(usual))
        shares = sound @ usual / max(usual.sum(), 1e-9)
        return np.asarray(np.where(sound.all(axis=1), 1.0, shares), dtype=np.float64)
