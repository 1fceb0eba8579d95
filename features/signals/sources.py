"""Sources: a delivery as it came, column by column, before anything in it is judged.

Nothing is guessed here: CSV cells stay text, and a line with too few or too many fields keeps its whole text.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from features.errors import ContractError
from features.signals.cells import is_missing
from features.signals.contract import KNOWN_ON, Contract
from features.signals.defects import Defect

Source: TypeAlias = pd.DataFrame | pa.Table | Path | Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class RaggedLine:
    """A line of a file with another number of fields than its header, and its whole text."""

    wanted: int
    found: int
    text: str


@dataclass(frozen=True)
class Given:
    """The columns of a delivery, each an Arrow array or a list of cells, and its ragged lines by row."""

    columns: dict[str, Any]
    ragged: Mapping[int, RaggedLine] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many rows came, ragged ones included."""
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def end_as_text(self, rows: Any) -> pa.Table:
        """These rows as text: text cells byte-equal to how they came, others as a file would write them.

        `rows` is an array of their numbers. Each column is let go of for its text: there may be no room for
        both, where all rows are wanted.
        """
        return pa.table({name: _as_text(self.columns.pop(name), rows) for name in list(self.columns)})


def _as_text(cells: Any, rows: Any) -> pa.Array:
    if isinstance(cells, list):
        return pa.array([_text(cells[row]) for row in rows.tolist()], pa.string())
    if pa.types.is_string(cells.type) or pa.types.is_large_string(cells.type):
        taken = cells.take(pa.array(rows))
        try:
            taken.validate(full=True)
            return taken.cast(pa.string())
        except pa.ArrowInvalid:
            # Bytes that are no UTF-8, from a damaged file; each cell is looked at alone.
            pass
    return pa.array([_text(cell_of(cells[row])) for row in rows.tolist()], pa.string())


def cell_of(scalar: Any) -> object:
    """The Python value of an Arrow scalar, or the scalar itself where Python has no such value."""
    try:
        return scalar.as_py()
    except (OverflowError, ValueError):
        # A day or a span that Python has no value for; no field takes a bare Arrow scalar.
        return scalar


def _text(cell: object) -> str | None:
    if isinstance(cell, np.generic):
        cell = cell.item()
    if isinstance(cell, str):
        # A lone surrogate is no text that a file could hold.
        return cell.encode("utf-8", "backslashreplace").decode()
    if is_missing(cell):
        return None
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell == cell // 1 and abs(cell) < _EXACT:
        return str(int(cell))
    if isinstance(cell, dt.datetime) and cell.tzinfo is None and cell.time() == dt.time():
        return cell.date().isoformat()
    if isinstance(cell, pa.StringScalar | pa.LargeStringScalar | pa.StringViewScalar):
        cell = cell.as_buffer().to_pybytes()
    if isinstance(cell, pa.Scalar):
        # A day or a span beyond Python's calendar: the bare number of its unit.
        return str(getattr(cell, "value", cell.type))
    if isinstance(cell, bytes):
        return cell.decode("utf-8", "backslashreplace")
    if isinstance(cell, dt.date):
        return cell.isoformat()
    if isinstance(cell, Decimal) and cell.is_finite() and -20 < cell.adjusted() < 15:
        return f"{cell:f}"
    return str(cell)


_FEW = 10

_EXACT = 10**15
"""Whole numbers below it are written digit by digit; of a larger float nobody knows the last digits."""


def read_source(contract: Contract, source: Source) -> Given:
    """The delivery's columns; raises `ContractError` where it is no table of the contract's fields."""
    try:
        if isinstance(source, pd.DataFrame):
            _check_names(contract, [str(name) for name in source.columns])
            return Given(_columns_of_frame(source))
        if isinstance(source, pa.Table):
            _check_names(contract, source.column_names)
            return Given(_flattened(dict(zip(source.column_names, source.columns, strict=True))))
        if not isinstance(source, Path):
            rows = list(source)
            if not all(isinstance(row, Mapping) for row in rows):
                raise ContractError(f"{contract.name}: a row is an object of fields and their values")
            frame = pd.DataFrame(rows, dtype=object)
            _check_names(contract, [str(name) for name in frame.columns] if len(frame) else None)
            return Given(_columns_of_frame(frame))
        if not source.is_file():
            raise ContractError(f"{contract.name}: there is no file {source}")
        if source.suffix not in _READERS:
            raise ContractError(f"{contract.name}: give a file that ends in {' or '.join(_READERS)}")
        table, ragged = _READERS[source.suffix](source)
        _check_names(contract, table.column_names)
        columns = dict(zip(table.column_names, table.columns, strict=True))
        del table
        return Given(_flattened(columns), ragged)
    except (pa.ArrowException, OSError, UnicodeError, csv.Error) as error:
        raise ContractError(
            f"{contract.name}: the delivery cannot be read as a table ({type(error).__name__}); "
            "give CSV with a header, encoded as UTF-8, each quote with its second, or Parquet"
        ) from None


_BLOCK = 1 << 24
"""Bytes of a file that are read at a time."""


def read_csv(path: Path) -> tuple[pa.Table, dict[int, RaggedLine]]:
    """Every column as text: a reader that guesses types shifts columns and rounds 18-digit keys.

    A line with too few or too many fields becomes an empty row that is named as ragged. A cell in quotes may
    hold line breaks; a line is shorter than `_BLOCK`.
    """
    ragged: dict[int, RaggedLine] = {}

    def skip(line: Any) -> str:
        # Lines are counted from 1, the header included and empty ones not; breaks in a cell make no line.
        ragged[line.number - 2] = RaggedLine(line.expected_columns, line.actual_columns, line.text)
        return "skip"

    with path.open(encoding="utf-8-sig", newline="") as lines:
        header = lines.readline().rstrip("\r\n")
        is_header_alone = not lines.readline()
    names = next(csv.reader([header]), [])
    if is_header_alone:
        # The reader takes it for an empty file where it does not end in a line break.
        return pa.table([pa.array([], pa.string())] * len(names), names=names), ragged
    table = pacsv.read_csv(
        path,
        # Only one thread knows the number of a line.
        read_options=pacsv.ReadOptions(column_names=names, skip_rows=1, use_threads=False, block_size=_BLOCK),
        # Without it a break in a cell is one where a block of the file ends in that line.
        parse_options=pacsv.ParseOptions(newlines_in_values=True, invalid_row_handler=skip),
        convert_options=_as_it_came(names),
    )
    if ragged:
        kept = iter(range(len(table)))
        places = [None if row in ragged else next(kept) for row in range(len(table) + len(ragged))]
        table = table.take(pa.array(places, pa.int64()))
    return table, ragged


def split_line(text: str, wanted: int) -> tuple[str | None, ...]:
    """The cells of one line of CSV; raises `Defect` where it has not so many, or is several lines."""
    counts: list[int] = []

    def skip(line: Any) -> str:
        counts.append(line.actual_columns)
        return "skip"

    content = text.encode()
    names = [str(number) for number in range(wanted)]
    try:
        table = pacsv.read_csv(
            io.BytesIO(content),
            read_options=pacsv.ReadOptions(column_names=names, block_size=len(content) + 1),
            parse_options=pacsv.ParseOptions(newlines_in_values=True, invalid_row_handler=skip),
            convert_options=_as_it_came(names),
        )
    except pa.ArrowException:
        # Quotes that do not end, or nothing at all.
        raise Defect("not_one_line") from None
    if len(table) + len(counts) != 1:
        raise Defect("not_one_line")
    if counts:
        found = str(counts[0])
        raise Defect("wrong_field_count", wanted=(str(wanted),) * 2, found=(found, found))
    return tuple(table[name][0].as_py() for name in names)


def _as_it_came(names: list[str]) -> pacsv.ConvertOptions:
    """Every column as text. An empty text and no text at all both count as missing; the quarantine tells them
    apart."""
    return pacsv.ConvertOptions(
        column_types={name: pa.string() for name in names},
        strings_can_be_null=True,
        null_values=[""],
        quoted_strings_can_be_null=False,
    )


def _read_parquet(path: Path) -> tuple[pa.Table, dict[int, RaggedLine]]:
    return pq.read_table(path), {}


_READERS: dict[str, Callable[[Path], tuple[pa.Table, dict[int, RaggedLine]]]] = {
    ".csv": read_csv,
    ".parquet": _read_parquet,
}


def _columns_of_frame(frame: pd.DataFrame) -> dict[str, Any]:
    """Arrow arrays; a column of mixed kinds stays a list of Python values, each cell to be parsed alone."""
    columns: dict[str, Any] = {}
    for name in frame.columns:
        series = frame[name]
        # Arrow bends cells of mixed kinds to the first one's: a time of day is cut off, text becomes bytes.
        if series.dtype == object and not _is_uniform(series):
            columns[str(name)] = list(series)
            continue
        try:
            columns[str(name)] = _flat(pa.Array.from_pandas(series))
        except (pa.ArrowException, OverflowError, UnicodeEncodeError):
            columns[str(name)] = list(series)
    return columns


def _is_uniform(series: pd.Series[Any]) -> bool:
    kinds = {type(one) for one in series if not is_missing(one)}
    return not kinds or (len(kinds) == 1 and kinds <= {str, bool, int, float, dt.date})


def _flattened(columns: dict[str, Any]) -> dict[str, Any]:
    """The columns in one piece each, one after another: of a large file there is no second copy."""
    for name in columns:
        columns[name] = _flat(columns[name])
    return columns


def _flat(column: Any) -> Any:
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return column


def _check_names(contract: Contract, names: list[str] | None) -> None:
    if names is None:
        return
    allowed = {field.surface for field in (*contract.fields, *contract.checked)}
    if allowed.isdisjoint(names):
        # Without a header the names are somebody's data, which no message repeats.
        raise ContractError(
            f"{contract.name}: no column has a name of the contract; the first line must name the columns. "
            f"The contract has {', '.join(sorted(allowed))}"
        )
    counts = Counter(names)
    doubled = sorted(name for name in allowed if counts[name] > 1)
    # An unknown name may be a value in the wrong place, so it is told by where it stands.
    unknown = [str(place) for place, name in enumerate(names, 1) if name not in allowed]
    required = {field.surface for field in contract.fields if field.is_required}
    missing = sorted(required - set(names) - {KNOWN_ON, "is_known_on_estimated"})
    if len(unknown) > _FEW:
        unknown = [*unknown[:_FEW], f"… ({len(unknown)} in all)"]
    problems = [
        f"{what} {', '.join(found)}"
        for what, found in (("doubled", doubled), ("unknown at place", unknown), ("missing", missing))
        if found
    ]
    if problems:
        raise ContractError(
            f"{contract.name}: columns {'; '.join(problems)}. The contract has {', '.join(sorted(allowed))}"
        )
