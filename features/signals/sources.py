"""Sources: a delivery as it came, part by part and column by column, before anything in it is judged.

A file at its limits is many times as large in memory, so that no more than a part of it is there at a time.
Nothing is guessed here: CSV cells stay text, and a line with too few or too many fields keeps its whole text.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features.errors import ContractError
from features.signals.cells import is_missing
from features.signals.contract import KNOWN_ON, Contract
from features.signals.lines import RaggedLine, read_header, read_lines

Source: TypeAlias = pd.DataFrame | pa.Table | Path | Sequence[Mapping[str, Any]] | Iterator[pd.DataFrame]
"""A table, or the frames that it comes in one after another, of which there is one at least."""


@dataclass(frozen=True)
class Given:
    """A part of a delivery: its columns, each an Arrow array or a list of cells, and its ragged lines by row.

    Rows are counted from the first one of the part.
    """

    columns: dict[str, Any]
    ragged: Mapping[int, RaggedLine] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many rows came, ragged ones included."""
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def as_text(self, rows: Any, names: Iterable[str] | None = None) -> dict[str, pa.Array]:
        """These rows as text: text cells byte-equal to how they came, others as a file would write them.

        `rows` is an array of their numbers, and `names` are the columns that are wanted if not all.
        """
        return {
            name: _as_text(self.columns[name], rows) for name in (self.columns if names is None else names)
        }


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


_ROWS = 1 << 16
"""Rows of a table that are looked at at a time."""


def read_source(contract: Contract, source: Source) -> Iterator[Given]:
    """The delivery's columns, part by part; raises `ContractError` where it is no table of the contract's
    fields, which may come to light in any part."""
    try:
        yield from _parts(contract, source)
    except (pa.ArrowException, OSError, UnicodeError, csv.Error) as error:
        raise ContractError(
            f"{contract.name}: the delivery cannot be read as a table ({type(error).__name__}); "
            "give CSV with a header, encoded as UTF-8, each quote with its second, or Parquet"
        ) from None


def _parts(contract: Contract, source: Source) -> Iterator[Given]:
    if isinstance(source, Path):
        if not source.is_file():
            raise ContractError(f"{contract.name}: there is no file {source}")
        if source.suffix not in _READERS:
            raise ContractError(f"{contract.name}: give a file that ends in {' or '.join(_READERS)}")
        yield from _READERS[source.suffix](contract, source)
    elif isinstance(source, pa.Table):
        yield from _parts_of_table(contract, source)
    elif isinstance(source, Iterator):
        for frame in source:
            yield from _parts_of_frame(contract, frame)
    elif isinstance(source, pd.DataFrame):
        yield from _parts_of_frame(contract, source)
    else:
        rows = list(source)
        if not all(isinstance(row, Mapping) for row in rows):
            raise ContractError(f"{contract.name}: a row is an object of fields and their values")
        if rows:
            yield from _parts_of_frame(contract, pd.DataFrame(rows, dtype=object))


def _parts_of_csv(contract: Contract, path: Path) -> Iterator[Given]:
    names = read_header(path)
    _check_names(contract, names)
    for table, ragged in read_lines(path, names):
        yield Given(_columns_of_table(table), ragged)


def _parts_of_parquet(contract: Contract, path: Path) -> Iterator[Given]:
    with pq.ParquetFile(path) as file:
        _check_names(contract, file.schema_arrow.names)
        for batch in file.iter_batches(_ROWS):
            yield Given(_columns_of_table(batch))


_READERS = {".csv": _parts_of_csv, ".parquet": _parts_of_parquet}


def _parts_of_table(contract: Contract, table: pa.Table) -> Iterator[Given]:
    _check_names(contract, table.column_names)
    for first in range(0, len(table), _ROWS):
        yield Given(_columns_of_table(table.slice(first, _ROWS)))


def _parts_of_frame(contract: Contract, frame: pd.DataFrame) -> Iterator[Given]:
    _check_names(contract, [str(name) for name in frame.columns])
    for first in range(0, len(frame), _ROWS):
        yield Given(_columns_of_frame(frame.iloc[first : first + _ROWS]))


def _columns_of_table(table: pa.Table | pa.RecordBatch) -> dict[str, Any]:
    return {name: _flat(column) for name, column in zip(table.column_names, table.columns, strict=True)}


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


def _flat(column: Any) -> Any:
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return column


def _check_names(contract: Contract, names: list[str]) -> None:
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
