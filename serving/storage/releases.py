"""The release log of the service: every change of the model in service. The last entry is the state.

Because the log *is* the pointer, a change is one transaction: who, when, from, to and why, the state itself,
and an entry of the audit log that names the entry's hash. Every process that uses the database follows it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Engine, Row, select

from serving.access.caller import Caller
from serving.errors import ModelError
from serving.storage.audit import AuditLog
from serving.storage.audit_actions import Action, Outcome
from serving.storage.database import WRITES, lock_for_all
from serving.storage.keys import utc_now
from serving.storage.tables import release_entry as table

MOST_WORDS = 500
MOST_BY = 120
_LOCK = 6


class Change(StrEnum):
    """What an entry did."""

    USE = "use"
    ROLLBACK = "rollback"
    OFF = "off"
    ON = "on"


@dataclass(frozen=True)
class Pick:
    """A version of the model store, and the hash of the manifest it was admitted with."""

    version: str
    sha256: str


@dataclass(frozen=True)
class InService:
    """The state: what answers, where a rollback goes, whether the model is on; the last entry's `number`."""

    current: Pick | None = None
    previous: Pick | None = None
    is_on: bool = True
    number: int = 0


@dataclass(frozen=True)
class Release:
    """One entry. `to_version` is what is in service after it; `sha256` is over everything else."""

    seq: int
    at: dt.datetime
    released_by: str
    action: str
    from_version: str | None
    to_version: str | None
    to_sha256: str | None
    previous_version: str | None
    previous_sha256: str | None
    is_on: int
    why: str
    sha256: str

    def digest(self) -> str:
        """The hash of what the entry says."""
        said = {**asdict(self), "at": self.at.astimezone(dt.UTC).isoformat(timespec="microseconds")}
        del said["sha256"]
        return hashlib.sha256(json.dumps(list(said.values()), ensure_ascii=True).encode()).hexdigest()

    def state(self) -> InService:
        """The state after it."""
        return InService(
            _pick(self.to_version, self.to_sha256),
            _pick(self.previous_version, self.previous_sha256),
            bool(self.is_on),
            self.seq,
        )

    def as_json(self) -> dict[str, Any]:
        """The entry as the API tells it."""
        return {
            "number": self.seq,
            "at": self.at.isoformat(timespec="seconds"),
            "by": self.released_by,
            "action": self.action,
            "from_version": self.from_version,
            "to_version": self.to_version,
            "manifest_sha256": self.to_sha256,
            "is_on": bool(self.is_on),
            "why": self.why,
        }


class ReleaseLog:
    """The log of one database. What is changed here is in the audit log `audit` in the same transaction."""

    def __init__(self, engine: Engine, now: Callable[[], dt.datetime] = utc_now) -> None:
        self.engine = engine
        self.writer = engine.execution_options(**WRITES)
        self.now = now

    def state(self) -> InService:
        """What is in service; raises `SQLAlchemyError` where the database does not answer."""
        with self.engine.connect() as connection:
            last = _last(connection)
        return last.state() if last else InService()

    def use(self, pick: Pick, audit: AuditLog, by: Caller, name: str, why: str, *, after: int) -> Release:
        """Put a version into service; raises `ModelError` where it is in service already."""

        def next_state(found: InService) -> InService:
            if found.current == pick:
                raise ModelError(f"{pick.version} is in service already")
            return InService(pick, found.current, found.is_on)

        return self._change(Change.USE, next_state, audit, by, name, why, after)

    def rollback(self, audit: AuditLog, by: Caller, name: str, why: str, *, after: int) -> Release:
        """Put the version before this one into service again; raises `ModelError` where there is none.

        Each further rollback goes one further back.
        """
        entries = self.entries()

        def next_state(found: InService) -> InService:
            if found.previous is None:
                raise ModelError(
                    "no version was in service before this one: `models use` takes an admitted one"
                )
            return InService(found.previous, _before_previous(entries), found.is_on)

        return self._change(Change.ROLLBACK, next_state, audit, by, name, why, after)

    def switch(self, audit: AuditLog, by: Caller, name: str, why: str, *, is_on: bool) -> Release:
        """Turn the model off or on for every process; raises `ModelError` where it is so already."""

        def next_state(found: InService) -> InService:
            if found.is_on is is_on:
                raise ModelError(f"the model is {'on' if is_on else 'off'} already")
            return InService(found.current, found.previous, is_on)

        return self._change(Change.ON if is_on else Change.OFF, next_state, audit, by, name, why, None)

    def was_in_service(self, pick: Pick) -> bool:
        """Whether a version with this manifest ever was in service here."""
        with self.engine.connect() as connection:
            is_it = (table.c.to_version == pick.version) & (table.c.to_sha256 == pick.sha256)
            asked = select(table.c.seq).where(is_it).limit(1)
            return connection.execute(asked).first() is not None

    def page(self, limit: int, before: int | None = None) -> Sequence[Release]:
        """The latest entries, the newest first; with `before`, those of lower numbers."""
        query = select(table).order_by(table.c.seq.desc()).limit(limit)
        if before is not None:
            query = query.where(table.c.seq < before)
        with self.engine.connect() as connection:
            return [_release(one) for one in connection.execute(query)]

    def entries(self) -> Sequence[Release]:
        """Every entry, the oldest first."""
        with self.engine.connect() as connection:
            return [_release(one) for one in connection.execute(select(table).order_by(table.c.seq))]

    def verify(self, audit: AuditLog) -> list[str]:
        """What is wrong with the log: entries altered, missing, or not those that the audit log tells of.

        Those from before the audit log was pruned are told by nothing any more.
        """
        faults = []
        entries = self.entries()
        for number, one in enumerate(entries, 1):
            if one.seq != number:
                faults.append(f"release {number} is missing")
                break
            if one.digest() != one.sha256:
                faults.append(f"release {number} is not what was written")
        found = audit.search(action=Action.MODEL_CHANGED, limit=len(entries) + 1)
        told = [one.subject for one in reversed(found)]
        begins_at = audit.begins_at()
        untold = entries[: max(len(entries) - len(told), 0)]
        is_pruned = all(begins_at is not None and one.at < begins_at for one in untold)
        if not is_pruned or told != [one.sha256 for one in entries[len(untold) :]]:
            faults.append("the releases are not those that the audit log tells of")
        return faults

    def _change(
        self,
        change: Change,
        next_state: Callable[[InService], InService],
        audit: AuditLog,
        by: Caller,
        name: str,
        why: str,
        after: int | None,
    ) -> Release:
        _check_words("--by", name, MOST_BY)
        _check_words("--why", why, MOST_WORDS)
        with self.writer.begin() as connection:
            # Writers of SQLite follow one another; those of PostgreSQL do from here to the end.
            lock_for_all(connection, _LOCK)
            last = _last(connection)
            found = last.state() if last else InService()
            if after is not None and found.number != after:
                raise ModelError("another change came in between: look at `models list` and try again")
            wanted = next_state(found)
            made = Release(
                found.number + 1, self.now(), name, change.value,
                found.current.version if found.current else None,
                *(_columns(wanted.current)), *(_columns(wanted.previous)), int(wanted.is_on), why, "",
            )  # fmt: skip
            values = {**asdict(made), "sha256": made.digest()}
            connection.execute(table.insert().values(values))
            audit.append(connection, by, Action.MODEL_CHANGED, [values["sha256"]], Outcome.DONE)
        return Release(**values)


def _before_previous(entries: Sequence[Release]) -> Pick | None:
    """What a rollback after the next one goes to: each has undone the last use that was not undone."""
    used: list[Pick] = []
    for one in entries:
        pick = _pick(one.to_version, one.to_sha256)
        if one.action == Change.USE and pick is not None:
            used.append(pick)
        elif one.action == Change.ROLLBACK:
            used.pop()
    return used[-3] if len(used) > 2 else None


def _check_words(option: str, text: str, most: int) -> None:
    # It is shown in terminals and answers for years.
    if not (1 <= len(text) <= most and text.isprintable() and text.strip()):
        raise ModelError(f"{option}: give one line of 1 to {most} characters, without control characters")


def _last(connection: Connection) -> Release | None:
    row = connection.execute(select(table).order_by(table.c.seq.desc()).limit(1)).first()
    return _release(row) if row is not None else None


def _release(row: Row[Any]) -> Release:
    return Release(**row._mapping)


def _pick(version: str | None, sha256: str | None) -> Pick | None:
    return Pick(version, sha256) if version is not None and sha256 is not None else None


def _columns(pick: Pick | None) -> tuple[str | None, str | None]:
    return (pick.version, pick.sha256) if pick else (None, None)
