"""The log of who read what: every entry carries the hash of the one before, and the last one is sealed.

An entry is written in the transaction that reads. It holds no key of a household but an HMAC of it. Whoever
can write to the database but does not have the audit key cannot change, remove or add an entry unnoticed; a
log that was put back whole to an earlier state is noticed with an anchor, a head noted down elsewhere.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Engine, Row, select, update

from serving.access.caller import Caller
from serving.errors import AccessError
from serving.storage.database import lock_for_all
from serving.storage.keys import utc_now
from serving.storage.tables import audit_entry as table
from serving.storage.tables import audit_head

NOTHING = "0" * 64
"""What the first entry has in place of a former one's hash."""
MOST_FAULTS = 100
_HEAD = 1
_LOCK = 3
_DOES_NOT_FIT = (
    "the audit log's seal does not fit its key: give the FANGFAN_AUDIT_KEY_FILE that the log was begun with, "
    "or run `python -m serving audit verify` to see what was changed"
)


class Action(StrEnum):
    """What an entry tells of."""

    HOUSEHOLD_READ = "household_read"
    HOUSEHOLD_LISTED = "household_listed"
    RESULT_READ = "result_read"
    KEY_ADDED = "key_added"
    KEY_REVOKED = "key_revoked"
    RESTORED = "restored"


class Outcome(StrEnum):
    """Whether there was anything to see."""

    SHOWN = "shown"
    NOT_FOUND = "not_found"
    DONE = "done"


@dataclass(frozen=True)
class Entry:
    """One entry; `subject` is a household's HMAC, the number of a job or key, or a backup's sha256."""

    seq: int
    at: dt.datetime
    key_id: str
    role: str
    area: str
    action: str
    subject: str
    outcome: str
    former_sha256: str
    sha256: str

    def digest(self) -> str:
        """The hash over everything the entry says and the hash of the one before."""
        said = {**asdict(self), "at": self.at.astimezone(dt.UTC).isoformat(timespec="microseconds")}
        del said["sha256"]
        return hashlib.sha256(json.dumps(list(said.values()), ensure_ascii=True).encode()).hexdigest()

    def as_json(self) -> dict[str, Any]:
        """The entry as plain JSON."""
        return {**asdict(self), "at": self.at.isoformat()}


@dataclass(frozen=True)
class Verification:
    """What a check of the whole log found; `head` is ``number:hash`` of the last entry, to be noted down."""

    entries: int
    head: str
    faults: tuple[str, ...]


def is_begun(engine: Engine) -> bool:
    """Whether a database's log has entries, or had."""
    with engine.connect() as connection:
        return any(
            connection.execute(select(one).limit(1)).first() is not None
            for one in (table.c.seq, audit_head.c.seq)
        )


class AuditLog:
    """The log of one database. `key` is secret; what is hashed with it cannot be guessed without it."""

    def __init__(self, engine: Engine, key: bytes, now: Callable[[], dt.datetime] = utc_now) -> None:
        self.engine = engine
        self.now = now
        self._key = key

    def check_key(self) -> None:
        """Raise `AccessError` where the log was begun with another key."""
        with self.engine.connect() as connection:
            self._head(connection)

    def household(self, household_id: str) -> str:
        """A household as the log names it."""
        return self._hmac("household", household_id)

    def append(
        self,
        connection: Connection,
        caller: Caller,
        action: Action,
        subjects: Sequence[str],
        outcome: Outcome = Outcome.SHOWN,
    ) -> None:
        """Write one entry a subject in the caller's own transaction, which began as a writer's.

        Raises `AccessError` where somebody else changed the log's head: nothing is to be read then.
        """
        if not subjects:
            return
        # Writers of SQLite follow one another; those of PostgreSQL do from here to the end.
        lock_for_all(connection, _LOCK)
        seq, former = self._head(connection)
        is_first, now = seq == 0, self.now()
        rows = []
        for subject in subjects:
            seq += 1
            entry = Entry(
                seq, now, caller.key_id, caller.role.value, caller.scope.prefix or "", action.value, subject,
                outcome.value, former, "",
            )  # fmt: skip
            former = entry.digest()
            rows.append({**asdict(entry), "sha256": former})
        connection.execute(table.insert(), rows)
        head = {"seq": seq, "sha256": former, "seal": self._seal(seq, former)}
        if is_first:
            connection.execute(audit_head.insert().values(id=_HEAD, **head))
        else:
            connection.execute(update(audit_head).where(audit_head.c.id == _HEAD).values(head))

    def verify(self, anchor: str | None = None, *, has_key: bool = True) -> Verification:
        """Check every entry against its hash, its neighbours and, where the key is there, the seal.

        `anchor` is a head that was noted down before (``number:hash``): the log must still have it. Raises
        `AccessError` where it is not written like one.
        """
        faults: list[str] = []
        wanted = _anchor(anchor) if anchor else None
        seq, former = 0, NOTHING
        with self.engine.connect() as connection:
            for entry in _entries(connection):
                if entry.seq != seq + 1:
                    faults.append(f"after entry {seq}: entries up to {entry.seq - 1} are missing")
                elif entry.former_sha256 != former:
                    faults.append(f"entry {entry.seq}: does not follow the entry before it")
                if entry.digest() != entry.sha256:
                    faults.append(f"entry {entry.seq}: is not what was written")
                if wanted and wanted[0] == entry.seq and wanted[1] != entry.sha256:
                    faults.append(f"entry {entry.seq}: is another than the anchor's")
                seq, former = entry.seq, entry.sha256
            head = connection.execute(select(audit_head)).all()
        if wanted and wanted[0] > seq:
            faults.append(f"after entry {seq}: entries up to the anchor's, {wanted[0]}, are missing")
        faults += self._head_faults(head, seq, former, has_key)
        return Verification(seq, f"{seq}:{former}", tuple(faults[:MOST_FAULTS]))

    def search(
        self,
        *,
        household_id: str | None = None,
        key_id: str | None = None,
        action: Action | None = None,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
        limit: int = 100,
    ) -> Sequence[Entry]:
        """The latest entries that fit everything that is asked for, the newest first."""
        query = select(table)
        if household_id is not None:
            query = query.where(table.c.subject == self.household(household_id))
        if key_id is not None:
            query = query.where(table.c.key_id == key_id)
        if action is not None:
            query = query.where(table.c.action == action.value)
        if since is not None:
            query = query.where(table.c.at >= since)
        if until is not None:
            query = query.where(table.c.at < until)
        with self.engine.connect() as connection:
            found = connection.execute(query.order_by(table.c.seq.desc()).limit(limit)).all()
        return [_entry(one) for one in found]

    def _head(self, connection: Connection) -> tuple[int, str]:
        head = connection.execute(select(audit_head)).all()
        if not head:
            if connection.execute(select(table.c.seq).limit(1)).first() is not None:
                raise AccessError(_DOES_NOT_FIT)
            return 0, NOTHING
        found = head[0]
        if not hmac.compare_digest(found.seal, self._seal(found.seq, found.sha256)):
            raise AccessError(_DOES_NOT_FIT)
        return found.seq, found.sha256

    def _head_faults(self, head: Sequence[Row[Any]], seq: int, sha256: str, has_key: bool) -> Iterator[str]:
        if not head:
            if seq:
                yield "the head is missing"
            return
        found = head[0]
        if has_key and not hmac.compare_digest(found.seal, self._seal(found.seq, found.sha256)):
            yield "the head's seal does not fit: it was changed, or the audit key is another"
        if found.seq > seq:
            yield f"after entry {seq}: entries up to {found.seq} are missing"
        elif (found.seq, found.sha256) != (seq, sha256):
            yield f"entry {seq}: is not the one that was sealed last"

    def _seal(self, seq: int, sha256: str) -> str:
        return self._hmac("head", f"{seq}:{sha256}")

    def _hmac(self, purpose: str, text: str) -> str:
        # A lone surrogate in an address is a text, too.
        said = f"{purpose}\n{text}".encode(errors="surrogatepass")
        return hmac.new(self._key, said, hashlib.sha256).hexdigest()


def _entries(connection: Connection) -> Iterator[Entry]:
    rows = connection.execution_options(yield_per=5_000).execute(select(table).order_by(table.c.seq))
    for one in rows:
        yield _entry(one)


def _entry(row: Row[Any]) -> Entry:
    return Entry(**row._mapping)


def _anchor(text: str) -> tuple[int, str]:
    number, _, sha256 = text.partition(":")
    if not (number.isascii() and number.isdigit() and len(number) < 19 and len(sha256) == len(NOTHING)):
        raise AccessError("--anchor: give number:hash as an earlier `audit verify` printed it")
    return int(number), sha256
