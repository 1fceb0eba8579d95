"""The log of who read what: every entry carries the hash of the one before, and the last one is sealed.

An entry is written in the transaction that reads. It holds no key of a household but an HMAC of it. Whoever
can write to the database but does not have the audit key cannot change, remove or add an entry unnoticed; a
log that was put back whole to an earlier state is noticed with an anchor, a head noted down elsewhere.
What is older than it has to be is pruned from the start of the chain, which then begins at a sealed base.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import ColumnElement, Connection, Engine, Row, delete, func, select, update

from serving.access.caller import Caller
from serving.access.purpose import Purpose
from serving.errors import AccessError
from serving.storage.audit_actions import Action, Outcome
from serving.storage.database import insert_into, lock_for_all
from serving.storage.keys import utc_now
from serving.storage.tables import audit_entry as table
from serving.storage.tables import audit_head

NOTHING = "0" * 64
"""What the first entry has in place of a former one's hash."""
MOST_FAULTS = 100
HOLDER_MARK = "t"
"""What the ids of token holders begin with."""
HEAD, BASE = 1, 2
"""Rows of `audit_head`: the last entry, and the last that was pruned."""
_LOCK = 3
_DOES_NOT_FIT = (
    "the audit log's seal does not fit its key: give the FANGFAN_AUDIT_KEY_FILE that the log was begun with, "
    "or run `python -m serving audit verify` to see what was changed"
)


@dataclass(frozen=True)
class Entry:
    """One entry; `subject` is the HMAC of a household's key or a login name, the number of a job, key or
    account, or the hash of a model's manifest, of an entry of the release log, or of a backup.

    `purpose` is empty where none is asked for.
    """

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
    purpose: str = ""

    def digest(self) -> str:
        """The hash over everything the entry says and the hash of the one before."""
        said = {**asdict(self), "at": self.at.astimezone(dt.UTC).isoformat(timespec="microseconds")}
        del said["sha256"]
        if not self.purpose:
            # Entries from before there were purposes keep their hashes.
            del said["purpose"]
        return hashlib.sha256(json.dumps(list(said.values()), ensure_ascii=True).encode()).hexdigest()

    def as_json(self) -> dict[str, Any]:
        """The entry as plain JSON."""
        return {**asdict(self), "at": self.at.isoformat()}


@dataclass(frozen=True)
class Tally:
    """How many entries there are of something, and of how many keys and accounts."""

    entries: int
    callers: int


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

    def login(self, login_name: str) -> str:
        """A login name as the log names it: what was typed may be no account's, or a password."""
        return self._hmac("login", login_name)

    def token_holder(self, subject: str) -> str:
        """The subject of an identity provider's token, as short as the id of a key."""
        return f"{HOLDER_MARK}{self._hmac('token', subject)[:11]}"

    def secret_for(self, purpose: str) -> bytes:
        """32 bytes for something else, that tell nothing of the key (HKDF, RFC 5869)."""
        return HKDF(SHA256(), 32, salt=None, info=purpose.encode()).derive(self._key)

    def value(self, kind: str, value: str) -> str:
        """A value that was looked up, as the log names it."""
        return self._hmac("value", f"{kind}\n{value}")

    def seal(self, text: str) -> str:
        """What proves that whoever has the audit key wrote a text that is kept elsewhere."""
        return self._hmac("text", text)

    def append(
        self,
        connection: Connection,
        caller: Caller,
        action: Action,
        subjects: Sequence[str],
        outcome: Outcome = Outcome.SHOWN,
        purpose: Purpose | None = None,
    ) -> tuple[int, str]:
        """Write one entry a subject in the caller's own transaction, which began as a writer's.

        Answers number and hash of the last one. Raises `AccessError` where somebody else changed the log's
        head: nothing is to be read then.
        """
        if not subjects:
            return 0, NOTHING
        # Writers of SQLite follow one another; those of PostgreSQL do from here to the end.
        lock_for_all(connection, _LOCK)
        seq, former = self._head(connection)
        is_first, now = seq == 0, self.now()
        rows = []
        for subject in subjects:
            seq += 1
            entry = Entry(
                seq, now, caller.key_id, caller.role.value, caller.scope.prefix or "", action.value, subject,
                outcome.value, former, "", purpose.value if purpose else "",
            )  # fmt: skip
            former = entry.digest()
            rows.append({**asdict(entry), "sha256": former})
        connection.execute(table.insert(), rows)
        head = {"seq": seq, "sha256": former, "seal": self._seal(seq, former)}
        if is_first:
            connection.execute(audit_head.insert().values(id=HEAD, **head))
        else:
            connection.execute(update(audit_head).where(audit_head.c.id == HEAD).values(head))
        return seq, former

    def count(
        self, connection: Connection, caller: Caller, action: Action, since: dt.datetime
    ) -> tuple[int, dt.datetime | None]:
        """How many entries a caller's key has of an action since a moment, and when the first of them was."""
        query = select(func.count(), func.min(table.c.at)).where(
            table.c.key_id == caller.key_id, table.c.action == action.value, table.c.at >= since
        )
        found = connection.execute(query).one()
        return found[0], found[1]

    def prune(self, connection: Connection, caller: Caller, before: dt.datetime) -> int:
        """Delete the entries of before a moment from the start of the log; how many there were.

        The chain begins at their last from then on, and an entry says so. Raises `AccessError` where the log
        has faults, which would be pruned with it.
        """
        lock_for_all(connection, _LOCK)
        kept = select(func.min(table.c.seq)).where(table.c.at >= before).scalar_subquery()
        newest = (
            select(func.max(table.c.seq)).where(func.coalesce(table.c.seq < kept, True)).scalar_subquery()
        )
        if self._faults(connection, None)[2]:
            raise AccessError(
                "the audit log has faults and is not pruned: `python -m serving audit verify` shows them"
            )
        last = connection.execute(select(table).where(table.c.seq == newest)).first()
        if last is None:
            return 0
        count = connection.execute(delete(table).where(table.c.seq <= last.seq)).rowcount
        base = {
            "seq": last.seq,
            "sha256": last.sha256,
            "seal": self._hmac("base", f"{last.seq}:{last.sha256}"),
        }
        connection.execute(
            insert_into(connection, audit_head)
            .values(id=BASE, **base)
            .on_conflict_do_update(index_elements=[audit_head.c.id], set_=base)
        )
        self.append(connection, caller, Action.LOG_PRUNED, [last.sha256], Outcome.DONE)
        return count

    def begins_at(self) -> dt.datetime | None:
        """The moment of the oldest entry, where older ones were pruned; `None` where none ever were."""
        with self.engine.connect() as connection:
            if connection.execute(select(audit_head.c.seq).where(audit_head.c.id == BASE)).first() is None:
                return None
            return connection.execute(select(table.c.at).order_by(table.c.seq).limit(1)).scalar()

    def has(self, seq: int, sha256: str, action: Action, subject: str) -> bool:
        """Whether the log holds this entry."""
        with self.engine.connect() as connection:
            found = connection.execute(select(table).where(table.c.seq == seq)).first()
        return found is not None and (found.sha256, found.action, found.subject) == (sha256, action, subject)

    def verify(self, anchor: str | None = None, *, has_key: bool = True) -> Verification:
        """Check every entry against its hash, its neighbours and, where the key is there, the seal.

        `anchor` is a head that was noted down before (``number:hash``): the log must still have it. Raises
        `AccessError` where it is not written like one.
        """
        wanted = _anchor(anchor) if anchor else None
        with self.engine.connect() as connection:
            seq, former, faults = self._faults(connection, wanted, has_key)
        return Verification(seq, f"{seq}:{former}", tuple(faults[:MOST_FAULTS]))

    def _faults(
        self, connection: Connection, wanted: tuple[int, str] | None, has_key: bool = True
    ) -> tuple[int, str, list[str]]:
        """Number and hash of the last entry, and everything that is wrong."""
        faults: list[str] = []
        head, base = (
            connection.execute(select(audit_head).where(audit_head.c.id == one)).first()
            for one in (HEAD, BASE)
        )
        seq, former = (base.seq, base.sha256) if base else (0, NOTHING)
        if base and has_key and not hmac.compare_digest(base.seal, self._hmac("base", f"{seq}:{former}")):
            faults.append("the base's seal does not fit: it was changed, or the audit key is another")
        if wanted and wanted[0] < seq:
            raise AccessError(f"--anchor: entries up to {seq} were pruned; give an anchor of a later entry")
        if wanted and wanted[0] == seq and wanted[1] != former:
            faults.append(f"entry {seq}: is another than the anchor's")
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
        if wanted and wanted[0] > seq:
            faults.append(f"after entry {seq}: entries up to the anchor's, {wanted[0]}, are missing")
        return seq, former, [*faults, *self._head_faults(head, seq, former, has_key)]

    def search(
        self,
        *,
        household_id: str | None = None,
        login_name: str | None = None,
        subject: str | None = None,
        key_id: str | None = None,
        action: Action | None = None,
        without: Action | None = None,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> Sequence[Entry]:
        """The latest entries that fit everything that is asked for, the newest first.

        With `before`, those of lower numbers; those of an action that is asked to be left out are not there.
        """
        query = select(table)
        if before is not None:
            query = query.where(table.c.seq < before)
        if household_id is not None:
            query = query.where(table.c.subject == self.household(household_id))
        if login_name is not None:
            query = query.where(table.c.subject == self.login(login_name))
        if subject is not None:
            query = query.where(table.c.subject == subject)
        if key_id is not None:
            query = query.where(table.c.key_id == key_id)
        if action is not None:
            query = query.where(table.c.action == action.value)
        if without is not None:
            query = query.where(table.c.action != without.value)
        query = query.where(*_within(since, until))
        with self.engine.connect() as connection:
            found = connection.execute(query.order_by(table.c.seq.desc()).limit(limit)).all()
        return [_entry(one) for one in found]

    def tally(
        self,
        action: Action,
        *,
        after: int = 0,
        before: int | None = None,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
    ) -> Tally:
        """How many entries of an action lie between two numbers, neither counted, and of how many callers."""
        query = select(func.count(), func.count(table.c.key_id.distinct())).where(
            table.c.action == action.value, table.c.seq > after, *_within(since, until)
        )
        if before is not None:
            query = query.where(table.c.seq < before)
        with self.engine.connect() as connection:
            return Tally(*connection.execute(query).one())

    def _head(self, connection: Connection) -> tuple[int, str]:
        found = connection.execute(select(audit_head).where(audit_head.c.id == HEAD)).first()
        if found is None:
            if connection.execute(select(table.c.seq).limit(1)).first() is not None:
                raise AccessError(_DOES_NOT_FIT)
            return 0, NOTHING
        if not hmac.compare_digest(found.seal, self._seal(found.seq, found.sha256)):
            raise AccessError(_DOES_NOT_FIT)
        return found.seq, found.sha256

    def _head_faults(self, found: Row[Any] | None, seq: int, sha256: str, has_key: bool) -> Iterator[str]:
        if found is None:
            if seq:
                yield "the head is missing"
            return
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


def _within(since: dt.datetime | None, until: dt.datetime | None) -> list[ColumnElement[bool]]:
    first = [table.c.at >= since] if since is not None else []
    return [*first, *([table.c.at < until] if until is not None else [])]


def _entries(connection: Connection) -> Iterator[Entry]:
    rows = connection.execute(select(table).order_by(table.c.seq).execution_options(yield_per=5_000))
    for one in rows:
        yield _entry(one)


def _entry(row: Row[Any]) -> Entry:
    return Entry(**row._mapping)


def _anchor(text: str) -> tuple[int, str]:
    number, _, sha256 = text.partition(":")
    if not (number.isascii() and number.isdigit() and len(number) < 19 and len(sha256) == len(NOTHING)):
        raise AccessError("--anchor: give number:hash as an earlier `audit verify` printed it")
    return int(number), sha256
