"""Adding groups for one row: the sums of `adding` in the same order, for whoever waits for one household.

With one row nothing hides the processor's waiting, so each step is a plain loop over flat arrays: no branch
depends on the row, and every place in the tables is asked for before it is read. A pattern's numbers are
mostly eight, one cache line; `memory.aligned_empty` sees to it that they do not lie across two.
"""

from __future__ import annotations

import numpy as np

from scoring.contributions.adding import add_half
from scoring.contributions.coding import Codes
from scoring.contributions.compiling import compiled
from scoring.contributions.lanes import fetch_ahead
from scoring.contributions.tables import Tables
from scoring.contributions.trees import Floats, Integers

AHEAD = 32
"""Sides between asking for a place in the tables and reading it: time for memory to answer."""

_LINE = 8
"""Numbers in a cache line of 64 bytes."""


@compiled
def find_places(tables: Tables, codes: Codes, places: Integers, patterns: Integers) -> None:
    """The row's pattern on every side, and where it is in `values`; both (sides,).

    Conditions are worked through from first to last with one running xor of their bits, whatever side they
    belong to: what a side's conditions make is the difference of two running values.
    """
    ours = codes[:, 0].copy()
    conditions, lookups = len(tables.condition_slot), len(tables.lookup_slot)
    marks = np.empty(conditions, ours.dtype)
    for at in range(conditions):
        marks[at] = ours[np.uint64(tables.condition_slot[at])]
    for at in range(conditions):
        moved = ours.dtype.type(marks[at] - tables.condition_start[at])
        marks[at] = tables.condition_bit[at] if moved <= tables.condition_span[at] else 0
    running = np.empty(conditions + 1, np.uint8)
    bits = np.uint8(0)
    running[0] = bits
    for at in range(conditions):
        bits ^= np.uint8(marks[at])
        running[at + 1] = bits
    looked_up = np.empty(lookups + 1, np.uint16)
    flips = np.uint16(0)
    looked_up[0] = flips
    for at in range(lookups):
        begin = tables.flip_first[at]
        # NaN's code is far above the others; its flips are the last.
        last = tables.flip_first[at + 1] - begin - 1
        found = tables.flips[begin + min(np.int64(ours[np.uint64(tables.lookup_slot[at])]), last)]
        flips ^= np.uint16(found) << np.uint16(8 if tables.lookup_high[at] else 0)
        looked_up[at + 1] = flips
    for side in range(len(tables.lanes)):
        middle = running[tables.condition_high[side]]
        low = running[tables.condition_first[side]] ^ middle
        high = middle ^ running[tables.condition_first[side + 1]]
        more = looked_up[tables.lookup_first[side]] ^ looked_up[tables.lookup_first[side + 1]]
        pattern = (np.int64(low) | np.int64(high) << 8) ^ np.int64(more)
        patterns[side] = pattern
        places[side] = tables.table_first[side] + pattern * tables.stride[side]


@compiled
def _ask_for(side: int, tables: Tables, places: Integers) -> None:
    for line in range(0, tables.stride[side], _LINE):
        fetch_ahead(tables.values, places[side] + line)


@compiled
def add_groups_of_one(tables: Tables, codes: Codes, sums: Floats) -> None:
    """`add_groups` for a single row: the same sums in the same order, in every fourth place of `sums`."""
    sides, singles = len(tables.lanes), tables.singles
    places, patterns = np.empty(sides, np.int64), np.empty(sides, np.int64)
    find_places(tables, codes, places, patterns)
    for side in range(min(AHEAD, sides)):
        _ask_for(side, tables, places)
    for side in range(singles):
        if side + AHEAD < sides:
            _ask_for(side + AHEAD, tables, places)
        start, first = places[side], tables.slot_first[side]
        for lane in range(0, tables.slot_first[side + 1] - first, 4):
            s0, s1 = 4 * np.uint64(tables.slot[first + lane]), 4 * np.uint64(tables.slot[first + lane + 1])
            s2, s3 = (
                4 * np.uint64(tables.slot[first + lane + 2]),
                4 * np.uint64(tables.slot[first + lane + 3]),
            )
            # Four are read before any is written; only the spare slot is in a lane twice.
            v0, v1 = sums[s0] + tables.values[start + lane], sums[s1] + tables.values[start + lane + 1]
            v2 = sums[s2] + tables.values[start + lane + 2]
            v3 = sums[s3] + tables.values[start + lane + 3]
            sums[s0], sums[s1], sums[s2], sums[s3] = v0, v1, v2, v3
    ours, others = np.empty(4, np.uint16), np.empty(4, np.uint16)
    for side in range(singles, sides, 2):
        for ahead in (side + AHEAD, side + AHEAD + 1):
            if ahead < sides:
                _ask_for(ahead, tables, places)
        ours[:] = patterns[side]
        others[:] = patterns[side + 1]
        add_half(side, side + 1, tables, ours, others, 4, sums, 4)
        add_half(side + 1, side, tables, others, ours, 4, sums, 4)
