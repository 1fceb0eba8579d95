"""Importing identities from a table: row by row, refused rows told without values, in no temporary file.

A row says what is known of one person, and changes nothing else of the household: what is empty stays as it
is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import select, tuple_

from serving.access import Caller
from serving.files import Limits
from serving.files.rows import AT_ONCE, RowError, TableError, ValueRefused, read_key, read_village, rows_of
from serving.files.unpacking import unpack_unnamed
from serving.identity.kinds import Kind, normalise
from serving.identity.store import HEAD, IdentityStore, Person, Record, lock
from serving.storage.audit_actions import Action, Outcome
from serving.storage.tables import identity as table

KEYS = ("household_id", "village_code", "person_id")
COLUMNS = (*KEYS, *(one.value for one in Kind))


@dataclass
class Imported:
    """What became of a table."""

    rows_in: int = 0
    rows_accepted: int = 0
    households_changed: int = 0
    errors: list[RowError] = field(default_factory=list)

    @property
    def rows_refused(self) -> int:
        """How many rows changed nothing because of an error."""
        return self.rows_in - self.rows_accepted


@dataclass(frozen=True)
class _Row:
    household_id: str
    village_code: str
    person: Person


def import_identities(
    store: IdentityStore, caller: Caller, source: Path, limits: Limits | None = None,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> Imported:  # fmt: skip
    """Take in the rows of a CSV, XLSX or Parquet file; the sound ones are kept whatever the others are.

    Raises `FileRefused` and `TableError` for a file that is no such table.
    """
    made = Imported()
    kind, content = unpack_unnamed(source, limits or Limits())
    with content:
        there = rows_of(kind, content, _check_columns)
        while rows := list(islice(there, AT_ONCE)):
            sound = []
            for cells in rows:
                try:
                    sound.append(_read(made.rows_in, cells, caller))
                except _Refused as refused:
                    made.errors += refused.errors
                made.rows_in += 1
            made.rows_accepted += len(sound)
            made.households_changed += _keep(store, caller, sound)
            progress("rows", made.rows_in, 0)
    return made


class _Refused(Exception):
    def __init__(self, errors: list[RowError]) -> None:
        super().__init__(len(errors))
        self.errors = errors


def _keep(store: IdentityStore, caller: Caller, rows: Sequence[_Row]) -> int:
    """Put the rows of one transaction in; how many households they changed."""
    if not rows:
        return 0
    places = {(one.household_id, one.village_code) for one in rows}
    with store.writer.begin() as connection:
        lock(connection)
        where = tuple_(table.c.household_id, table.c.village_code).in_(sorted(places))
        there = connection.execute(select(table).where(where)).all()
        former = {(one.household_id, one.village_code): one for one in store.open(there)}
        persons = {at: {one.person_id: one.values for one in record.persons} for at, record in former.items()}
        for row in rows:
            known = persons.setdefault((row.household_id, row.village_code), {})
            known[row.person.person_id] = {**known.get(row.person.person_id, {}), **row.person.values}
        now = store.now()
        records = [
            Record(*at, tuple(Person(*one) for one in persons[at].items()), now)
            for at in sorted(places)
            if at not in former or {one.person_id: one.values for one in former[at].persons} != persons[at]
        ]
        changed = {(one.household_id, one.village_code) for one in records}
        gone = store.replace_in(
            connection, [one for one in there if (one.household_id, one.village_code) in changed], records
        )
        subjects = [store.audit.household(one) for one in sorted({one.household_id for one in records})]
        store.audit.append(connection, caller, Action.IDENTITY_WRITTEN, subjects, Outcome.DONE)
    store.destroy(gone)
    return len(records)


def _read(number: int, cells: dict[str, Any], caller: Caller) -> _Row:
    errors: list[RowError] = []
    keys: dict[str, str] = {"person_id": HEAD}
    for name in KEYS:
        given = cells.get(name)
        try:
            if name == "village_code":
                keys[name] = read_village(given, caller)
            elif name != "person_id" or given not in {None, "", HEAD}:
                keys[name] = read_key(given)
        except ValueRefused as refused:
            errors.append(RowError.of(number, name, refused))
    values = {}
    for kind in Kind:
        given = cells.get(kind.value)
        if given in {None, ""}:
            continue
        try:
            values[kind] = normalise(kind, given)
        except ValueRefused as refused:
            errors.append(RowError.of(number, kind.value, refused))
    if not values and not errors:
        errors.append(
            RowError(number, "name", "empty", "give at least one identifier", "至少填写一项身份信息")
        )
    if errors:
        raise _Refused(errors)
    return _Row(keys["household_id"], keys["village_code"], Person(keys["person_id"], values))


def _check_columns(names: Sequence[str]) -> None:
    """The names of others may be anything, and are not repeated."""
    if set(names) - set(COLUMNS) or len(set(names)) != len(names) or not {*KEYS[:2]} <= set(names):
        raise TableError(
            "the table's columns must be household_id, village_code and any of "
            f"{', '.join(COLUMNS[2:])}, each once"
        )
