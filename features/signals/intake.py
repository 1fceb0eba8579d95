"""Intake: raw rows in, accepted rows and a quarantine out. No row is ever lost silently.

Rows in = accepted + quarantined, always. A quarantined row keeps its number in the input, its cells as they
came and every defect it has, each with a code, the field and the way out, so that it can be mended.
Columns are checked at once; only cells that the fast path leaves open are looked at one by one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, overload

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from features.errors import ContractError
from features.signals import CONTRACTS
from features.signals.cells import is_missing, is_text
from features.signals.contract import KNOWN_ON, OCCURRED_ON, Contract, estimate_arrival
from features.signals.defects import Defect, RowDefect
from features.signals.fields import Field
from features.signals.id_number import IdNumber, doubtful_numbers
from features.signals.sources import Given, Source, cell_of, read_source


@dataclass(frozen=True)
class QuarantinedRow:
    """One refused row: its number in the input (from 0) and everything that is wrong with it."""

    row: int
    defects: tuple[RowDefect, ...]


class Quarantined(Sequence[QuarantinedRow]):
    """The refused rows of a delivery in their order, made of row → defects.

    A file at fault in every row has a million of them, and few kinds: a row takes twelve bytes here.
    """

    def __init__(self, defects: Mapping[int, Sequence[RowDefect]]) -> None:
        kinds: dict[tuple[RowDefect, ...], int] = {}
        self.numbers = np.array(sorted(defects), np.int64)
        found = (kinds.setdefault(tuple(defects[row]), len(kinds)) for row in self.numbers.tolist())
        self._which = np.fromiter(found, np.int32, len(self.numbers))
        self._kinds = tuple(kinds)

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, place: int) -> QuarantinedRow: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[QuarantinedRow, ...]: ...

    def __getitem__(self, place: int | slice) -> QuarantinedRow | tuple[QuarantinedRow, ...]:
        if isinstance(place, slice):
            return tuple(self[one] for one in range(*place.indices(len(self))))
        return QuarantinedRow(int(self.numbers[place]), self._kinds[self._which[place]])

    def __iter__(self) -> Iterator[QuarantinedRow]:
        for row, which in zip(self.numbers, self._which, strict=True):
            yield QuarantinedRow(int(row), self._kinds[which])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __repr__(self) -> str:
        return repr(tuple(self))


@dataclass(frozen=True)
class Flagged:
    """Accepted rows that one rule of severity ``flag`` names: their places among the accepted, ascending."""

    code: str
    field: str
    places: tuple[int, ...]


@dataclass(frozen=True)
class Intake:
    """What became of one delivery. `accepted` is in the contract's stored form, in input order.

    `delivered` holds the cells of the quarantined rows as text, in the order of `quarantined`; a ragged line
    has none and stands whole in `lines`, by its row. Both are as sensitive as the signals.
    """

    contract: Contract
    accepted: pa.Table
    quarantined: Quarantined
    rows_in: int
    delivered: pa.Table
    lines: dict[int, str]
    flagged: tuple[Flagged, ...] = ()

    def __post_init__(self) -> None:
        if self.rows_in != len(self.accepted) + len(self.quarantined):
            raise ContractError(f"{self.contract.name}: a row was lost or doubled on the way in")

    @property
    def defect_counts(self) -> dict[tuple[str, str], int]:
        """(code, field) → how many quarantined rows have it, most frequent first."""
        counts = Counter((one.code, one.field) for row in self.quarantined for one in row.defects)
        return dict(counts.most_common())

    @property
    def flag_counts(self) -> dict[tuple[str, str], int]:
        """(code, field) → how many accepted rows have it, most frequent first."""
        counts = Counter({(one.code, one.field): len(one.places) for one in self.flagged})
        return dict(counts.most_common())

    @property
    def flagged_rows(self) -> int:
        """How many accepted rows have a flag or more."""
        return len({place for one in self.flagged for place in one.places})

    @cached_property
    def accepted_rows(self) -> Any:
        """The number in the input of every accepted row."""
        return np.setdiff1d(np.arange(self.rows_in), self.quarantined.numbers, assume_unique=True)

    def quarantine_frame(self) -> pd.DataFrame:
        """What is wrong, as a table: row, field, code, way_out. No submitted value is in it."""
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
    given = read_source(contract, source)
    if given.rows == 0:
        return Intake(contract, contract.schema.empty_table(), Quarantined({}), 0, given.as_text(()), {})
    defects: dict[int, list[RowDefect]] = {}
    columns, checked = {}, {}
    for field in contract.fields:
        cells = given.columns.get(field.surface)
        columns[field.column] = _check_column(field, cells, given.rows, delay_days, defects)
    for field in contract.checked:
        if field.surface in given.columns:
            cells = given.columns[field.surface]
            checked[field.column] = _check_column(field, cells, given.rows, delay_days, defects)
    stored = pa.table(columns, schema=contract.schema)
    if delay_days is not None:
        stored = _estimate_arrivals(stored, delay_days, defects)
    _check_rules(contract, stored, checked, defects)
    _check_repeats(stored, defects)
    for row, line in given.ragged.items():
        wanted, found = str(line.wanted), str(line.found)
        ragged = Defect("wrong_field_count", wanted=(wanted, wanted), found=(found, found))
        defects[row] = [ragged.at("row")]
    is_taken = np.ones(given.rows, dtype=bool)
    is_taken[list(defects)] = False
    return Intake(
        contract,
        stored.filter(pa.array(is_taken)),
        Quarantined(defects),
        given.rows,
        given.as_text(sorted(defects)),
        {row: line.text for row, line in given.ragged.items()},
        _flag_numbers(contract, given, stored, checked, is_taken),
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
            settled = settled | _is_empty(given)
    if stand_in is not None:
        values = pc.fill_null(values, stand_in)
    open_rows = np.flatnonzero(~settled)
    if len(open_rows) == 0:
        return values.cast(field.arrow_type)
    # `parse_cell` has the last word on every cell the fast path did not settle.
    looked_at = values.to_pylist()
    for row in open_rows.tolist():
        cell = given[row] if isinstance(given, list) else cell_of(given[row])
        if may_be_missing and is_missing(cell):
            continue
        try:
            looked_at[row] = field.parse_cell(cell)
        except Defect as defect:
            defects.setdefault(row, []).append(defect.at(field.surface))
    return pa.array(looked_at, field.arrow_type)


def _is_empty(given: Any) -> Any:
    empty = pc.is_null(given)
    if is_text(given.type):
        empty = pc.or_(empty, pc.fill_null(pc.equal(given.cast(pa.string()), ""), False))
    return empty.to_numpy(zero_copy_only=False)


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


def _check_rules(
    contract: Contract, stored: pa.Table, checked: dict[str, Any], defects: dict[int, list[RowDefect]]
) -> None:
    """A rule between fields speaks of every row in which its own fields are in order."""
    for name, column in checked.items():
        stored = stored.append_column(name, column)
    surfaces = {field.column: field.surface for field in (*contract.fields, *contract.checked)}
    found: dict[int, list[RowDefect]] = {}
    for rule in contract.all_rules:
        if not set(rule.columns) <= set(stored.column_names):
            continue
        own = {surfaces[column] for column in rule.columns}
        broken = Defect(rule.code).at(rule.field)
        kept = pc.fill_null(rule.holds_for(stored), True).to_numpy()
        for row in np.flatnonzero(~kept).tolist():
            if own.isdisjoint(defect.field for defect in defects.get(row, ())):
                found.setdefault(row, []).append(broken)
    for row, more in found.items():
        defects.setdefault(row, []).extend(more)


def _check_repeats(stored: pa.Table, defects: dict[int, list[RowDefect]]) -> None:
    """A row that repeats an earlier accepted one in every field is the same record delivered twice."""
    good = np.setdiff1d(np.arange(len(stored)), list(defects))
    repeated = stored.take(good).to_pandas(date_as_object=False).duplicated(keep="first").to_numpy()
    for row in good[repeated].tolist():
        defects[row] = [Defect("repeated_row").at("household_id")]


def _flag_numbers(
    contract: Contract, given: Given, stored: pa.Table, checked: dict[str, Any], is_taken: Any
) -> tuple[Flagged, ...]:
    flagged = []
    for field in contract.checked:
        if isinstance(field, IdNumber) and field.column in checked:
            numbers = pc.if_else(pa.array(is_taken), checked[field.column], None)
            masks = doubtful_numbers(given.columns[field.surface], numbers, stored["member_id"])
            for code, mask in masks.items():
                places = np.flatnonzero(mask[is_taken])
                if len(places):
                    flagged.append(Flagged(code, field.surface, tuple(places.tolist())))
    return tuple(flagged)
