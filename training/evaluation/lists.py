"""Lists: who is visited when each area's ranking is cut at the area's own capacity.

Where many households share an area's last place, who is visited depends on their order; so a list is kept as
each household's chance to be on it, over all orders of the ties.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scoring.capacity import Areas

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class VisitList:
    """A ranking cut at capacity. `chance` (n,) is 1 for households surely visited, 0 for those never."""

    areas: Areas
    chance: Floats

    def found(self, labels: Labels) -> tuple[int, float, int]:
        """Households with the outcome on the list, in the worst, mean and best order of ties."""
        worst = best = 0
        positive = labels == 1
        sure = (self.chance == 1) & positive
        tied = (self.chance > 0) & (self.chance < 1)
        seats = np.bincount(self.areas.index[tied], self.chance[tied], len(self.areas.codes)).round()
        ties = np.bincount(self.areas.index[tied], minlength=len(self.areas.codes))
        among = np.bincount(self.areas.index[tied & positive], minlength=len(self.areas.codes))
        worst = int(sure.sum() + np.maximum(0, seats - (ties - among)).sum())
        best = int(sure.sum() + np.minimum(among, seats).sum())
        return worst, float(self.chance[positive].sum()), best


def cut(ranks: Floats, areas: Areas) -> VisitList:
    """Cut each area's ranking, higher first, at the area's visits."""
    chance = np.zeros(len(ranks))
    order = np.lexsort((-ranks, areas.index))
    start = 0
    for households, visits in zip(areas.households.tolist(), areas.visits.tolist(), strict=True):
        rows = order[start : start + households]
        start += households
        if visits:
            of_area = ranks[rows]
            last = of_area[visits - 1]
            above, tied = of_area > last, of_area == last
            chance[rows[above]] = 1.0
            chance[rows[tied]] = (visits - above.sum()) / tied.sum()
    return VisitList(areas, chance)


def listed(ranks: Floats, areas: Areas) -> npt.NDArray[np.bool_]:
    """Who is on the list (n,) when households of equal rank come in the order of their rows."""
    order = np.lexsort((-ranks, areas.index))
    starts = np.r_[0, np.cumsum(areas.households)[:-1]]
    place = np.empty(len(ranks), dtype=np.int64)
    place[order] = np.arange(len(ranks)) - starts[areas.index[order]]
    return np.asarray(place < areas.visits[areas.index])
