"""Erasing a household ends what is sent of it: nothing waits for it, and no answer of it is kept."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from serving.access import EVERYWHERE, Caller, Role, Scope
from serving.identity import IdentityStore
from serving.identity.erasure import History, Reason, check_proof, erase
from serving.storage import AssessmentStore, KeyStore
from serving.storage.idempotency import Hold
from serving.storage.tables import METADATA, webhook_delivery
from serving.storage.webhooks import DeliveryState, WebhookStore
from tests.serving.areas.test_summaries import a_body
from tests.serving.cases.test_api import World, world
from tests.serving.identity.conftest import HERE

__all__ = ["world"]

OPERATOR = Caller("operator", Role.ACCOUNTS, EVERYWHERE)


@dataclass
class Sent:
    """A database that told a receiver of two households, and has more to tell it of both."""

    store: IdentityStore
    hooks: WebhookStore

    def erase(self, proof: Path, history: History) -> dict[str, Any]:
        return erase(self.store, OPERATOR, "H-GONE", Reason.CONSENT_WITHDRAWN, history, proof)

    def holds(self, proof: dict[str, Any]) -> dict[str, bool | None]:
        return {one.name: one.holds for one in check_proof(self.store, proof)}

    def told(self) -> list[str]:
        """The household of every event of the outbox."""
        with self.store.engine.connect() as connection:
            events = connection.execute(select(webhook_delivery.c.event)).scalars().all()
        return sorted(one["data"]["household_id"] for one in events)

    def keep_answer(self, number: str, household_id: str | None) -> Hold:
        hold = Hold(self.store.engine, number)
        assert hold.take() is None
        body = {"case": {"household_id": household_id}} if household_id else {"new": 1}
        with self.store.writer.begin() as connection:
            hold.finish(connection, "0" * 64, 201, {"body": body, "headers": {}})
        return hold


@pytest.fixture
def sent(store: IdentityStore) -> Sent:
    assessments = AssessmentStore(store.engine)
    assessments.save_release("m", "0" * 64, 12)
    later = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    hooks = WebhookStore(store.engine, store.audit, lambda: later)
    key, _ = KeyStore(store.engine).add(Role.PLATFORM, "50", "test", dt.timedelta(days=30))
    hooks.add(OPERATOR, key.key_id, "50", "https://receiver.test/", lambda one: one)
    for day, grade in (("08-31", "low"), ("09-30", "high"), ("10-31", "low"), ("11-30", "medium")):
        bodies = [a_body(one, grade, as_of_date=f"2026-{day}") for one in ("H-GONE", "H-STAYS")]
        assessments.save(bodies, [HERE] * 2, Scope(HERE))
    taken = [hooks.take() for _ in range(3)]
    for one, state in zip(taken, (DeliveryState.DELIVERED, DeliveryState.DEAD), strict=False):
        assert one is not None
        hooks.settle(one, state, "status_500")
    return Sent(store, hooks)


@pytest.mark.parametrize("history", History)
def test_nobody_is_told_of_an_erased_household(sent: Sent, tmp_path: Path, history: History) -> None:
    sent.keep_answer("1" * 64, "H-GONE")
    sent.keep_answer("2" * 64, "H-STAYS")
    sent.keep_answer("3" * 64, None)
    assert sent.told() == ["H-GONE"] * 2 + ["H-STAYS"] * 2
    made = sent.erase(tmp_path / "proof", history)
    assert made["sent_rows"] == 3
    asked = sent.holds(made)
    if history is History.KEPT:
        assert (asked["outbox"], asked["answers"]) == (None, None)
        assert len(sent.told()) == 4
        return
    assert (asked["outbox"], asked["answers"]) == (True, True)
    assert sent.told() == ["H-STAYS"] * 2
    # Whose answer is gone asks anew; the others are answered as before.
    assert Hold(sent.store.engine, "1" * 64).take() is None
    assert Hold(sent.store.engine, "2" * 64).take() is not None
    assert Hold(sent.store.engine, "3" * 64).take() is not None


@pytest.mark.parametrize("name", ["outbox", "answers"])
def test_what_is_sent_again_is_found(sent: Sent, tmp_path: Path, name: str) -> None:
    made = sent.erase(tmp_path / "proof", History.REMOVED)
    if name == "answers":
        sent.keep_answer("4" * 64, "H-GONE")
    else:
        with sent.store.writer.begin() as connection:
            row = connection.execute(select(webhook_delivery).limit(1)).one()
            event = {**row.event, "data": {**row.event["data"], "household_id": "H-GONE"}}
            connection.execute(
                webhook_delivery.insert().values({**row._mapping, "event_id": "evt_back", "event": event})
            )
    asked = sent.holds(made)
    assert asked.pop(name) is False
    assert False not in asked.values()


def test_an_attempt_on_its_way_is_not_made_again(sent: Sent, tmp_path: Path) -> None:
    with sent.store.writer.begin() as connection:
        again = {"state": "pending", "due_at": dt.datetime.now(dt.UTC)}
        connection.execute(webhook_delivery.update().values(again))
    taken = [sent.hooks.take() for _ in range(4)]
    of_it = [one for one in taken if one and one.event["data"]["household_id"] == "H-GONE"]
    assert len(of_it) == 2
    sent.erase(tmp_path / "proof", History.PSEUDONYMISED)
    for one in of_it:
        assert not sent.hooks.settle(one, DeliveryState.PENDING, "status_500")
    assert sent.told() == ["H-STAYS"] * 2


@pytest.mark.parametrize("history", [History.PSEUDONYMISED, History.REMOVED])
def test_no_table_holds_the_key_of_a_household_whose_case_was_moved(
    world: World, tmp_path: Path, history: History
) -> None:
    identities: IdentityStore = world.client.app.state.identities
    hooks = WebhookStore(identities.engine, identities.audit)
    key, _ = KeyStore(identities.engine).add(Role.PLATFORM, "50", "test", dt.timedelta(days=30))
    hooks.add(OPERATOR, key.key_id, "50", "https://receiver.invalid/", lambda one: one)
    case = world.open()
    assert world.post(Role.TOWNSHIP_OFFICIAL, case, "alert", key=f"e-{history}").status_code == 201
    gone = case["household_id"]

    def naming() -> set[str]:
        with identities.engine.connect() as connection:
            return {
                one.name
                for one in METADATA.sorted_tables
                if gone in str(connection.execute(select(one)).all())
            }

    assert naming() == {"identity", "case_file", "webhook_delivery", "idempotency_key"}
    erase(identities, OPERATOR, gone, Reason.PURPOSE_FULFILLED, history, tmp_path / "proof")
    assert naming() == set()
