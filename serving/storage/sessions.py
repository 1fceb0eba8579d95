"""Sessions of people: a random token in a cookie, its hash here. They end by themselves and are ended."""

from __future__ import annotations

import datetime as dt
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Row, delete, select, update

from serving.storage.accounts import Account, AccountState, account_of
from serving.storage.database import WRITES
from serving.storage.keys import digest_of, utc_now
from serving.storage.tables import account
from serving.storage.tables import session as table

TOKEN_BYTES = 32
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_KEPT_ENDED = dt.timedelta(days=1)
_SEEN_STEPS = 20
"""A session is noted as seen this often in the time that it may be idle, not at every request."""


@dataclass(frozen=True)
class Session:
    """Somebody who is signed in."""

    token_sha256: str
    account: Account


class SessionStore:
    """The sessions of one database: one ends when it is `idle` for so long, and `longest` after its begin."""

    def __init__(
        self,
        engine: Engine,
        idle: dt.timedelta,
        longest: dt.timedelta,
        now: Callable[[], dt.datetime] = utc_now,
    ) -> None:
        self.engine = engine
        self.writer = engine.execution_options(**WRITES)
        self.idle = idle
        self.longest = longest
        self.now = now

    def open_in(self, connection: Connection, account_id: str) -> str:
        """The token of a new session, within a transaction. What ended long ago is deleted."""
        now, token = self.now(), secrets.token_urlsafe(TOKEN_BYTES)
        connection.execute(delete(table).where(table.c.created_at < now - self.longest - _KEPT_ENDED))
        row = {
            "token_sha256": digest_of(token), "account_id": account_id, "created_at": now, "seen_at": now,
        }  # fmt: skip
        connection.execute(table.insert().values(row))
        return token

    def find(self, token: str) -> Session | None:
        """Whose session it is; `None` where it is unknown or has ended, or its account is not in force."""
        if not _TOKEN.fullmatch(token):
            return None
        query = (
            select(table.c.token_sha256, table.c.created_at.label("began_at"), table.c.seen_at, account)
            .join(account, account.c.id == table.c.account_id)
            .where(table.c.token_sha256 == digest_of(token), table.c.ended_at.is_(None))
        )
        with self.engine.connect() as connection:
            found = connection.execute(query).first()
        now = self.now()
        if found is None or not self._is_in_force(found, now):
            return None
        if now - found.seen_at >= self.idle / _SEEN_STEPS:
            with self.writer.begin() as connection:
                seen = update(table).where(table.c.token_sha256 == found.token_sha256)
                connection.execute(seen.values(seen_at=now))
        return Session(found.token_sha256, account_of(found._mapping))

    def end_in(self, connection: Connection, token_sha256: str) -> None:
        """End one session, within a transaction."""
        open_one = update(table).where(table.c.token_sha256 == token_sha256, table.c.ended_at.is_(None))
        connection.execute(open_one.values(ended_at=self.now()))

    def _is_in_force(self, found: Row[Any], now: dt.datetime) -> bool:
        until = min(found.began_at + self.longest, found.seen_at + self.idle, found.expires_at)
        return bool(now < until and found.state == AccountState.ACTIVE)
