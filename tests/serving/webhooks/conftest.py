"""A database with a key, a webhook and an alert in its outbox."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Engine

from serving.access import Role
from serving.command import OPERATOR
from serving.storage import AssessmentStore, AuditLog, KeyStore, open_database
from serving.storage.webhooks import Webhook, WebhookStore
from serving.webhooks.address import Networks
from serving.webhooks.courier import Courier
from serving.webhooks.seal import Seal, new_secret
from serving.webhooks.sender import Sender
from tests.serving.areas.test_summaries import a_body
from tests.serving.readers import AUDIT_KEY

HERE, FAR = "500999100201", "510199100201"
LOOPBACK = Networks.read("127.0.0.0/8")


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.moment = dt.datetime(2026, 11, 1, 8, tzinfo=dt.UTC)

    def __call__(self) -> dt.datetime:
        return self.moment

    def pass_by(self, **more: float) -> None:
        self.moment += dt.timedelta(**more)


@dataclass
class Outbox:
    """Everything around one database's outbox."""

    engine: Engine
    store: AssessmentStore
    hooks: WebhookStore
    keys: KeyStore
    clock: Clock
    seal: Seal

    def add_hook(self, url: str, area: str = "50", key_area: str = "50") -> tuple[Webhook, str]:
        key, _ = self.keys.add(Role.PLATFORM, key_area, "test", dt.timedelta(days=3_000))
        secret = new_secret()
        return self.hooks.add(
            OPERATOR, key.key_id, area, url, lambda one: self.seal.close(secret, one)
        ), secret

    def courier(self, seconds: float = 60.0, networks: Networks = LOOPBACK) -> Courier:
        return Courier(self.hooks, self.seal, Sender(networks, seconds), jitter=lambda: 0.5)

    def run(self, day: str, *rows: tuple[str, str, list[str]], village: str = HERE, **more: Any) -> None:
        """A run: households with their grade and rule hits."""
        bodies = [
            a_body(key, grade, as_of_date=day, rule_hits=[{"code": one} for one in hits], **more)
            for key, grade, hits in rows
        ]
        self.store.save(bodies, [village] * len(bodies))

    def alert(self) -> None:
        """Two runs between which one household's grade rises."""
        self.run("2026-09-30", ("H1", "low", []), ("H2", "low", []))
        self.run("2026-10-31", ("H1", "high", ["crop_loss"]), ("H2", "low", []))

    def states(self) -> list[tuple[str, int, str | None]]:
        return [(one.state, one.attempts, one.last_outcome) for one in self.hooks.deliveries()]

    def events(self) -> list[dict[str, Any]]:
        from sqlalchemy import select

        from serving.storage.tables import webhook_delivery as table

        with self.engine.connect() as connection:
            found = connection.execute(select(table.c.event).order_by(table.c.event_id)).scalars().all()
        return [one["data"] for one in found]


@pytest.fixture
def outbox(database_url: str) -> Iterator[Outbox]:
    engine, clock = open_database(database_url), Clock()
    # Events are due when they are written; the clock that delivers them is ahead.
    clock.moment = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    store = AssessmentStore(engine)
    for version in ("m", "m2"):
        store.save_release(version, "0" * 64, 12)
    audit = AuditLog(engine, AUDIT_KEY)
    yield Outbox(engine, store, WebhookStore(engine, audit, clock), KeyStore(engine), clock, Seal(AUDIT_KEY))
    engine.dispose()
