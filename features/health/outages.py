"""Outages: months before the judged ones that were stated and came empty, or nearly so.

A check-up judges a year and compares it with three more. An empty delivery among those would read as a feed
that comes in bursts and owes nothing, and hide every later loss.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from features.health.faults import NEXT_TO_NONE, FewRowsTest
from features.health.grid import Counts, Parts
from features.health.history import History
from features.health.usual import Usual

_LEVELS = (6, 9, 12)


def leave_out_outages(history: History, months: Sequence[int]) -> None:
    """Walk through the months, oldest first, and leave out of `history` what lacks next to all its rows."""
    grid = history.grid
    rows = [grid.row(one) for one in months]
    levels = [(parts, parts.sums(grid.table("rows")[rows])) for parts in map(grid.parts, _LEVELS)]
    for at, month in enumerate(months):
        for parts, counts in levels:
            walked = 0
            while len(found := _suspects(history, months[:at], month, parts, counts[: at + 1], walked)):
                for one in found:
                    mask, walked = parts.mask(one), one + 1
                    usual = Usual(history, month, months[:at], mask)
                    if history.is_sound(month, mask) and FewRowsTest(usual, NEXT_TO_NONE).fires(mask):
                        history.leave_out(month, mask)
                        # What is usual has changed: the rest is looked at anew.
                        break
                else:
                    break


def _suspects(
    history: History, before: Sequence[int], month: int, parts: Parts, counts: Counts, walked: int
) -> list[int]:
    """The areas from place `walked` on that may lack next to all rows in the last month of `counts`."""
    # Most cells are far from empty, and a month with the most rows so far lacks none.
    may = counts[-1] <= NEXT_TO_NONE * counts[:-1].max(axis=0, initial=0.0)
    may &= history.is_sound_in(month, parts)
    may[:walked] = False
    if may.any():
        test = FewRowsTest(Usual(history, month, before, history.grid.is_place), NEXT_TO_NONE)
        may &= test.may_fire_in(parts)
    return np.flatnonzero(may).tolist()
