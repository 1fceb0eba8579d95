"""Assessments made again after a correction, and all assessments of a household together with them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, Subquery, case, select, union_all

from serving.storage.alerts import deliveries_of, find_subscribed, tell_assessment
from serving.storage.case_tables import rescored_assessment
from serving.storage.database import insert_into
from serving.storage.tables import assessment
from serving.storage.tables import webhook_delivery as delivery

EVENT_TYPE = "household.rescored"

_READ = ("id", "household_id", "as_of_date", "model_version", "village_code", "body", "written_at")


@cache
def every_assessment() -> Subquery:
    """Assessments of runs and those made again after a correction as one table: to read a household's."""
    parts = [select(*(table.c[name] for name in _READ)) for table in (assessment, rescored_assessment)]
    return union_all(*parts).subquery("every_assessment")


def save_rescored_in(
    connection: Connection,
    body: Mapping[str, Any],
    village_code: str,
    correction_id: str,
    now: dt.datetime,
) -> None:
    """Keep what was said after a correction, once, beside what was said before, and tell webhooks of it."""
    row = {
        "household_id": body["household_id"],
        "as_of_date": dt.date.fromisoformat(body["as_of_date"]),
        "model_version": body["model_version"],
        "village_code": village_code,
        "body": dict(body),
        "written_at": now,
        "correction_id": correction_id,
    }
    former = find_newest(connection, body["household_id"], village_code, row["as_of_date"])
    kept = connection.execute(
        insert_into(connection, rescored_assessment).values(row).on_conflict_do_nothing()
    )
    if kept.rowcount == 0:
        return
    event = make_rescored_event(body, village_code, former.body if former else None, correction_id, now)
    made = deliveries_of(event, village_code, find_subscribed(connection, now), now)
    if made:
        connection.execute(insert_into(connection, delivery).on_conflict_do_nothing(), made)


def make_rescored_event(
    body: Mapping[str, Any],
    village_code: str,
    former: Mapping[str, Any] | None,
    correction_id: str,
    now: dt.datetime,
) -> dict[str, Any]:
    """The event, whatever the score became: whoever keeps the former one has one that is out of date."""
    told = tell_assessment(body, village_code, former) | {"correction_id": correction_id}
    return {"type": EVENT_TYPE, "timestamp": now.isoformat(timespec="seconds"), "data": told}


def find_newest(
    connection: Connection, household_id: str, village_code: str, until: dt.date
) -> Row[Any, Any, Any] | None:
    """What was said last of the household, as of a day or before: in its village, or where else in its county
    it lived, if nothing was said there yet."""
    every = every_assessment()
    query = select(every.c.body, every.c.as_of_date, every.c.village_code).where(
        every.c.household_id == household_id,
        every.c.village_code.startswith(village_code[:6]),
        every.c.as_of_date <= until,
    )
    is_elsewhere = case((every.c.village_code == village_code, 0), else_=1)
    newest = (is_elsewhere, every.c.as_of_date.desc(), every.c.written_at.desc(), every.c.id.desc())
    return connection.execute(query.order_by(*newest).limit(1)).first()


def is_made_again(body: Mapping[str, Any]) -> bool:
    """Whether there may be another assessment of its day, from before its facts were corrected."""
    return bool(body.get("corrections") or body.get("corrected_on"))
