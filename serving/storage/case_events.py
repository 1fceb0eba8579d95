"""What other systems are told of cases: an event in the outbox, written with the move that it tells of."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import Connection

from serving.cases.case import Case
from serving.storage.alerts import deliveries_of, find_subscribed
from serving.storage.database import insert_into
from serving.storage.tables import webhook_delivery as delivery

EVENT_TYPE = "case.moved"


def add_case_event(
    connection: Connection, former: Case, case: Case, move: str, on: dt.date, now: dt.datetime
) -> None:
    """Add the event of a move for every webhook whose area the case lies in."""
    made = deliveries_of(
        make_case_event(former, case, move, on, now),
        case.village_code,
        find_subscribed(connection, now),
        now,
    )
    if made:
        connection.execute(insert_into(connection, delivery).on_conflict_do_nothing(), made)


def make_case_event(former: Case, case: Case, move: str, on: dt.date, now: dt.datetime) -> dict[str, Any]:
    """The event: keys, codes, days and a path to look at. It names nobody."""
    return {
        "type": EVENT_TYPE,
        "timestamp": now.isoformat(timespec="seconds"),
        "data": {
            "household_id": case.household_id,
            "area_code": case.village_code,
            "case_id": case.id,
            "version": case.version,
            "move": move,
            "from_state": former.state.value,
            "to_state": case.state.value,
            "effective_on": on.isoformat(),
            "grade": case.grade,
            "due_on": case.due_on.isoformat() if case.due_on else None,
            "link": f"/v1/cases/{case.id}",
        },
    }
