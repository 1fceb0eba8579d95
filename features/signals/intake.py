"""Intake: raw rows in, accepted rows and a quarantine out. No row is ever lost silently.

Rows in = accepted + quarantined, always. A quarantined row keeps its number in the input, its cells as they
came and every defect it has, each with a code, the field and the way out, so that it can be mended.
Columns are checked at once; only cells that the fast path leaves open are looked at one by one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from features.errors import ContractError
from features.signals import CONTRACTS
from features.signals.accepted import Accepted
from features.signals.cells import is_missing, is_text
from features.signals.contract import KNOWN_ON, OCCURRED_ON, Contract, estimate_arrival
from features.signals.defects import WHOLE_ROW, Defect
from features.signals.fields import Field
from features.signals.id_number import IdNumber, are_longer, doubtful_numbers
from features.signals.refusals import Quarantined, Refusals
from features.signals.sources import Given, Source, cell_of, read_source
from features.signals.traces import SCHEMA as TRACES
from features.signals.traces import trace

_LONGER = "{} is longer"
"""The column that says which cells of an ID number hold more than one, by its name."""


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
    has none and stands whole in `lines`, by its row. Both are empty where they were not to be kept. `traces`
    say of whom, where and when the quarantined rows are, as far as that can be read (`traces.SCHEMA`). All
    three are as sensitive as the signals.
    """

    contract: Contract
    accepted: pa.Table
    quarantined: Quarantined
    rows_in: int
    delivered: pa.Table
    lines: dict[int, str]
    traces: pa.Table
    flagged: tuple[Flagged, ...] = ()

    def __post_init__(self) -> None:
        if self.rows_in != len(self.accepted) + len(self.quarantined):
            raise ContractError(f"{self.contract.name}: a row was lost or doubled on the way in")

    def without_traces(self) -> Intake:
        """The same without the traces, when they have been followed."""
        return replace(self, traces=TRACES.empty_table())

    @property
    def defect_counts(self) -> dict[tuple[str, str], int]:
        """(code, field) → how many quarantined rows have it, most frequent first."""
        counts = Counter[tuple[str, str]]()
        rows = np.bincount(self.quarantined.which, minlength=len(self.quarantined.kinds))
        for kind, number in zip(self.quarantined.kinds, rows.tolist(), strict=True):
            for one in kind:
                counts[one.code, one.field] += number
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

    @property
    def accepted_rows(self) -> Any:
        """The number in the input of every accepted row."""
        return np.delete(np.arange(self.rows_in), self.quarantined.numbers)

    def quarantine_frame(self) -> pd.DataFrame:
        """What is wrong, as a table: row, field, code, way_out. No submitted value is in it."""
        rows = [
            {"row": row.row, "field": one.field, "code": one.code, "way_out": one.way_out}
            for row in self.quarantined
            for one in row.defects
        ]
        return pd.DataFrame(rows, columns=["row", "field", "code", "way_out"])


def take_in(feed: str, source: Source, *, delay_days: int | None = None, keeps_cells: bool = True) -> Intake:
    """Check one delivery of a feed: a DataFrame, an Arrow table, a CSV or Parquet file, or dict rows.

    `delay_days` is the feed's normal delay: with it, a row without `known_on` is accepted with the careful
    guess `occurred_on` + delay and marked as estimated; without it, such a row is quarantined. Without
    `keeps_cells` nothing is held of what was sent of refused rows, which may be as large as the file: they
    can then not be saved to be mended.
    Raises `ContractError` when the delivery has no readable table or has columns the contract lacks.
    """
    contract = CONTRACTS.get(feed)
    if contract is None:
        raise ContractError(f"there is no feed of that name; there are {', '.join(CONTRACTS)}")
    accepted = Accepted(contract.schema)
    quarantined: list[tuple[int, Quarantined]] = []
    delivered, traces, lines = [], [TRACES.empty_table()], dict[int, str]()
    rows = 0
    for given in read_source(contract, source):
        refused = _check_part(contract, given, delay_days, accepted)
        quarantined.append((rows, refused))
        traces.append(trace(given, refused.numbers))
        if keeps_cells:
            delivered.append(pa.table(given.as_text(refused.numbers)))
            lines |= {rows + row: line.text for row, line in given.ragged.items()}
        rows += given.rows
    whole = accepted.whole()
    return Intake(
        contract,
        whole.select(contract.schema.names),
        Quarantined.joined(quarantined),
        rows,
        pa.concat_tables(delivered) if delivered else pa.table({}),
        lines,
        pa.concat_tables(traces),
        _flag_numbers(contract, whole),
    )


def _check_part(contract: Contract, given: Given, delay_days: int | None, accepted: Accepted) -> Quarantined:
    """Add the rows of a part that are in order to the accepted ones; the others."""
    refusals = Refusals(given.rows)
    ragged_rows = defaultdict[tuple[str, str], list[int]](list)
    for row, line in given.ragged.items():
        ragged_rows[str(line.wanted), str(line.found)].append(row)
    for (wanted, found), rows in ragged_rows.items():
        ragged = Defect("wrong_field_count", wanted=(wanted,) * 2, found=(found,) * 2)
        refusals.add_all(rows, ragged.at(WHOLE_ROW))
    columns, checked = {}, {}
    for field in contract.fields:
        cells = given.columns.get(field.surface)
        columns[field.column] = _check_column(field, cells, given.rows, delay_days, refusals)
    for field in contract.checked:
        if field.surface in given.columns:
            cells = given.columns[field.surface]
            checked[field.column] = _check_column(field, cells, given.rows, delay_days, refusals)
    stored = pa.table(columns, schema=contract.schema)
    if delay_days is not None:
        stored = _estimate_arrivals(stored, delay_days, refusals)
    for name, column in checked.items():
        stored = stored.append_column(name, column)
    _check_rules(contract, stored, refusals)
    for field in contract.checked:
        if isinstance(field, IdNumber) and field.column in checked:
            stored = stored.append_column(
                _LONGER.format(field.column), are_longer(given.columns[field.surface])
            )
    good = np.flatnonzero(~refusals.are_refused())
    # A row that repeats an earlier accepted one in every field is the same record delivered twice.
    is_repeated = accepted.add(stored.take(good))
    refusals.add_all(good[is_repeated], Defect("repeated_row").at("household_id"))
    return refusals.quarantined()


def _check_column(field: Field, given: Any, rows: int, delay_days: int | None, refusals: Refusals) -> Any:
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
    # Of a ragged line no cell is known, and that is told of it alone.
    is_open = ~settled & ~refusals.are_refused([WHOLE_ROW])
    if not is_open.any():
        return values.cast(field.arrow_type)
    # `parse_cell` has the last word on every cell the fast path did not settle.
    looked_at = []
    for row in map(int, np.flatnonzero(is_open)):
        cell = given[row] if isinstance(given, list) else cell_of(given[row])
        value: Any = stand_in
        if not (may_be_missing and is_missing(cell)):
            try:
                value = field.parse_cell(cell)
            except Defect as defect:
                refusals.add(row, defect.at(field.surface))
        looked_at.append(value)
    return pc.replace_with_mask(
        values.cast(field.arrow_type), pa.array(is_open), pa.array(looked_at, field.arrow_type)
    )


def _is_empty(given: Any) -> Any:
    empty = pc.is_null(given)
    if is_text(given.type):
        empty = pc.or_(empty, pc.fill_null(pc.equal(given.cast(pa.string()), ""), False))
    return empty.to_numpy(zero_copy_only=False)


def _estimate_arrivals(stored: pa.Table, delay_days: int, refusals: Refusals) -> pa.Table:
    absent = pc.is_null(stored[KNOWN_ON]).to_numpy()
    todo = np.flatnonzero(absent & ~refusals.are_refused()).tolist()
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


def _check_rules(contract: Contract, stored: pa.Table, refusals: Refusals) -> None:
    """A rule between fields speaks of every row in which its own fields are in order."""
    surfaces = {field.column: field.surface for field in (*contract.fields, *contract.checked)}
    found = []
    for rule in contract.all_rules:
        if not set(rule.columns) <= set(stored.column_names):
            continue
        is_broken = ~pc.fill_null(rule.holds_for(stored), True).to_numpy()
        if is_broken.any():
            own = {surfaces[column] for column in rule.columns}
            rows = np.flatnonzero(is_broken & ~refusals.are_refused({WHOLE_ROW, *own}))
            found.append((rows, Defect(rule.code).at(rule.field)))
    # What one rule finds is no fault of the fields that another one looks at.
    for rows, broken in found:
        refusals.add_all(rows, broken)


def _flag_numbers(contract: Contract, accepted: pa.Table) -> tuple[Flagged, ...]:
    flagged = []
    for field in contract.checked:
        if isinstance(field, IdNumber) and field.column in accepted.column_names:
            is_longer = accepted[_LONGER.format(field.column)]
            masks = doubtful_numbers(accepted[field.column], is_longer, accepted["member_id"])
            for code, mask in masks.items():
                places = np.flatnonzero(mask)
                if len(places):
                    flagged.append(Flagged(code, field.surface, tuple(places.tolist())))
    return tuple(flagged)
