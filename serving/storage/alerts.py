"""Alerts: what is new about a household since its assessment before, put into the outbox with it.

A department's threshold that was newly reached, or a grade that rose to high or medium. A household that was
never assessed before is compared with nothing, and only where its village was: the first run of an area is
no alert for everybody in it, and nor is the first after runs that knew nothing of anybody there.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Row, func, select

from serving.access import Scope
from serving.storage.area_counts import AreaCounts
from serving.storage.database import insert_into
from serving.storage.tables import api_key, area_summary, assessment, webhook
from serving.storage.tables import webhook_delivery as delivery

PENDING = "pending"
EVENT_TYPE = "household.alert"
_RANK = {"low": 0, "medium": 1, "high": 2}


def add_alerts(connection: Connection, rows: Sequence[Mapping[str, Any]], within: Scope) -> None:
    """Add the alerts of assessments that were written in this transaction for every webhook they concern.

    `rows` are rows of the table `assessment`, of which earlier ones `within` are looked at. An alert that is
    in the outbox already is not added again.
    """
    now = dt.datetime.now(dt.UTC)
    subscribed = find_subscribed(connection, now)
    concerned = [one for one in rows if any(one["village_code"].startswith(hook[1]) for hook in subscribed)]
    if not concerned:
        return
    made = []
    for day in sorted({one["as_of_date"] for one in concerned}):
        of_day = [one for one in concerned if one["as_of_date"] == day]
        formers = _formers(connection, of_day, day, within)
        known = _villages_before(connection, of_day, day)
        for row in of_day:
            former = formers.get((row["household_id"], row["village_code"]))
            if former is None and row["village_code"] not in known:
                continue
            event = make_event(row["body"], row["village_code"], former, now)
            if event is not None:
                made += deliveries_of(event, row["village_code"], subscribed, now)
    if made:
        connection.execute(insert_into(connection, delivery).on_conflict_do_nothing(), made)


def find_subscribed(connection: Connection, now: dt.datetime) -> Sequence[Row[str, str]]:
    """Id and area code of every webhook in force."""
    return connection.execute(
        select(webhook.c.id, webhook.c.area_code)
        .join(api_key)
        .where(webhook.c.ended_at.is_(None), api_key.c.revoked_at.is_(None), api_key.c.expires_at > now)
    ).all()


def deliveries_of(
    event: Mapping[str, Any], village_code: str, subscribed: Sequence[Row[str, str]], now: dt.datetime
) -> list[dict[str, Any]]:
    """The rows of the outbox that send an event of a village to every webhook whose area holds it."""
    return [
        {
            "webhook_id": hook.id, "event_id": event_id(event), "state": PENDING, "event": event,
            "attempts": 0, "due_at": now, "created_at": now,
        }
        for hook in subscribed
        if village_code.startswith(hook.area_code)
    ]  # fmt: skip


def make_event(
    body: Mapping[str, Any], village_code: str, former: Mapping[str, Any] | None, now: dt.datetime
) -> dict[str, Any] | None:
    """The event that tells what is new, or `None`. It names nobody: a key, codes, and a path to look at."""
    rose = _rank(body) > (_rank(former) if former else 0)
    if not rose and not _new_rule_hits(body, former):
        return None
    told = tell_assessment(body, village_code, former)
    return {"type": EVENT_TYPE, "timestamp": now.isoformat(timespec="seconds"), "data": told}


def tell_assessment(
    body: Mapping[str, Any], village_code: str, former: Mapping[str, Any] | None
) -> dict[str, Any]:
    """An assessment beside the one before, as every event tells it."""
    return {
        "household_id": body["household_id"],
        "area_code": village_code,
        "as_of_date": body["as_of_date"],
        "grade": body["grade"],
        "former_grade": former["grade"] if former else None,
        "former_as_of_date": former["as_of_date"] if former else None,
        "is_other_model": former is not None and former["model_version"] != body["model_version"],
        "new_rule_hits": _new_rule_hits(body, former),
        "reason_codes": list(dict.fromkeys(one["code"] for one in body["risk_reasons"])),
        "model_version": body["model_version"],
        "link": _link_of(body),
    }


def _new_rule_hits(body: Mapping[str, Any], former: Mapping[str, Any] | None) -> list[str]:
    """Codes of thresholds that an assessment reaches, and the one before did not and had none standing."""
    stood = former.get("standing") if former else None
    had = {one["code"] for said in (former, stood) if said for one in said["rule_hits"]}
    return [one["code"] for one in body["rule_hits"] if one["code"] not in had]


def _rank(statement: Mapping[str, Any]) -> int:
    """How high its grade is, or the one that stands beside it: a model's of silent feeds is no news."""
    return _RANK[(statement.get("standing") or statement)["grade"]]


def _link_of(body: Mapping[str, Any]) -> str:
    """Where the service shows an assessment, to a key that may see it."""
    return f"/v1/households/{quote(body['household_id'], safe='')}?as_of_date={body['as_of_date']}"


def event_id(event: Mapping[str, Any]) -> str:
    """The same for the same news, however often it is found."""
    news = json.dumps(event["data"], sort_keys=True, ensure_ascii=True).encode()
    return f"evt_{hashlib.sha256(news).hexdigest()[:32]}"


def _formers(
    connection: Connection, rows: Sequence[Mapping[str, Any]], day: dt.date, within: Scope
) -> dict[tuple[str, str], Mapping[str, Any]]:
    """The statement before each row's: of the latest earlier date, of the same village if there is one."""
    earlier = (
        select(assessment.c.household_id, func.max(assessment.c.as_of_date).label("as_of_date"))
        .where(
            assessment.c.household_id.in_(sorted({one["household_id"] for one in rows})),
            assessment.c.as_of_date < day,
            within.condition(assessment.c.village_code),
        )
        .group_by(assessment.c.household_id)
        .subquery()
    )
    found = connection.execute(
        select(assessment.c.household_id, assessment.c.village_code, assessment.c.body)
        .join(
            earlier,
            (assessment.c.household_id == earlier.c.household_id)
            & (assessment.c.as_of_date == earlier.c.as_of_date),
        )
        .where(within.condition(assessment.c.village_code))
        .order_by(assessment.c.written_at, assessment.c.id)
    ).all()
    by_household: dict[str, list[Row[Any, Any, Any]]] = {}
    for one in found:
        by_household.setdefault(one.household_id, []).append(one)
    formers: dict[tuple[str, str], Mapping[str, Any]] = {}
    for row in rows:
        own = by_household.get(row["household_id"], [])
        here = [one for one in own if one.village_code == row["village_code"]]
        # Elsewhere in the county it is the same household, which moved; farther away another of that key.
        near = [one for one in own if one.village_code[:6] == row["village_code"][:6]]
        same = [one for one in here or near if one.body["model_version"] == row["model_version"]]
        if chosen := same or here or near:
            formers[row["household_id"], row["village_code"]] = chosen[-1].body
    return formers


def _villages_before(connection: Connection, rows: Sequence[Mapping[str, Any]], day: dt.date) -> set[str]:
    """The villages of the rows of which anybody had a score before the day."""
    villages = sorted({one["village_code"] for one in rows})
    query = select(area_summary.c.area_code, area_summary.c.counts).where(
        area_summary.c.area_code.in_(villages), area_summary.c.as_of_date < day
    )
    # A run of nobody but households of which nothing is known is counted too, and is nothing to compare with.
    return {one.area_code for one in connection.execute(query) if AreaCounts.from_json(one.counts).scored}
