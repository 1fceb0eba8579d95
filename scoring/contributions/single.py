"""One row: the sums of `adding` in the same order, for whoever waits for one household.

With one row nothing hides the processor's waiting, so each step is a plain loop over flat arrays: no branch
depends on the row, and every place in the tables is asked for before it is read. A pattern's numbers are
mostly eight, one cache line; `memory.aligned_empty` sees to it that they do not lie across two.

A pattern has about as many conditions as bits. Laid out as one condition a bit, side after side, they are
compared many at once, and what comes out are the patterns themselves, end to end.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from scoring.contributions.coding import Codes
from scoring.contributions.compiling import compiled
from scoring.contributions.lanes import WORD, add_four, add_four_products, fetch_ahead, met
from scoring.contributions.tables import Tables
from scoring.contributions.trees import Floats, Integers

AHEAD = 16
"""Sides between asking for a place in the tables and reading it: time for memory to answer."""

_LINE = 8
"""Numbers in a cache line of 64 bytes."""


class Single(NamedTuple):
    """Tables' conditions in the order in which one row goes through them.

    Side s has the pattern of `mask[s]`, from bit `first[s]` of what the conditions `slot`, `start` and `span`
    make, padded to whole words. A bit of several conditions is flipped by the rest: `flip_bit` of side
    `flip_side`, where their condition holds. A side's lookups flip what `Tables` has for them, the l-th that
    of side `lookup_side[l]`.
    """

    slot: npt.NDArray[np.uint16]
    start: npt.NDArray[Any]
    span: npt.NDArray[Any]
    first: npt.NDArray[np.uint32]
    mask: npt.NDArray[np.uint16]
    flip_side: Integers
    flip_slot: Integers
    flip_start: npt.NDArray[Any]
    flip_span: npt.NDArray[Any]
    flip_bit: Integers
    lookup_side: Integers


def lay_out_single(tables: Tables) -> Single:
    """The tables' conditions for one row."""
    sides = len(tables.lanes)
    low = np.arange(len(tables.condition_slot)) < np.repeat(
        tables.condition_high, np.diff(tables.condition_first)
    )
    bits = (np.log2(tables.condition_bit).astype(np.int64) + np.where(low, 0, 8)).tolist()
    slots, starts, spans = (
        one.tolist() for one in (tables.condition_slot, tables.condition_start, tables.condition_span)
    )
    always = (0, 0, int(np.iinfo(tables.condition_span.dtype).max))
    looked_up = np.diff(tables.lookup_first).tolist()
    kept: list[tuple[int, int, int]] = []
    first, mask, flips = [], [], []
    for side in range(sides):
        begin, end = tables.condition_first[side : side + 2].tolist()
        found: dict[int, tuple[int, int, int]] = {}
        for at in range(begin, end):
            condition = slots[at], starts[at], spans[at]
            if found.setdefault(bits[at], condition) is not condition:
                flips.append((side, *condition, 1 << bits[at]))
        # Lookups may flip any bit of a pattern, also bits without a condition.
        count = 16 if looked_up[side] else max(found, default=-1) + 1
        for bit in set(range(count)) - set(found):
            # Met by every row, and flipped back.
            flips.append((side, *always, 1 << bit))
        first.append(len(kept))
        mask.append((1 << count) - 1)
        kept += [found.get(bit, always) for bit in range(count)]
    code = tables.condition_start.dtype
    kept += [always] * (-len(kept) % WORD)
    return Single(
        slot=np.array([one for one, _, _ in kept], dtype=np.uint16),
        start=np.array([one for _, one, _ in kept], dtype=code),
        span=np.array([one for _, _, one in kept], dtype=code),
        first=np.array(first, dtype=np.uint32),
        mask=np.array(mask, dtype=np.uint16),
        flip_side=np.array([one[0] for one in flips], dtype=np.int64),
        flip_slot=np.array([one[1] for one in flips], dtype=np.int64),
        flip_start=np.array([one[2] for one in flips], dtype=code),
        flip_span=np.array([one[3] for one in flips], dtype=code),
        flip_bit=np.array([one[4] for one in flips], dtype=np.int64),
        lookup_side=np.repeat(np.arange(sides), looked_up),
    )


@compiled
def find_patterns(single: Single, tables: Tables, codes: Codes, patterns: Integers) -> None:
    """The row's pattern on every side (sides,); `codes` is (slots,)."""
    conditions = len(single.slot)
    ours = np.empty(conditions, codes.dtype)
    for at in range(conditions):
        ours[at] = codes[np.uint64(single.slot[at])]
    # A side's bits may begin in the last word, and those of one without any behind it: two more to read into.
    words = np.zeros(conditions // WORD + 2, np.uint64)
    for word in range(conditions // WORD):
        words[word] = met(ours, single.start, single.span, WORD * word)
    for side in range(len(single.first)):
        first = np.uint64(single.first[side])
        at_word, shift = first >> np.uint64(6), first & np.uint64(63)
        # Shifted twice: a shift by a whole word is not defined.
        above = (words[at_word + np.uint64(1)] << np.uint64(1)) << (np.uint64(63) - shift)
        patterns[side] = np.int64((words[at_word] >> shift | above) & np.uint64(single.mask[side]))
    for at in range(len(single.flip_side)):
        # In the width of the codes, so that codes before `start` wrap around.
        moved = codes.dtype.type(codes[single.flip_slot[at]] - single.flip_start[at])
        if moved <= single.flip_span[at]:
            patterns[single.flip_side[at]] ^= single.flip_bit[at]
    for at in range(len(single.lookup_side)):
        begin = tables.flip_first[at]
        # NaN's code is far above the others; its flips are the last.
        last = tables.flip_first[at + 1] - begin - 1
        found = np.int64(tables.flips[begin + min(np.int64(codes[tables.lookup_slot[at]]), last)])
        patterns[single.lookup_side[at]] ^= found << (8 if tables.lookup_high[at] else 0)


@compiled
def _ask_for(side: int, tables: Tables, places: Integers) -> None:
    for line in range(0, tables.stride[side], _LINE):
        fetch_ahead(tables.values, places[side] + line)


@compiled
def add_groups_of_one(single: Single, tables: Tables, codes: Codes, sums: Floats) -> None:
    """`add_groups` for a single row: the same sums in the same order, (slots + 1 spare)."""
    sides, singles = len(tables.lanes), tables.singles
    places = np.empty(sides, np.int64)
    find_patterns(single, tables, codes, places)
    for side in range(sides):
        places[side] = tables.table_first[side] + places[side] * tables.stride[side]
    for side in range(min(AHEAD, sides)):
        _ask_for(side, tables, places)
    for side in range(singles):
        if side + AHEAD < sides:
            _ask_for(side + AHEAD, tables, places)
        for lane in range(0, 4 * tables.lanes[side], 4):
            add_four(sums, tables.slot, tables.slot_first[side] + lane, tables.values, places[side] + lane)
    for side in range(singles, sides, 2):
        for ahead in (side + AHEAD, side + AHEAD + 1):
            if ahead < sides:
                _ask_for(ahead, tables, places)
        for ours, other in ((side, side + 1), (side + 1, side)):
            order, step = tables.order[ours], 4 * tables.lanes[ours]
            slopes = places[ours] + (order + 3) // 4 * 4
            for lane in range(0, step, 4):
                add_four_products(
                    sums, tables.slot, tables.slot_first[ours] + lane,
                    tables.values, order, step, slopes + lane, places[other],
                )  # fmt: skip
