"""Silences: villages without a row for so long that chance does not explain it.

A village with a dozen claims a month may have none in one of them, and none in any month of a year is still
no surprise in any single one. One that never had a row has no months of its own to be compared with.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tests.features.health.one_by_one.grid import Mask
from tests.features.health.one_by_one.usual import STEADY_MONTHS, Usual

LEAST_RATE = 0.2
"""Rates change and villages differ; one that is at a fifth of its own, or of its neighbours', is no fault."""


def find_silences(usual: Usual, free: Mask, homes: Mapping[str, int], surprising: float) -> dict[int, float]:
    """Place of a village in the grid → the rows it lacks since it fell silent, where they are surprising.

    Expected are a village's own rows of the same calendar months before; of one that never had any, the
    county's by the number of registered households (`homes`). Nothing is expected of a feed that comes in
    bursts in the whole county, nor of a month that was not stated.
    """
    if usual.rows_expected(usual.county) is None:
        return {}
    grid = usual.grid
    told = [*usual.rows, grid.row(usual.month)]
    rows = grid.table("rows")[told]
    stated = usual.history.stated[told]
    seasons = np.array([grid.months[one] % 12 for one in told])
    everybody = sum(homes.get(grid.villages[at], 0) for at in np.flatnonzero(usual.county))
    by_household = rows[:, usual.county].sum(axis=1) / max(everybody, 1)
    found = {}
    for at in np.flatnonzero(free):
        own, is_stated = rows[:, at], stated[:, at]
        heard = np.flatnonzero(own)
        since = int(heard[-1]) + 1 if len(heard) else 0
        if since == len(told) or not is_stated[-1]:
            continue
        if len(heard) == 0:
            expected = by_household * homes.get(grid.villages[at], 0)
        elif since < STEADY_MONTHS:
            continue
        else:
            before = [own[:since][(seasons[:since] == one) & is_stated[:since]] for one in range(12)]
            means = np.array([one.mean() if len(one) else 0.0 for one in before])
            expected = means[seasons]
        lacking = float(expected[since:][is_stated[since:]].sum())
        if LEAST_RATE * lacking >= surprising:
            found[int(at)] = lacking
    return found
