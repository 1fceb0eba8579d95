"""Webhooks and their outbox: who is sent what, taken by one courier at a time and kept until it is done."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, and_, delete, func, select, update

from serving.access import Caller, Role, Scope
from serving.access.scope import ALL_AREAS
from serving.errors import AccessError
from serving.storage.alerts import PENDING
from serving.storage.audit import AuditLog
from serving.storage.audit_actions import Action
from serving.storage.database import WRITES
from serving.storage.keys import utc_now
from serving.storage.tables import api_key, webhook
from serving.storage.tables import webhook_delivery as delivery

HELD_SECONDS = 60
"""How long an attempt may take until it counts as not made: a courier that was killed says nothing."""
MOST_WEBHOOKS = 100


class DeliveryState(StrEnum):
    """Where an event for one webhook stands."""

    PENDING = PENDING
    DELIVERED = "delivered"
    DEAD = "dead"
    DROPPED = "dropped"


KEPT_DAYS = {DeliveryState.DELIVERED: 30, DeliveryState.DROPPED: 30, DeliveryState.DEAD: 184}
"""How long what ended is kept. What was given up can be seen and tried again for half a year, and no longer:
it tells of a household."""


class Ended(StrEnum):
    """Why a webhook ended."""

    REMOVED = "removed"
    GONE = "gone"
    KEY_ENDED = "key_ended"


@dataclass(frozen=True)
class Webhook:
    """One webhook; its secret is sealed."""

    id: str
    key_id: str
    area: str
    url: str
    sealed_secret: str
    created_at: dt.datetime
    ended_at: dt.datetime | None
    ended_because: str | None

    def __repr__(self) -> str:
        return f"Webhook({self.id})"


@dataclass(frozen=True)
class Taken:
    """An event that one courier holds; `attempt` counts from 1."""

    webhook: Webhook
    event_id: str
    event: dict[str, Any]
    attempt: int


class WebhookStore:
    """The webhooks of one database. With the audit log it tells what leaves the service, and for whom."""

    def __init__(self, engine: Engine, audit: AuditLog, now: Callable[[], dt.datetime] = utc_now) -> None:
        self.engine = engine
        self.writer = engine.execution_options(**WRITES)
        self.audit = audit
        self.now = now

    def add(self, operator: Caller, key_id: str, area: str, url: str, seal: Callable[[str], str]) -> Webhook:
        """Add a webhook on behalf of a key; `seal` makes of its id what is kept of its secret.

        Raises `AccessError` where the key is not in force or may not see the area.
        """
        scope = Scope.of(area)
        with self.writer.begin() as connection:
            key = connection.execute(select(api_key).where(api_key.c.id == key_id, self._in_force())).first()
            if key is None:
                raise AccessError(f"no key {key_id} is in force: `keys list` shows those there are")
            if not (Role(key.role).sees_households and Scope(key.area_code).contains(scope.prefix or "")):
                raise AccessError("the key does not see the area: give one that lies in the key's own")
            open_ones = select(func.count()).select_from(webhook).where(webhook.c.ended_at.is_(None))
            if connection.execute(open_ones).scalar_one() >= MOST_WEBHOOKS:
                raise AccessError(f"there are {MOST_WEBHOOKS} webhooks: remove one first")
            made = f"wh_{secrets.token_hex(8)}"
            values = {
                "id": made, "key_id": key_id, "area_code": scope.prefix, "url": url,
                "sealed_secret": seal(made), "created_at": self.now(),
            }  # fmt: skip
            row = connection.execute(webhook.insert().values(values).returning(webhook)).one()
            self.audit.append(connection, operator, Action.WEBHOOK_ADDED, [made])
        return _webhook(row)

    def list(self) -> Sequence[Webhook]:
        """Every webhook, the newest first."""
        with self.engine.connect() as connection:
            rows = connection.execute(select(webhook).order_by(webhook.c.created_at.desc(), webhook.c.id))
            return [_webhook(one) for one in rows]

    def get(self, webhook_id: str) -> Webhook:
        """A webhook in force; raises `AccessError` where there is none of that id."""
        with self.engine.connect() as connection:
            row = connection.execute(
                select(webhook).where(webhook.c.id == webhook_id, webhook.c.ended_at.is_(None))
            ).first()
        if row is None:
            raise AccessError(f"there is no webhook {webhook_id}: `webhooks list` shows those there are")
        return _webhook(row)

    def end(self, operator: Caller, webhook_id: str, because: Ended) -> None:
        """End a webhook; what waits for it is dropped. Raises `AccessError` where there is none."""
        with self.writer.begin() as connection:
            self._end(connection, operator, webhook_id, because)

    def end_gone(self, hook: Webhook) -> None:
        """End a webhook whose receiver said that it is gone for good; one that ended already stays so."""
        with self.writer.begin() as connection:
            key = connection.execute(select(api_key.c.role).where(api_key.c.id == hook.key_id)).scalar_one()
            is_open = select(webhook.c.id).where(webhook.c.id == hook.id, webhook.c.ended_at.is_(None))
            if connection.execute(is_open).first() is not None:
                caller = Caller(hook.key_id, Role(key), Scope(hook.area))
                self._end(connection, caller, hook.id, Ended.GONE)

    def take(self, busy: Collection[str] = ()) -> Taken | None:
        """The event that is due longest, of none of the webhooks in `busy`; held for `HELD_SECONDS`.

        Its first attempt is in the audit log, as a read by the key. A key that ended ends its webhooks.
        """
        now = self.now()
        is_due = [
            delivery.c.state == PENDING,
            delivery.c.due_at <= now,
            delivery.c.webhook_id.not_in(sorted(busy)),
        ]
        with self.engine.connect() as connection:
            # Most times there is nothing, and nobody needs to wait for that.
            if connection.execute(select(delivery.c.event_id).where(*is_due).limit(1)).first() is None:
                return None
        with self.writer.begin() as connection:
            row = connection.execute(
                select(delivery)
                .where(*is_due)
                .order_by(delivery.c.due_at, delivery.c.event_id)
                .limit(1)
                .with_for_update(skip_locked=True)
            ).first()
            if row is None:
                return None
            hook = _webhook(connection.execute(select(webhook).where(webhook.c.id == row.webhook_id)).one())
            key = connection.execute(
                select(api_key).where(api_key.c.id == hook.key_id, self._in_force())
            ).first()
            caller = Caller(hook.key_id, Role(key.role) if key else Role.PLATFORM, Scope(hook.area))
            if hook.ended_at is not None:
                # Its last alerts were written while it was being ended.
                self._drop(connection, hook.id, hook.ended_because or "")
                return None
            if key is None:
                self._end(connection, caller, hook.id, Ended.KEY_ENDED)
                return None
            held = {"attempts": row.attempts + 1, "due_at": now + dt.timedelta(seconds=HELD_SECONDS)}
            connection.execute(update(delivery).where(_is(row.webhook_id, row.event_id)).values(held))
            if row.attempts == 0:
                subject = self.audit.household(row.event["data"]["household_id"])
                self.audit.append(connection, caller, Action.HOUSEHOLD_SENT, [subject])
        return Taken(hook, row.event_id, row.event, row.attempts + 1)

    def settle(
        self, taken: Taken, state: DeliveryState, outcome: str, due_in: dt.timedelta = dt.timedelta()
    ) -> bool:
        """Note what became of an attempt; whether it still was this courier's to note."""
        now = self.now()
        values = {
            "state": state.value,
            "last_outcome": outcome[:40],
            "due_at": now + due_in,
            "ended_at": None if state is DeliveryState.PENDING else now,
        }
        own = and_(
            _is(taken.webhook.id, taken.event_id),
            delivery.c.state == PENDING,
            delivery.c.attempts == taken.attempt,
        )
        with self.writer.begin() as connection:
            return connection.execute(update(delivery).where(own).values(values)).rowcount == 1

    def deliveries(
        self, webhook_id: str | None = None, state: DeliveryState | None = None, limit: int = 100
    ) -> Sequence[Row[Any]]:
        """Events, the newest first: everything but what they tell of whom."""
        columns = [one for one in delivery.c if one.name != "event"]
        query = select(*columns).order_by(delivery.c.created_at.desc(), delivery.c.event_id).limit(limit)
        if webhook_id is not None:
            query = query.where(delivery.c.webhook_id == webhook_id)
        if state is not None:
            query = query.where(delivery.c.state == state.value)
        with self.engine.connect() as connection:
            return connection.execute(query).all()

    def retry_dead(self, webhook_id: str) -> int:
        """Let the events that were given up wait again, from their first attempt on; how many there are."""
        dead = and_(delivery.c.webhook_id == webhook_id, delivery.c.state == DeliveryState.DEAD.value)
        again = {"state": PENDING, "attempts": 1, "due_at": self.now(), "ended_at": None}
        with self.writer.begin() as connection:
            return connection.execute(update(delivery).where(dead).values(again)).rowcount

    def _end(self, connection: Connection, caller: Caller, webhook_id: str, because: Ended) -> None:
        now = self.now()
        ended = connection.execute(
            update(webhook)
            .where(webhook.c.id == webhook_id, webhook.c.ended_at.is_(None))
            .values(ended_at=now, ended_because=because.value)
        )
        if ended.rowcount == 0:
            raise AccessError(f"there is no webhook {webhook_id}: `webhooks list` shows those there are")
        self._drop(connection, webhook_id, because.value)
        self.audit.append(connection, caller, Action.WEBHOOK_ENDED, [webhook_id])

    def _drop(self, connection: Connection, webhook_id: str, because: str) -> None:
        waiting = and_(delivery.c.webhook_id == webhook_id, delivery.c.state == PENDING)
        dropped = {"state": DeliveryState.DROPPED.value, "last_outcome": because, "ended_at": self.now()}
        connection.execute(update(delivery).where(waiting).values(dropped))

    def _in_force(self) -> ColumnElement[bool]:
        return and_(api_key.c.revoked_at.is_(None), api_key.c.expires_at > self.now())


def forget_ended(engine: Engine, now: dt.datetime) -> None:
    """Delete events that ended so long ago as `KEPT_DAYS` says."""
    with engine.execution_options(**WRITES).begin() as connection:
        for state, days in KEPT_DAYS.items():
            before = now - dt.timedelta(days=days)
            connection.execute(
                delete(delivery).where(delivery.c.state == state.value, delivery.c.ended_at < before)
            )


def shown_area(hook: Webhook) -> str:
    """The area as an operator writes it."""
    return hook.area or ALL_AREAS


def _is(webhook_id: str, event_id: str) -> ColumnElement[bool]:
    return and_(delivery.c.webhook_id == webhook_id, delivery.c.event_id == event_id)


def _webhook(row: Row[Any]) -> Webhook:
    return Webhook(
        row.id, row.key_id, row.area_code, row.url, row.sealed_secret, row.created_at, row.ended_at,
        row.ended_because,
    )  # fmt: skip
