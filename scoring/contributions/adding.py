"""Adding groups: codes of a block of rows to patterns, patterns to contributions."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from scoring.contributions.coding import Bytes, Codes, flip_bit
from scoring.contributions.compiling import compiled, inlined
from scoring.contributions.lanes import add_looked_up, add_products
from scoring.contributions.stretches import STRIP
from scoring.contributions.tables import Tables
from scoring.contributions.trees import Floats

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
def add_half(
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
        add_half(side, side + 1, tables, patterns, others, fours, sums, pitch)
        add_half(side + 1, side, tables, others, patterns, fours, sums, pitch)
