"""Adding groups: codes of a block of rows to patterns, patterns to contributions."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from scoring.contributions.coding import STRIP, Bytes, Codes, flip_bit
from scoring.contributions.compiling import compiled, inlined
from scoring.contributions.lanes import add_looked_up, add_products, fetch_ahead
from scoring.contributions.tables import Tables
from scoring.contributions.trees import Floats, Integers

Patterns = npt.NDArray[np.uint16]


@compiled
def _flip_bits(begin: int, end: int, tables: Tables, codes: Codes, count: int, bits: Bytes) -> None:
    """Flip the conditions' bits in the rows where they hold."""
    for at in range(begin, end):
        flip_bit(
            codes[tables.condition_slot[at]],
            tables.condition_start[at],
            tables.condition_span[at],
            tables.condition_bit[at],
            count,
            bits,
        )


@compiled
def _look_flips_up(side: int, tables: Tables, codes: Codes, count: int, bits: Bytes, high: bool) -> None:
    """Flip the bits that are looked up by code, those of one byte of the pattern."""
    for at in range(tables.lookup_first[side], tables.lookup_first[side + 1]):
        if tables.lookup_high[at] == high:
            row_codes = codes[tables.lookup_slot[at]]
            flips = tables.flips[tables.flip_first[at] : tables.flip_first[at + 1]]
            last = len(flips) - 1
            for row in range(count):
                # NaN's code is far above the others; its flips are the last.
                bits[row] ^= flips[min(int(row_codes[row]), last)]


@compiled
def _find_patterns(
    side: int, tables: Tables, codes: Codes, count: int, low: Bytes, high: Bytes, patterns: Patterns
) -> None:
    """Each row's pattern on a side."""
    begin, middle, end = (
        tables.condition_first[side],
        tables.condition_high[side],
        tables.condition_first[side + 1],
    )
    low[:count] = 0
    _flip_bits(begin, middle, tables, codes, count, low)
    _look_flips_up(side, tables, codes, count, low, False)
    if not tables.wide[side]:
        for row in range(count):
            patterns[row] = low[row]
        return
    high[:count] = 0
    _flip_bits(middle, end, tables, codes, count, high)
    _look_flips_up(side, tables, codes, count, high, True)
    for row in range(count):
        patterns[row] = np.uint16(low[row]) | (np.uint16(high[row]) << np.uint16(8))


@compiled
def _add_single(side: int, tables: Tables, patterns: Patterns, count: int, sums: Floats, pitch: int) -> None:
    """A side's contributions, four rows and four features at a time."""
    table, stride = tables.table_first[side], tables.stride[side]
    for lane in range(tables.lanes[side]):
        at = tables.slot_first[side] + 4 * lane
        s0, s1 = tables.slot[at] * pitch, tables.slot[at + 1] * pitch
        s2, s3 = tables.slot[at + 2] * pitch, tables.slot[at + 3] * pitch
        start = table + 4 * lane
        for row in range(0, count, 4):
            add_looked_up(
                sums, s0 + row, s1 + row, s2 + row, s3 + row, tables.values,
                start + patterns[row] * stride, start + patterns[row + 1] * stride,
                start + patterns[row + 2] * stride, start + patterns[row + 3] * stride,
            )  # fmt: skip


@inlined
def _add_half(
    side: int,
    other: int,
    tables: Tables,
    patterns: Patterns,
    others: Patterns,
    count: int,
    sums: Floats,
    pitch: int,
) -> None:
    """Contributions of one side of a pair: its derivatives times the other side's products."""
    table, stride, order = tables.table_first[side], tables.stride[side], tables.order[side]
    mass, mass_stride = tables.table_first[other], tables.stride[other]
    step = 4 * tables.lanes[side]
    slopes = table + (order + 3) // 4 * 4
    for lane in range(tables.lanes[side]):
        at = tables.slot_first[side] + 4 * lane
        s0, s1 = tables.slot[at] * pitch, tables.slot[at + 1] * pitch
        s2, s3 = tables.slot[at + 2] * pitch, tables.slot[at + 3] * pitch
        start = slopes + 4 * lane
        for row in range(0, count, 4):
            add_products(
                sums, s0 + row, s1 + row, s2 + row, s3 + row, tables.values, order, step,
                start + patterns[row] * stride, start + patterns[row + 1] * stride,
                start + patterns[row + 2] * stride, start + patterns[row + 3] * stride,
                mass + others[row] * mass_stride, mass + others[row + 1] * mass_stride,
                mass + others[row + 2] * mass_stride, mass + others[row + 3] * mass_stride,
            )  # fmt: skip


@compiled
def add_groups(
    tables: Tables,
    codes: Codes,
    count: int,
    sums: Floats,
    pitch: int,
    low: Bytes,
    high: Bytes,
    patterns: Patterns,
    others: Patterns,
) -> None:
    """Add every group's contributions of a block to `sums`, (slots + 1 spare) × `pitch` as one row."""
    padded = (count + STRIP - 1) // STRIP * STRIP
    fours = (count + 3) // 4 * 4
    for side in range(tables.singles):
        _find_patterns(side, tables, codes, padded, low, high, patterns)
        _add_single(side, tables, patterns, fours, sums, pitch)
    for side in range(tables.singles, len(tables.lanes), 2):
        _find_patterns(side, tables, codes, padded, low, high, patterns)
        _find_patterns(side + 1, tables, codes, padded, low, high, others)
        _add_half(side, side + 1, tables, patterns, others, fours, sums, pitch)
        _add_half(side + 1, side, tables, others, patterns, fours, sums, pitch)


@inlined
def _find_one(side: int, tables: Tables, codes: Codes) -> np.int64:
    """One row's pattern on a side."""
    low, high = np.int64(0), np.int64(0)
    begin, middle, end = (
        tables.condition_first[side],
        tables.condition_high[side],
        tables.condition_first[side + 1],
    )
    for at in range(begin, middle):
        moved = codes.dtype.type(codes[np.uint64(tables.condition_slot[at])] - tables.condition_start[at])
        # Multiplied, since a branch would be guessed wrong half the time.
        low ^= np.int64(tables.condition_bit[at]) * np.int64(moved <= tables.condition_span[at])
    for at in range(middle, end):
        moved = codes.dtype.type(codes[np.uint64(tables.condition_slot[at])] - tables.condition_start[at])
        high ^= np.int64(tables.condition_bit[at]) * np.int64(moved <= tables.condition_span[at])
    pattern = low | high << 8
    for at in range(tables.lookup_first[side], tables.lookup_first[side + 1]):
        begin = tables.flip_first[at]
        last = tables.flip_first[at + 1] - begin - 1
        flips = np.int64(tables.flips[begin + min(np.int64(codes[tables.lookup_slot[at]]), last)])
        pattern ^= flips << (8 if tables.lookup_high[at] else 0)
    return pattern


AHEAD = 48
"""Sides between finding a single row's pattern and reading the table there: time for memory to answer."""


@compiled
def add_groups_of_one(tables: Tables, codes: Codes, sums: Floats, found: Integers) -> None:
    """`add_groups` for a single row: the same sums in the same order, in every fourth place of `sums`.

    `found` is scratch of (sides,). Each place in the tables is asked for some sides before it is read, since
    waiting for memory is most of the time.
    """
    sides = len(tables.lanes)
    ours = codes[:, 0].copy()
    for side in range(sides + AHEAD):
        if side < sides:
            found[side] = _find_one(side, tables, ours)
            start = tables.table_first[side] + found[side] * tables.stride[side]
            for line in range(0, tables.stride[side], 8):
                fetch_ahead(tables.values, start + line)
        before = side - AHEAD
        if 0 <= before < tables.singles:
            start = tables.table_first[before] + found[before] * tables.stride[before]
            first = tables.slot_first[before]
            for lane in range(0, tables.slot_first[before + 1] - first, 4):
                s0, s1 = 4 * tables.slot[first + lane], 4 * tables.slot[first + lane + 1]
                s2, s3 = 4 * tables.slot[first + lane + 2], 4 * tables.slot[first + lane + 3]
                # Four are read before any is written; only the spare slot is in a lane twice.
                v0, v1 = sums[s0] + tables.values[start + lane], sums[s1] + tables.values[start + lane + 1]
                v2 = sums[s2] + tables.values[start + lane + 2]
                v3 = sums[s3] + tables.values[start + lane + 3]
                sums[s0], sums[s1], sums[s2], sums[s3] = v0, v1, v2, v3
    patterns, others = np.empty(4, np.uint16), np.empty(4, np.uint16)
    for side in range(tables.singles, sides, 2):
        patterns[:] = found[side]
        others[:] = found[side + 1]
        _add_half(side, side + 1, tables, patterns, others, 4, sums, 4)
        _add_half(side + 1, side, tables, others, patterns, 4, sums, 4)
