"""The lists of one area: its visits shared out, each village's list cut, and some drawn by lot beside
them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serving.cases.visit_shares import share_among_grids
from serving.cases.worklist import Candidate, Cut, Entry, Why, cut_list, draw_by_lot, with_drawn

RULE = "longest_unvisited_then_hash"
"""How ties with the last place are broken; docs/explanation/leads-and-worklists.md says it in words."""


@dataclass(frozen=True)
class Lists:
    """The lists of an area by village and grid; `drawn` of a pool of so many were drawn by lot."""

    cuts: Mapping[tuple[str, str], Cut]
    drawn: int
    pool: int

    @property
    def entries(self) -> list[Entry]:
        """Every entry, by village, grid and place."""
        return [entry for key in sorted(self.cuts) for entry in self.cuts[key].entries]

    def count(self, why: Why) -> int:
        """How many are listed for a reason."""
        return sum(1 for one in self.entries if one.why is why)

    def told(self) -> list[dict[str, Any]]:
        """Each list in figures, that name nobody."""
        return [
            {
                "village_code": village, "grid": grid, "visits": cut.visits, "listed": len(cut.entries),
                "above_capacity": cut.above_capacity, "border": cut.border,
                "tied_unlisted": cut.tied_unlisted, "left_out": dict(sorted(cut.left_out.items())),
            }
            for (village, grid), cut in sorted(self.cuts.items())
        ]  # fmt: skip


def make_lists(
    candidates: Sequence[Candidate],
    visits: Mapping[str, int],
    *,
    is_by_grid: bool,
    random_visits: int,
    seed: str,
) -> Lists:
    """Cut the list of each village, or of each of its grids, and draw some of the unlisted by lot.

    `visits` are by village; `random_visits` come on top of them and are drawn from the whole area with one
    chance, since a village alone often has none to give.
    """
    by_unit: dict[tuple[str, str], list[Candidate]] = {}
    for one in candidates:
        by_unit.setdefault((one.village_code, one.grid if is_by_grid else ""), []).append(one)
    shares = {unit: visits.get(unit[0], 0) for unit in by_unit}
    if is_by_grid:
        for village in {village for village, _ in by_unit}:
            sizes = {grid: len(group) for (of, grid), group in by_unit.items() if of == village}
            for grid, share in share_among_grids(visits.get(village, 0), sizes).items():
                shares[village, grid] = share
    cuts = {unit: cut_list(group, shares[unit]) for unit, group in by_unit.items()}
    pool = [one for cut in cuts.values() for one in cut.unlisted]
    drawn, chance = draw_by_lot(pool, random_visits, seed)
    by_lot: dict[tuple[str, str], list[Candidate]] = {}
    for one in drawn:
        by_lot.setdefault((one.village_code, one.grid if is_by_grid else ""), []).append(one)
    for unit, ours in by_lot.items():
        cuts[unit] = with_drawn(cuts[unit], ours, chance)
    return Lists(cuts, len(drawn), len(pool))
