"""Coding a block of rows: values to the codes of their bins, codes to bits."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from scoring.contributions.compiling import compiled
from scoring.contributions.stretches import STRIP
from scoring.contributions.trees import ZERO, Flags, Floats, Integers

Codes = npt.NDArray[Any]
"""Codes in one or two bytes, (slots, rows) or one slot's (rows,)."""

Bytes = npt.NDArray[np.uint8]


class Codebook(NamedTuple):
    """The fields of `Bins` that the kernel reads."""

    columns: Integers
    cuts: Floats
    first: Integers
    shuffled: Flags
    code: npt.NDArray[np.uint16]


@compiled
def _code_row(row: Floats, codebook: Codebook, codes: Codes) -> None:
    """Codes (slots,) of a single row: `code_rows` without room for others."""
    unknown = 255 if codes.itemsize == 1 else 65535
    for slot in range(len(codebook.columns)):
        value = row[codebook.columns[slot]]
        value = 0.0 if abs(value) <= ZERO else value
        first = np.uint64(codebook.first[slot])
        place, length = first, np.uint64(codebook.first[slot + 1]) - first
        while length > np.uint64(1):
            half = length >> np.uint64(1)
            place += half if codebook.cuts[place + half - np.uint64(1)] < value else np.uint64(0)
            length -= half
        if length == np.uint64(1):
            place += np.uint64(1) if codebook.cuts[place] < value else np.uint64(0)
        code = place - first
        if codebook.shuffled[slot]:
            code = np.uint64(codebook.code[place + np.uint64(slot)])
        codes[slot] = unknown if value != value else code


@compiled
def code_rows(matrix: Floats, start: int, count: int, codebook: Codebook, codes: Codes) -> None:
    """Codes (slots, padded rows) of `count` rows from `start`: how many cuts are below each value."""
    if count == 1:
        _code_row(matrix[start], codebook, codes[:, 0])
        return
    columns, cuts, first = codebook.columns, codebook.cuts, codebook.first
    unknown = 255 if codes.itemsize == 1 else 65535
    values, places = np.zeros(STRIP), np.zeros(STRIP, np.int32)
    for strip in range(0, count, STRIP):
        rows = min(STRIP, count - strip)
        for slot in range(len(columns)):
            column = columns[slot]
            for row in range(rows):
                value = matrix[start + strip + row, column]
                values[row] = 0.0 if abs(value) <= ZERO else value
            low, length = first[slot], first[slot + 1] - first[slot]
            ours = cuts[low : low + length]
            places[:rows] = 0
            # A binary search for all rows in step: no branch to be guessed wrong.
            while length > 1:
                half = length >> 1
                for row in range(rows):
                    places[row] += half if ours[places[row] + half - 1] < values[row] else 0
                length -= half
            if length == 1:
                for row in range(rows):
                    places[row] += 1 if ours[places[row]] < values[row] else 0
            row_codes = codes[slot]
            if codebook.shuffled[slot]:
                for row in range(rows):
                    places[row] = codebook.code[low + slot + places[row]]
            for row in range(rows):
                row_codes[strip + row] = unknown if values[row] != values[row] else places[row]


@compiled
def flip_bit(row_codes: Codes, start: Any, span: Any, bit: Any, count: int, bits: Bytes) -> None:
    """Flip a bit in the rows whose code is in a range."""
    for row in range(count):
        # In the width of the codes, so that codes before `start` wrap around.
        moved = row_codes.dtype.type(row_codes[row] - start)
        bits[row] ^= bit if moved <= span else np.uint8(0)
