"""Intake: raw rows in, accepted rows and a quarantine out. No row is ever lost silently.

Rows in = accepted + quarantined, always. A quarantined row keeps its number in the input and every defect
it has, each with a code, the field and the way out, so that the department can mend and resend it.
Columns are checked at once; only cells that the fast path leaves open are looked at one by one.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from features.errors import ContractError
from features.signals import CONTRACTS
from features.signals.contract import KNOWN_ON, OCCURRED_ON, Contract, RowDefect, estimate_arrival
from features.signals.fields import Defect, Field, is_missing

Source: TypeAlias = pd.DataFrame | pa.Table | Path | Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class QuarantinedRow:
    """One refused row: its number in the input (from 0) and everything that is wrong with it."""

    row: int
    defects: tuple[RowDefect, ...]


@dataclass(frozen=True)
class Intake:
    """What became of one delivery. `accepted` is in the contract's stored form, in input order."""

    contract: Contract
    accepted: pa.Table
    quarantined: tuple[QuarantinedRow, ...]
    rows_in: int

    def __post_init__(self) -> None:
        if self.rows_in != len(self.accepted) + len(self.quarantined):
            raise ContractError(f"{self.contract.name}: a row was lost or doubled on the way in")

    @property
    def defect_counts(self) -> dict[tuple[str, str], int]:
        """(code, field) → how many quarantined rows have it, most frequent first."""
        counts = Counter((one.code, one.field) for row in self.quarantined for one in row.defects)
        return dict(counts.most_common())

    def quarantine_frame(self) -> pd.DataFrame:
        """The quarantine as a table: row, field, code, way_out. No submitted value is in it."""
        rows = [
            {"row": row.row, "field": one.field, "code": one.code, "way_out": one.way_out}
            for row in self.quarantined
            for one in row.defects
        ]
        return pd.DataFrame(rows, columns=["row", "field", "code", "way_out"])


def take_in(feed: str, source: Source, *, delay_days: int | None = None) -> Intake:
    """Check one delivery of a feed: a DataFrame, an Arrow table, a CSV or Parquet file, or dict rows.

    `delay_days` is the feed's normal delay: with it, a row without `known_on` is accepted with the careful
    guess `occurred_on` + delay and marked as estimated; without it, such a row is quarantined.
    Raises `ContractError` when the delivery has no readable table or has columns the contract lacks.
    """
    contract = CONTRACTS.get(feed)
    if contract is None:
        raise ContractError(f"there is no feed of that name; there are {', '.join(CONTRACTS)}")
    given, ragged = _read(contract, source)
    rows_in = len(next(iter(given.values()))) if given else 0
    if rows_in == 0:
        return Intake(contract, contract.schema.empty_table(), (), 0)
    defects: dict[int, list[RowDefect]] = {}
    columns = {}
    for field in contract.fields:
        columns[field.column] = _check_column(field, given.get(field.surface), rows_in, delay_days, defects)
    stored = pa.table(columns, schema=contract.schema)
    if delay_days is not None:
        stored = _estimate_arrivals(stored, delay_days, defects)
    _check_rules(contract, stored, defects)
    _check_repeats(stored, defects)
    defects.update({
        row: [RowDefect("wrong_field_count", "row", f"this line has {found} fields, give {wanted}")]
        for row, (wanted, found) in ragged.items()
    })
    refused = np.zeros(rows_in, dtype=bool)
    refused[list(defects)] = True
    quarantined = tuple(QuarantinedRow(row, tuple(found)) for row, found in sorted(defects.items()))
    return Intake(contract, stored.filter(pa.array(~refused)), quarantined, rows_in)


Ragged = dict[int, tuple[int, int]]
"""Row → fields wanted and found, of the lines of a file that have another number of fields."""


def _read(contract: Contract, source: Source) -> tuple[dict[str, Any], Ragged]:
    try:
        if isinstance(source, pd.DataFrame):
            _check_names(contract, [str(name) for name in source.columns])
            return _columns_of_frame(source), {}
        if isinstance(source, pa.Table):
            _check_names(contract, source.column_names)
            return _columns_of_table(source), {}
        if not isinstance(source, Path):
            rows = list(source)
            if not all(isinstance(row, Mapping) for row in rows):
                raise ContractError(f"{contract.name}: a row is an object of fields and their values")
            frame = pd.DataFrame(rows, dtype=object)
            _check_names(contract, [str(name) for name in frame.columns] if len(frame) else None)
            return _columns_of_frame(frame), {}
        if not source.is_file():
            raise ContractError(f"{contract.name}: there is no file {source}")
        if source.suffix not in _READERS:
            raise ContractError(f"{contract.name}: give a file that ends in {' or '.join(_READERS)}")
        table, ragged = _READERS[source.suffix](source)
        _check_names(contract, table.column_names)
        return _columns_of_table(table), ragged
    except (pa.ArrowException, OSError, UnicodeError) as error:
        raise ContractError(
            f"{contract.name}: the delivery cannot be read as a table ({type(error).__name__}); "
            "give CSV with a header, encoded as UTF-8, or Parquet"
        ) from None


def _read_csv(path: Path) -> tuple[pa.Table, Ragged]:
    """Every column as text: a reader that guesses types shifts columns and rounds 18-digit keys.

    A line with too few or too many fields becomes an empty row that is named as ragged.
    """
    ragged: Ragged = {}

    def skip(line: Any) -> str:
        # Lines are counted from 1, the header included and empty ones not.
        ragged[line.number - 2] = (line.expected_columns, line.actual_columns)
        return "skip"

    with path.open(encoding="utf-8-sig", newline="") as lines:
        header = lines.readline().rstrip("\r\n")
    names = [name.strip('"') for name in header.split(",")]
    table = pacsv.read_csv(
        path,
        # Only one thread knows the number of a line.
        read_options=pacsv.ReadOptions(column_names=names, skip_rows=1, use_threads=False),
        parse_options=pacsv.ParseOptions(invalid_row_handler=skip),
        convert_options=pacsv.ConvertOptions(
            column_types={name: pa.string() for name in names}, strings_can_be_null=True, null_values=[""]
        ),
    )
    if ragged:
        kept = iter(range(len(table)))
        places = [None if row in ragged else next(kept) for row in range(len(table) + len(ragged))]
        table = table.take(pa.array(places, pa.int64()))
    return table, ragged


def _read_parquet(path: Path) -> tuple[pa.Table, Ragged]:
    return pq.read_table(path), {}


_READERS: dict[str, Callable[[Path], tuple[pa.Table, Ragged]]] = {
    ".csv": _read_csv,
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


def _columns_of_table(table: pa.Table) -> dict[str, Any]:
    return {name: _flat(table[name]) for name in table.column_names}


def _flat(column: Any) -> Any:
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return column


def _check_names(contract: Contract, names: list[str] | None) -> None:
    if names is None:
        return
    allowed = {field.surface for field in contract.fields}
    if allowed.isdisjoint(names):
        # Without a header the names are somebody's data, which no message repeats.
        raise ContractError(
            f"{contract.name}: no column has a name of the contract; the first line must name the columns. "
            f"The contract has {', '.join(sorted(allowed))}"
        )
    doubled = sorted({name for name in names if names.count(name) > 1})
    unknown = sorted(set(names) - allowed)
    required = {field.surface for field in contract.fields if field.is_required}
    missing = sorted(required - set(names) - {KNOWN_ON, "is_known_on_estimated"})
    problems = [
        f"{what} {', '.join(found)}"
        for what, found in (("doubled", doubled), ("unknown", unknown), ("missing", missing))
        if found
    ]
    if problems:
        raise ContractError(
            f"{contract.name}: columns {'; '.join(problems)}. The contract has {', '.join(sorted(allowed))}"
        )


def _check_column(
    field: Field, given: Any, rows: int, delay_days: int | None, defects: dict[int, list[RowDefect]]
) -> Any:
    if given is None:
        given = pa.nulls(rows, pa.string())
    stand_in = False if field.name == "is_known_on_estimated" else None
    may_be_missing = not field.is_required or stand_in is False
    may_be_missing |= field.name == KNOWN_ON and delay_days is not None
    if isinstance(given, list):
        values, settled = pa.nulls(rows, field.arrow_type), np.zeros(rows, dtype=bool)
    else:
        values, mask = field.parse_column(given)
        settled = mask.to_numpy(zero_copy_only=False)
        values = pc.if_else(pa.array(settled), values, pa.scalar(None, field.arrow_type))
        if may_be_missing:
            settled = settled | pc.is_null(given).to_numpy(zero_copy_only=False)
    if stand_in is not None:
        values = pc.fill_null(values, stand_in)
    open_rows = np.flatnonzero(~settled)
    if len(open_rows) == 0:
        return values.cast(field.arrow_type)
    # `parse` has the last word on every cell the fast path did not settle.
    looked_at = values.to_pylist()
    for row in open_rows.tolist():
        cell = given[row] if isinstance(given, list) else _cell(given[row])
        if may_be_missing and is_missing(cell):
            continue
        try:
            looked_at[row] = field.parse(cell)
        except Defect as defect:
            defects.setdefault(row, []).append(RowDefect(defect.code, field.surface, defect.way_out))
    return pa.array(looked_at, field.arrow_type)


def _cell(scalar: Any) -> object:
    try:
        return scalar.as_py()
    except (OverflowError, ValueError):
        # A day or a span that Python has no value for; no field takes a bare Arrow scalar.
        return scalar


def _estimate_arrivals(stored: pa.Table, delay_days: int, defects: dict[int, list[RowDefect]]) -> pa.Table:
    absent = np.flatnonzero(pc.is_null(stored[KNOWN_ON]).to_numpy())
    todo = [row for row in absent.tolist() if row not in defects]
    if not todo:
        return stored
    known, marked = stored[KNOWN_ON].to_pylist(), stored["is_known_on_estimated"].to_pylist()
    occurred = stored[OCCURRED_ON]
    for row in todo:
        values = {OCCURRED_ON: occurred[row].as_py(), KNOWN_ON: None}
        estimate_arrival(values, delay_days)
        known[row], marked[row] = values[KNOWN_ON], True
    names = stored.schema.names
    stored = stored.set_column(names.index(KNOWN_ON), KNOWN_ON, pa.array(known, pa.date32()))
    at = names.index("is_known_on_estimated")
    return stored.set_column(at, "is_known_on_estimated", pa.array(marked, pa.bool_()))


def _check_rules(contract: Contract, stored: pa.Table, defects: dict[int, list[RowDefect]]) -> None:
    """Rules between fields speak only of rows whose fields are all in order."""
    found: dict[int, list[RowDefect]] = {}
    for rule in contract.all_rules:
        kept = pc.fill_null(rule.holds_for(stored), True).to_numpy()
        for row in np.flatnonzero(~kept).tolist():
            if row not in defects:
                found.setdefault(row, []).append(RowDefect(rule.code, rule.field, rule.way_out))
    defects |= found


def _check_repeats(stored: pa.Table, defects: dict[int, list[RowDefect]]) -> None:
    """A row that repeats an earlier accepted one in every field is the same record delivered twice."""
    good = np.setdiff1d(np.arange(len(stored)), list(defects))
    repeated = stored.take(good).to_pandas(date_as_object=False).duplicated(keep="first").to_numpy()
    for row in good[repeated].tolist():
        way_out = "remove it: an earlier row of this delivery is the same in every field"
        defects[row] = [RowDefect("repeated_row", "household_id", way_out)]
