"""Stored identities: kept and found within an area, shown masked, revealed for a purpose, always logged."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, Engine, Row, delete, select
from sqlalchemy.exc import SQLAlchemyError

from serving.access import Caller
from serving.access.area import OUTSIDE_AREA, WAY_OUT
from serving.access.purpose import Purpose
from serving.errors import AccessError, FieldError, Problem
from serving.identity.kinds import Kind
from serving.identity.masking import masked
from serving.identity.vault import Place, Unreadable, Vault, ids_of
from serving.storage import AuditLog, lock_for_all
from serving.storage.audit_actions import Action, Outcome
from serving.storage.database import WRITES
from serving.storage.keys import utc_now
from serving.storage.tables import identity as table

LOGGER = logging.getLogger("fangfan.serving")
HEAD = "head"
"""How the head of a household is called among its persons."""
HOUR = dt.timedelta(hours=1)
_LOCK = 5
_ORDER = tuple(Kind)


@dataclass(frozen=True)
class Person:
    """One person's identifiers. What they are is in no text made of this."""

    person_id: str
    values: dict[Kind, str] = field(repr=False)


@dataclass(frozen=True)
class Record:
    """The identity of one household: the head first, then members by their keys."""

    household_id: str
    village_code: str
    persons: tuple[Person, ...]
    written_at: dt.datetime

    def masked(self) -> Record:
        """The record as it is shown by default."""
        persons = tuple(
            Person(one.person_id, {kind: masked(kind, value) for kind, value in one.values.items()})
            for one in self.persons
        )
        return replace(self, persons=persons)


@dataclass(frozen=True)
class Bounds:
    """How many households one key may reveal, and values it may look up, within an hour."""

    reveals: int = 30
    lookups: int = 1_000


class IdentityStore:
    """The identities of one database. Raises `Problem` (503) where it does not answer, or a row not open."""

    def __init__(
        self,
        engine: Engine,
        audit: AuditLog,
        vault: Vault,
        bounds: Bounds | None = None,
        now: Callable[[], dt.datetime] = utc_now,
    ) -> None:
        self.engine = engine
        self.writer = engine.execution_options(**WRITES)
        self.audit = audit
        self.vault = vault
        self.bounds = bounds or Bounds()
        self.now = now

    def put(self, caller: Caller, household_id: str, village_code: str, persons: Sequence[Person]) -> Record:
        """Keep these persons and no others; what is the same already stays as it is. Answers it masked.

        A household that moved inside the caller's area is kept once: where it is now. Raises `Problem` (422)
        where the village lies outside of it.
        """
        if not caller.scope.contains(village_code):
            raise Problem("request_invalid", errors=[FieldError("/village_code", OUTSIDE_AREA, WAY_OUT)])
        with self._transaction() as connection:
            rows = self._rows(connection, caller, household_id)
            former = self._former(rows)
            given = Record(household_id, village_code, _in_order(persons), self.now())
            is_current = {one.key_version for one in rows} == {self.vault.ring.current.number}
            is_same = former is not None and (former.village_code, former.persons) == (
                village_code,
                given.persons,
            )
            gone: set[str] = set()
            if not (is_same and is_current and len({one.village_code for one in rows}) == 1):
                gone = self.replace_in(connection, rows, [given])
            else:
                assert former is not None
                given = former
            self._log(connection, caller, Action.IDENTITY_WRITTEN, household_id, Outcome.DONE)
        self._destroy(gone)
        return given.masked()

    def replace_in(
        self, connection: Connection, rows: Sequence[Row[Any]], records: Sequence[Record]
    ) -> set[str]:
        """Put records in the place of rows, in a transaction that holds `lock`.

        Answers the households' keys that nothing is sealed with any more: to be destroyed once it is
        committed.
        """
        current = self.vault.ring.current.number
        kept = {
            (one.household_id, one.village_code): one.key_id for one in rows if one.key_version == current
        }
        keys = self.vault.data_keys.find(kept.values())
        new = [one for one in records if kept.get((one.household_id, one.village_code)) not in keys]
        made = iter(self.vault.data_keys.make(len(new)))
        for household_id, village_code in {(one.household_id, one.village_code) for one in rows}:
            here = (table.c.household_id == household_id, table.c.village_code == village_code)
            connection.execute(delete(table).where(*here))
        written, used = [], set()
        for record in records:
            former = kept.get((record.household_id, record.village_code))
            key_id, key = (former, keys[former][1]) if former in keys else next(made)
            used.add(key_id)
            for person in record.persons:
                for kind, value in person.values.items():
                    place = Place(record.household_id, record.village_code, person.person_id, kind)
                    row = self.vault.seal(place, value, key_id, key)
                    written.append({**row, "written_at": record.written_at})
        if written:
            connection.execute(table.insert(), written)
        return ids_of(rows) - used

    def find(self, caller: Caller, household_id: str) -> Record | None:
        """The masked identity of a household that the caller may see; looking in vain is logged alike."""
        with self._transaction() as connection:
            return self._read(connection, caller, household_id, Action.IDENTITY_READ, None, masks=True)

    def find_heads(self, caller: Caller, household_ids: Collection[str]) -> dict[tuple[str, str], str]:
        """The masked names of the heads of households that the caller may see, by household and village."""
        query = select(table).where(
            table.c.household_id.in_(household_ids),
            table.c.person_id == HEAD,
            table.c.kind == Kind.NAME.value,
            caller.scope.condition(table.c.village_code),
        )
        with self._transaction() as connection:
            rows = connection.execute(query).all()
            read = sorted({one.household_id for one in rows})
            subjects = [self.audit.household(one) for one in read]
            self.audit.append(connection, caller, Action.IDENTITY_READ, subjects)
            found = [one.masked() for one in self.open(rows)]
        return {(one.household_id, one.village_code): one.persons[0].values[Kind.NAME] for one in found}

    def reveal(self, caller: Caller, household_id: str, purpose: Purpose) -> Record | None:
        """The identity in clear, for a purpose that is logged; raises `Problem` (429) beyond the bound."""
        with self._transaction() as connection:
            self._check_rate(connection, caller, Action.IDENTITY_REVEALED, self.bounds.reveals)
            action = Action.IDENTITY_REVEALED
            return self._read(connection, caller, household_id, action, purpose, masks=False)

    def look_up(self, caller: Caller, kind: Kind, value: str) -> list[str]:
        """The keys of the households, within the caller's area, of somebody with this ID number or phone.

        `value` is normalised. Takes the same steps whether the person is elsewhere or nowhere.
        """
        assert kind.is_looked_up
        query = (
            select(table.c.household_id)
            .where(
                table.c.kind == kind.value,
                table.c.lookup.in_(self.vault.lookups(kind, value)),
                caller.scope.condition(table.c.village_code),
            )
            .distinct()
            .order_by(table.c.household_id)
        )
        with self._transaction() as connection:
            self._check_rate(connection, caller, Action.IDENTITY_LOOKED_UP, self.bounds.lookups)
            found = list(connection.execute(query).scalars())
            outcome = Outcome.SHOWN if found else Outcome.NOT_FOUND
            subject = self.audit.value(kind.value, value)
            self.audit.append(connection, caller, Action.IDENTITY_LOOKED_UP, [subject], outcome)
            shown = [self.audit.household(one) for one in found]
            self.audit.append(connection, caller, Action.IDENTITY_READ, shown)
        return found

    def open(self, rows: Sequence[Row[Any]]) -> list[Record]:
        """The records of rows, household by household; raises `Problem` where one does not open."""
        records: dict[tuple[str, str], dict[str, dict[Kind, str]]] = {}
        written: dict[tuple[str, str], dt.datetime] = {}
        try:
            opened = self.vault.open(rows)
        except Unreadable:
            LOGGER.error("identity unreadable", extra={"fields": {"rows": len(rows)}})
            raise Problem("identity_unreadable") from None
        for (place, value), row in zip(opened, rows, strict=True):
            where = (place.household_id, place.village_code)
            records.setdefault(where, {}).setdefault(place.person_id, {})[place.kind] = value
            written[where] = max(row.written_at, written.get(where, row.written_at))
        return [
            Record(*where, _in_order([Person(*one) for one in persons.items()]), written[where])
            for where, persons in records.items()
        ]

    def destroy(self, key_ids: Collection[str]) -> None:
        """Destroy households' keys that no row is sealed with any more."""
        if key_ids:
            self.vault.data_keys.destroy(key_ids)

    def _destroy(self, key_ids: Collection[str]) -> None:
        try:
            self.destroy(key_ids)
        except SQLAlchemyError:
            # What was asked for is stored; the keys open nothing, and the next rotation finds them.
            LOGGER.warning("keys not destroyed", extra={"fields": {"keys": len(key_ids)}})

    def _read(
        self, connection: Connection, caller: Caller, household_id: str, action: Action,
        purpose: Purpose | None, *, masks: bool,
    ) -> Record | None:  # fmt: skip
        rows = self._rows(connection, caller, household_id)
        self._log(
            connection, caller, action, household_id, Outcome.SHOWN if rows else Outcome.NOT_FOUND, purpose
        )
        if not rows:
            return None
        found = self._made(rows)
        return found.masked() if masks else found

    def _rows(self, connection: Connection, caller: Caller, household_id: str) -> Sequence[Row[Any]]:
        query = select(table).where(
            table.c.household_id == household_id, caller.scope.condition(table.c.village_code)
        )
        return connection.execute(query).all()

    def _former(self, rows: Sequence[Row[Any]]) -> Record | None:
        """What is replaced; nothing where it does not open any more: whoever sends it again mends it."""
        try:
            return self._made(rows) if rows else None
        except Problem:
            return None

    def _made(self, rows: Sequence[Row[Any]]) -> Record:
        """Of several villages' the one written last."""
        return max(self.open(rows), key=lambda one: (one.written_at, one.village_code))

    def _log(
        self, connection: Connection, caller: Caller, action: Action, household_id: str, outcome: Outcome,
        purpose: Purpose | None = None,
    ) -> None:  # fmt: skip
        self.audit.append(connection, caller, action, [self.audit.household(household_id)], outcome, purpose)

    def _check_rate(self, connection: Connection, caller: Caller, action: Action, most: int) -> None:
        now = self.now()
        count, first = self.audit.count(connection, caller, action, now - HOUR)
        if count >= most and first is not None:
            seconds = max(1, round((first + HOUR - now).total_seconds()))
            raise Problem("asked_too_often", headers={"Retry-After": str(seconds)})

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        try:
            with self.writer.begin() as connection:
                lock(connection)
                yield connection
        except SQLAlchemyError:
            raise Problem("storage_failed") from None
        except AccessError:
            raise Problem("audit_failed") from None


def lock(connection: Connection) -> None:
    """Let whatever touches identities follow one another: a key is never destroyed under a reader."""
    lock_for_all(connection, _LOCK)


def _in_order(persons: Sequence[Person]) -> tuple[Person, ...]:
    made = [
        Person(one.person_id, {kind: one.values[kind] for kind in _ORDER if kind in one.values})
        for one in persons
    ]
    return tuple(sorted(made, key=lambda one: (one.person_id != HEAD, one.person_id)))
