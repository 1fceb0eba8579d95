"""API keys: 32 random bytes, shown once; what is kept is a hash, and a public part to find it by."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Row, select, update

from serving.access.caller import Caller, Role, scope_of
from serving.access.scope import ALL_AREAS, NOWHERE, Scope
from serving.errors import AccessError
from serving.storage.database import WRITES
from serving.storage.tables import api_key as table

SECRET_BYTES = 32
_KEY = re.compile(r"[Bb]earer +ff_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,80}")
_NOBODY = "0" * 64


@dataclass(frozen=True)
class ShownKey:
    """A key as a caller shows it. Its secret is in no text made of it."""

    key_id: str
    secret: str

    def __repr__(self) -> str:
        return f"ShownKey({self.key_id})"

    def __str__(self) -> str:
        return repr(self)

    @property
    def text(self) -> str:
        """The key as it is handed over, once."""
        return f"ff_{self.key_id}_{self.secret}"


@dataclass(frozen=True)
class KeyEntry:
    """What is kept of a key."""

    id: str
    role: Role
    area: str | None
    name: str
    created_at: dt.datetime
    expires_at: dt.datetime
    revoked_at: dt.datetime | None

    def state(self, now: dt.datetime) -> str:
        """``active``, ``expired`` or ``revoked``."""
        if self.revoked_at is not None:
            return "revoked"
        return "active" if now < self.expires_at else "expired"


def parse_key(header: str) -> ShownKey | None:
    """The key of an Authorization header's value, if it has the form of one."""
    found = _KEY.fullmatch(header)
    return ShownKey(*found.groups()) if found else None


def digest_of(secret: str) -> str:
    """What is kept of a secret. It is random and long, so that a slow hash would protect nothing more."""
    return hashlib.sha256(secret.encode()).hexdigest()


def utc_now() -> dt.datetime:
    """The moment now."""
    return dt.datetime.now(dt.UTC)


class KeyStore:
    """The keys of one database."""

    def __init__(self, engine: Engine, now: Callable[[], dt.datetime] = utc_now) -> None:
        self.engine = engine
        self.writer = engine.execution_options(**WRITES)
        self.now = now

    def add(self, role: Role, area: str | None, name: str, lasts: dt.timedelta) -> tuple[ShownKey, KeyEntry]:
        """Make a key. Raises `AccessError` where role and area, or the name, are not to be had."""
        with self.writer.begin() as connection:
            return self.add_in(connection, role, area, name, lasts)

    def add_in(
        self, connection: Connection, role: Role, area: str | None, name: str, lasts: dt.timedelta
    ) -> tuple[ShownKey, KeyEntry]:
        """The same as a part of a transaction that a writer began."""
        scope = scope_of(role, area)
        if not _NAME.fullmatch(name):
            raise AccessError("a key needs a name of 1 to 80 characters, such as the system that uses it")
        if lasts <= dt.timedelta():
            raise AccessError("a key has to last at least a day")
        made = ShownKey(secrets.token_hex(6), secrets.token_urlsafe(SECRET_BYTES))
        now = self.now()
        values = {
            "id": made.key_id,
            "secret_sha256": digest_of(made.secret),
            "role": role.value,
            "area_code": scope.prefix,
            "name": name,
            "created_at": now,
            "expires_at": now + lasts,
        }
        row = connection.execute(table.insert().values(values).returning(table)).one()
        return made, _entry(row)

    def list(self) -> Sequence[KeyEntry]:
        """Every key there is, the newest first."""
        with self.engine.connect() as connection:
            rows = connection.execute(select(table).order_by(table.c.created_at.desc(), table.c.id)).all()
        return [_entry(one) for one in rows]

    def revoke_in(self, connection: Connection, key_id: str) -> KeyEntry:
        """End a key for good, within a transaction; one that was revoked stays so. Raises `AccessError`."""
        connection.execute(
            update(table)
            .where(table.c.id == key_id, table.c.revoked_at.is_(None))
            .values(revoked_at=self.now())
        )
        found = connection.execute(select(table).where(table.c.id == key_id)).first()
        if found is None:
            raise AccessError("there is no key of that id: `python -m serving keys list` shows them")
        return _entry(found)

    def revoke(self, key_id: str) -> KeyEntry:
        """End a key for good; raises `AccessError` where there is none."""
        with self.writer.begin() as connection:
            return self.revoke_in(connection, key_id)

    def find_caller(self, shown: ShownKey) -> Caller | None:
        """Whom a key stands for; `None` for one that is unknown, expired or revoked, in the same time."""
        with self.engine.connect() as connection:
            found = connection.execute(select(table).where(table.c.id == shown.key_id)).first()
        # Compared with something in any case, and all questions asked.
        is_known = hmac.compare_digest(digest_of(shown.secret), found.secret_sha256 if found else _NOBODY)
        now = self.now()
        is_valid = found is not None and found.revoked_at is None and now < found.expires_at
        if not (is_known and is_valid) or found is None:
            return None
        role = Role(found.role)
        scope = Scope(found.area_code) if role.sees_households else NOWHERE
        return Caller(found.id, role, scope)


def _entry(row: Row[Any]) -> KeyEntry:
    area = row.area_code if row.area_code or row.area_code is None else ALL_AREAS
    return KeyEntry(row.id, Role(row.role), area, row.name, row.created_at, row.expires_at, row.revoked_at)
