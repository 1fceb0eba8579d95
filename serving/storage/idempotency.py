"""Requests that create, by the key of their client: the same request is answered the same, and done once.

A key is held while its request is worked on. Its answer is written in the transaction that creates what the
answer tells of, so that there is both or neither.
"""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, and_, delete, select, update

from serving.errors import ServingError
from serving.storage.database import WRITES, insert_into
from serving.storage.tables import idempotency_key as table

HELD_SECONDS = 60.0
"""How long a hold outlives the last sign of its request: a process that was killed gives none."""
KEPT_HOURS = 48


class KeyInFlight(ServingError):
    """Another request holds the key."""


@dataclass(frozen=True)
class KeptAnswer:
    """What was answered before; `request_sha256` is the fingerprint of what was asked."""

    request_sha256: str
    status: int
    answer: dict[str, Any]


class Hold:
    """One request's hold on its key."""

    def __init__(self, engine: Engine, key_sha256: str) -> None:
        self.writer = engine.execution_options(**WRITES)
        self.key_sha256 = key_sha256
        self.owner = uuid.uuid4().hex
        self._renewed_at = _now()

    def take(self) -> KeptAnswer | None:
        """Take the hold, or find the answer that was given; raises `KeyInFlight`."""
        now = _now()
        values = {"owner": self.owner, "held_until": now + dt.timedelta(seconds=HELD_SECONDS)}
        with self.writer.begin() as connection:
            made = connection.execute(
                insert_into(connection, table)
                .values(key_sha256=self.key_sha256, created_at=now, **values)
                .on_conflict_do_nothing()
                .returning(table.c.owner)
            ).first()
            if made is not None:
                return None
            taken = connection.execute(
                update(table)
                .where(self._is_key, table.c.status.is_(None), table.c.held_until <= now)
                .values(created_at=now, **values)
                .returning(table.c.owner)
            ).first()
            if taken is not None:
                return None
            found = connection.execute(select(table).where(self._is_key)).first()
        if found is None or found.status is None:
            raise KeyInFlight("a request with this key is in flight")
        return KeptAnswer(found.request_sha256, found.status, found.answer)

    def renew(self) -> None:
        """Show that the request is still worked on; writes no more often than it has to."""
        now = _now()
        if (now - self._renewed_at).total_seconds() < HELD_SECONDS / 3:
            return
        self._renewed_at = now
        until = now + dt.timedelta(seconds=HELD_SECONDS)
        with self.writer.begin() as connection:
            connection.execute(update(table).where(self._is_held).values(held_until=until))

    def finish(
        self, connection: Connection, request_sha256: str, status: int, answer: dict[str, Any]
    ) -> None:
        """Keep the answer in the transaction that makes it true; raises `KeyInFlight` where another holds."""
        values = {"request_sha256": request_sha256, "status": status, "answer": answer}
        done = update(table).where(self._is_held).values(values).returning(table.c.owner)
        if connection.execute(done).first() is None:
            raise KeyInFlight("another request has taken this key")

    def release(self) -> None:
        """Give the key back after a request that created nothing."""
        with self.writer.begin() as connection:
            connection.execute(delete(table).where(self._is_held))

    @property
    def _is_key(self) -> Any:
        return table.c.key_sha256 == self.key_sha256

    @property
    def _is_held(self) -> Any:
        return and_(self._is_key, table.c.owner == self.owner, table.c.status.is_(None))


def forget_keys(engine: Engine) -> None:
    """Delete what was kept for `KEPT_HOURS`."""
    before = _now() - dt.timedelta(hours=KEPT_HOURS)
    with engine.execution_options(**WRITES).begin() as connection:
        connection.execute(delete(table).where(table.c.created_at < before, table.c.held_until < _now()))


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
