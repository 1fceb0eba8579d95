"""Outages: every earlier month of every area is asked whether next to all its rows are lacking."""

from __future__ import annotations

from collections.abc import Sequence

from features.health.faults import NEXT_TO_NONE, FewRowsTest
from features.health.history import History
from features.health.usual import Usual


def leave_out_outages(history: History, months: Sequence[int]) -> None:
    """Walk through the months, oldest first, from the county down, and leave out what lacks its rows."""
    grid = history.grid
    rows = [grid.row(one) for one in months]
    areas = [mask for digits in (6, 9, 12) for _, mask in grid.parts(digits).masks()]
    counts = [grid.table("rows")[:, mask].sum(axis=1)[rows] for mask in areas]
    for at, month in enumerate(months):
        for mask, came in zip(areas, counts, strict=True):
            # A month with the most rows so far lacks none.
            if came[at] > NEXT_TO_NONE * came[:at].max(initial=0.0) or not history.is_sound(month, mask):
                continue
            if FewRowsTest(Usual(history, month, months[:at], mask), NEXT_TO_NONE).fires(mask):
                history.leave_out(month, mask)
