"""The kernel: everything that is asked of some rows, a block at a time, each block coded once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.core import types
from numba.experimental import structref

from scoring.contributions.adding import add_groups
from scoring.contributions.coding import Codebook, Codes, code_rows
from scoring.contributions.compiling import compiled
from scoring.contributions.direct import Leaves, add_leaves
from scoring.contributions.margins import PART, Verdicts, add_margins
from scoring.contributions.single import Single, add_groups_of_one
from scoring.contributions.stretches import STRIP
from scoring.contributions.tables import Tables
from scoring.contributions.trees import Floats, Integers


class Held(structref.StructRefProxy):  # type: ignore[misc]
    """All that explaining reads, held by compiled code and so handed over as one thing.

    There are sixty arrays: to hand them over one by one takes a third of the time that a row's answer takes.
    """


@structref.register
class _HeldType(types.StructRef):  # type: ignore[misc, name-defined]
    """Numba's type of `Held`."""


structref.define_constructor(
    Held, _HeldType, ["codebook", "verdicts", "tables", "single", "leaves", "empty_codes", "base"]
)
structref.define_boxing(_HeldType, Held)


@compiled
def hold(
    codebook: Codebook,
    verdicts: Verdicts,
    tables: Tables,
    single: Single,
    leaves: Leaves,
    empty_codes: Codes,
    base: float,
) -> Held:
    """Hold a model with its pieces and its base value; `empty_codes` is an empty array of the codes' type."""
    return Held(codebook, verdicts, tables, single, leaves, empty_codes, base)


@compiled
def fitting_block(block: int, rows: int) -> int:
    """Rows of a block: whole strips and no more than asked for, or a single row by itself."""
    return 1 if rows == 1 else min(block, (rows + STRIP - 1) // STRIP * STRIP)


@compiled
def answer_margins(
    codebook: Codebook,
    verdicts: Verdicts,
    matrix: Floats,
    start: int,
    stop: int,
    block: int,
    empty_codes: Codes,
    margins: Floats,
) -> None:
    """Margins of rows `start` to `stop`; `empty_codes` is an empty array of the codes' type."""
    block = fitting_block(block, stop - start)
    codes = np.zeros((len(codebook.columns), block), empty_codes.dtype)
    left_over = np.empty((verdicts.words.max(), min(block, PART)), np.uint64)
    for begin in range(start, stop, block):
        count = min(block, stop - begin)
        code_rows(matrix, begin, count, codebook, codes)
        add_margins(verdicts, codes, count, margins[begin : begin + count], left_over)


@compiled
def answer_all(
    held: Any,
    matrix: Floats,
    start: int,
    stop: int,
    block: int,
    margins: Floats,
    values: Floats,
    best: Integers,
    best_values: Floats,
) -> None:
    """Margins and contributions of rows `start` to `stop`, from what is `Held`.

    `values` is (n, features) of zeros, or has no rows; `best` and `best_values` are (n, k), the columns and
    contributions of the k largest by size, or (n, 0).
    """
    codebook, verdicts, tables, leaves = held.codebook, held.verdicts, held.tables, held.leaves
    columns = codebook.columns
    slots = len(columns)
    block = fitting_block(block, stop - start)
    # Not a multiple of a memory page: the features' sums would fight for the same places in the cache.
    pitch = 1 if block == 1 else block + 24
    sums = np.empty((slots + 1) * pitch)
    low, high = np.empty(block, np.uint8), np.empty(block, np.uint8)
    patterns, others = np.empty(block, np.uint16), np.empty(block, np.uint16)
    codes = np.zeros((slots, block), held.empty_codes.dtype)
    left_over = np.empty((verdicts.words.max(), min(block, PART)), np.uint64)
    deepest = 0
    for leaf in range(len(leaves.value)):
        deepest = max(deepest, leaves.item_first[leaf + 1] - leaves.item_first[leaf])
    met, product = np.empty((deepest, block), np.uint8), np.empty(block)
    for begin in range(start, stop, block):
        count = min(block, stop - begin)
        code_rows(matrix, begin, count, codebook, codes)
        add_margins(verdicts, codes, count, margins[begin : begin + count], left_over)
        sums[:] = 0.0
        if block == 1:
            add_groups_of_one(held.single, tables, codes.reshape(slots), sums)
        else:
            add_groups(tables, codes, count, sums, pitch, low, high, patterns, others)
        add_leaves(leaves, codes, count, sums, pitch, met, product)
        if len(values):
            _write(sums, pitch, columns, count, values[begin : begin + count])
        if best.shape[1]:
            _choose(
                sums, pitch, columns, count, best[begin : begin + count], best_values[begin : begin + count]
            )


@compiled
def _write(sums: Floats, pitch: int, columns: Integers, count: int, values: Floats) -> None:
    """Sums by feature to contributions by row, a few rows at a time so that both stay in the cache."""
    for strip in range(0, count, 8):
        for slot in range(len(columns)):
            column, place = columns[slot], slot * pitch
            for row in range(strip, min(strip + 8, count)):
                values[row, column] = sums[place + row]


@compiled
def _choose(
    sums: Floats, pitch: int, columns: Integers, count: int, best: Integers, best_values: Floats
) -> None:
    """The k contributions of each row that are largest by size; the earlier column of equals."""
    most = best.shape[1]
    for row in range(count):
        held = 0
        for slot in range(len(columns)):
            value = sums[slot * pitch + row]
            size = abs(value)
            if held == most and not size > abs(best_values[row, most - 1]):
                continue
            place = min(held, most - 1)
            held = min(held + 1, most)
            while place > 0 and abs(best_values[row, place - 1]) < size:
                best_values[row, place] = best_values[row, place - 1]
                best[row, place] = best[row, place - 1]
                place -= 1
            best_values[row, place] = value
            best[row, place] = columns[slot]
