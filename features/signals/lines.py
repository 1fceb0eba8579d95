"""Lines: CSV as it came, every cell a text, and the lines that have another number of fields than the header.

A reader that guesses types shifts columns and rounds 18-digit keys.
"""

from __future__ import annotations

import csv
import re
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from features.signals.defects import Defect


class RaggedLine(NamedTuple):
    """A line of a file with another number of fields than its header, and its whole text."""

    wanted: int
    found: int
    text: str


_PART = 1 << 22
"""Bytes of a file that are read at a time."""
_BLOCK = 1 << 24
"""A line ends within the block of so many bytes after the one in which it begins."""
_ROWS = 1 << 16
"""Rows that are handed on at a time: a part of short ones may have a million."""

_WHOLE_ROWS = re.compile(
    # A quote begins a cell in quotes at the cell's start, and is one of its characters elsewhere.
    rb"""(?:
        [^"\r\n]*+
        (?: (?: (?<![^,\r\n]) "[^"]*+(?:""[^"]*+)*+" | (?<=[^,\r\n]) " ) [^"\r\n]*+ )*+
        [\r\n]
    )*+""",
    re.VERBOSE,
)
"""The rows that end in what was read so far: a cell in quotes may hold line breaks."""


def read_header(path: Path) -> list[str]:
    """The names of the columns; raises `csv.Error` where a quote has no second in the first line."""
    with path.open(encoding="utf-8-sig", newline="") as lines:
        header = lines.readline().rstrip("\r\n")
    # With a quote that is open at its end the header would take the rows up to the next quote with it.
    return next(csv.reader([header], strict=True), [])


def read_lines(path: Path, names: list[str]) -> Iterator[tuple[pa.Table, dict[int, RaggedLine]]]:
    """The rows below the header, part by part, each part with its ragged lines by row.

    A line with too few or too many fields becomes an empty row that is named as ragged. A cell in quotes may
    hold line breaks; a line is shorter than `_BLOCK`. Raises `ArrowException` for what is no CSV, where it
    comes to light.
    """
    first = 1
    for content in _whole_rows(path):
        # The header is read as a row like others, and left out.
        yield from _parse(content, names, first)
        first = 0


def _whole_rows(path: Path) -> Iterator[bytes]:
    """The file in parts that end with a row; raises `ArrowInvalid` for a line that is too long."""
    start, rest = 0, b""
    with path.open("rb") as file:
        while part := file.read(_PART):
            rest += part
            found = _WHOLE_ROWS.match(rest)
            end = found.end() if found else 0
            if end > 1:
                yield rest[:end]
                # The break stands before the next row as well: the mark of an encoding is one at a file's
                # start alone, and in a cell like any other text.
                start, rest = start + end - 1, rest[end - 1 :]
            elif start + len(rest) >= (start // _BLOCK + 2) * _BLOCK:
                raise pa.ArrowInvalid("a line does not end")
    if rest:
        yield rest


def _parse(content: bytes, names: list[str], first: int) -> Iterator[tuple[pa.Table, dict[int, RaggedLine]]]:
    """The rows of CSV from the row `first` on, some at a time, each cell as text, and ragged lines by row.

    An empty text and no text at all both count as missing; the quarantine tells them apart.
    """
    # All lines may be ragged: little is held of each.
    rows, counts, texts = array("q"), array("q"), list[str]()

    def skip(line: Any) -> str:
        # Lines are counted from 1 and empty ones not; breaks in a cell make no line.
        rows.append(line.number - 1)
        counts.append(line.actual_columns)
        texts.append(line.text)
        return "skip"

    table = pacsv.read_csv(
        pa.BufferReader(content),
        # Only one thread knows the number of a line.
        read_options=pacsv.ReadOptions(column_names=names, use_threads=False, block_size=len(content) + 1),
        parse_options=pacsv.ParseOptions(newlines_in_values=True, invalid_row_handler=skip),
        convert_options=pacsv.ConvertOptions(
            column_types={name: pa.string() for name in names},
            strings_can_be_null=True,
            null_values=[""],
            quoted_strings_can_be_null=False,
        ),
    )
    if rows:
        is_ragged = np.zeros(len(table) + len(rows), bool)
        is_ragged[rows] = True
        table = table.take(pa.array(np.cumsum(~is_ragged) - 1, mask=is_ragged))
    for start in range(first, len(table), _ROWS):
        here = slice(bisect_left(rows, start), bisect_left(rows, start + _ROWS))
        lines = zip(rows[here], counts[here], texts[here], strict=True)
        ragged = {row - start: RaggedLine(len(names), count, text) for row, count, text in lines}
        yield table.slice(start, _ROWS), ragged


def split_line(text: str, wanted: int) -> tuple[str | None, ...]:
    """The cells of one line of CSV; raises `Defect` where it has not so many, or is several lines."""
    try:
        parts = list(_parse(text.encode(), [str(number) for number in range(wanted)], 0))
    except pa.ArrowException:
        # Quotes that do not end, or nothing at all.
        raise Defect("not_one_line") from None
    if [len(table) for table, _ in parts] != [1]:
        raise Defect("not_one_line")
    ((table, ragged),) = parts
    if ragged:
        found = str(ragged[0].found)
        raise Defect("wrong_field_count", wanted=(str(wanted),) * 2, found=(found, found))
    return tuple(column[0].as_py() for column in table.columns)
