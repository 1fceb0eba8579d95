"""Outages: months before the judged ones that were stated and came empty, or nearly so.

A check-up judges a year and compares it with three more. An empty delivery among those would read as a feed
that comes in bursts and owes nothing, and hide every later loss.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.features.health.one_by_one.faults import NEXT_TO_NONE, FewRowsTest
from tests.features.health.one_by_one.history import History
from tests.features.health.one_by_one.usual import Usual

_LEVELS = (6, 9, 12)


def leave_out_outages(history: History, months: Sequence[int]) -> None:
    """Walk through the months, oldest first, and leave out of `history` what lacks next to all its rows."""
    grid = history.grid
    rows = [grid.row(one) for one in months]
    areas = [(mask, grid.total("rows", mask)) for digits in _LEVELS for _, mask in grid.areas(digits)]
    for month, row in zip(months, rows, strict=True):
        for mask, counts in areas:
            # Most cells are far from empty, and a month with the most rows so far lacks none.
            before = counts[[one for one in rows if one < row]]
            if counts[row] > NEXT_TO_NONE * before.max(initial=0.0) or not history.is_sound(month, mask):
                continue
            usual = Usual(history, month, [one for one in months if one < month], mask)
            if FewRowsTest(usual, NEXT_TO_NONE).fires(mask):
                history.leave_out(month, mask)
