"""A move is there whole or not at all: state, row, clocks, log and outbox, whichever statement fails."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, event, select
from sqlalchemy.exc import OperationalError

from serving.access import Role
from serving.cases.case import Case
from serving.errors import Problem
from serving.storage import KeyStore
from serving.storage.case_tables import case_clock, case_file, case_move
from serving.storage.tables import audit_entry, audit_head, webhook, webhook_delivery
from tests.serving.cases.towns import VILLAGE, Town

TABLES = (case_file, case_move, case_clock, audit_entry, audit_head, webhook_delivery)


@pytest.fixture
def town(database_url: str) -> Iterator[Town]:
    made = Town(database_url)
    key, _ = KeyStore(made.engine).add(Role.PLATFORM, "*", "test", dt.timedelta(days=1_000))
    with made.store.writer.begin() as connection:
        for n, area in enumerate(("", "500119", VILLAGE, "500119100202", "51")):
            row = {
                "id": f"wh_{n}", "key_id": key.key_id, "area_code": area, "url": "https://platform.example/in",
                "sealed_secret": "x", "created_at": made.now(),
            }  # fmt: skip
            connection.execute(webhook.insert().values(row))
    yield made
    made.close()


def everything(town: Town) -> dict[str, list[Any]]:
    with town.engine.connect() as connection:
        return {one.name: sorted(map(repr, connection.execute(select(one)).all())) for one in TABLES}


class Fault:
    """Counts statements and commits, and fails at the k-th."""

    def __init__(self, town: Town) -> None:
        self.left = 0
        self.fired = False
        event.listen(town.engine, "before_cursor_execute", lambda *_: self._count())
        event.listen(town.engine, "commit", lambda _: self._count())

    @contextmanager
    def at(self, k: int) -> Iterator[None]:
        self.left, self.fired = k, False
        try:
            yield
        finally:
            self.left = 0

    def _count(self) -> None:
        if self.left:
            self.left -= 1
            if self.left == 0:
                self.fired = True
                raise OperationalError("a statement", {}, Exception("the disk refused"))


def alert(town: Town, case: Case, then: Callable[[Connection, Case], None] | None = None) -> Case:
    caller = town.person(Role.TOWNSHIP_OFFICIAL)
    return town.store.move(caller, caller.key_id, case.id, case.version, "alert", {}, then)


def test_a_move_is_whole_or_not_there_whichever_statement_fails(town: Town) -> None:
    case = town.open()
    before = everything(town)
    fault = Fault(town)
    failures = 0
    for k in range(1, 60):
        with fault.at(k):
            try:
                alert(town, case)
            except Problem as problem:
                refused = problem.code
            else:
                refused = ""
        if not fault.fired:
            assert refused == ""
            break
        assert refused == "storage_failed"
        failures += 1
        assert everything(town) == before
    else:
        pytest.fail("the move never got through")
    # The case, its clocks, the last move, the row, the log's head and entry, the outbox, the commit, …
    assert failures >= 9
    after = everything(town)
    assert all(
        after[name] != before[name] for name in ("case_file", "case_move", "audit_entry", "webhook_delivery")
    )
    assert len(after["case_move"]) == 1
    assert town.audit.verify().faults == ()


def test_what_fails_after_the_move_takes_it_back(town: Town) -> None:
    case = town.open()
    before = everything(town)

    def fail(_: Connection, moved: Case) -> None:
        assert moved.version == 2
        raise Problem("idempotency_key_in_flight")

    with pytest.raises(Problem):
        alert(town, case, fail)
    assert everything(town) == before


def test_a_log_that_was_changed_moves_nothing(town: Town) -> None:
    case = town.open()
    alert(town, case)
    with town.store.writer.begin() as connection:
        connection.execute(audit_head.update().values(seal="0" * 64))
    before = everything(town)
    now = town.open()
    with pytest.raises(Problem) as refused:
        town.move(now, Role.TOWNSHIP_OFFICIAL, "exclude", reason="declined")
    assert refused.value.code == "audit_failed"
    assert everything(town) == before


def test_other_systems_are_told_of_moves_in_their_area_in_codes_alone(town: Town) -> None:
    case = alert(town, town.open("H1"))
    with town.engine.connect() as connection:
        rows = connection.execute(select(webhook_delivery)).all()
    assert {one.webhook_id for one in rows} == {"wh_0", "wh_1", "wh_2"}
    assert len({one.event_id for one in rows}) == 1
    event_told = rows[0].event
    assert event_told["type"] == "case.moved"
    assert event_told["data"] == {
        "household_id": "H1", "area_code": VILLAGE, "case_id": case.id, "version": 2, "move": "alert",
        "from_state": "found", "to_state": "alerted", "effective_on": "2026-11-02", "grade": 2,
        "due_on": "2026-11-09", "link": f"/v1/cases/{case.id}",
    }  # fmt: skip
    # Moves that only note something are told apart, too.
    town.move(case, Role.VILLAGE_OFFICIAL, "verify", visited_on=town.day())
    with town.engine.connect() as connection:
        assert len({one.event_id for one in connection.execute(select(webhook_delivery))}) == 2
