"""Measures of plans with what arrived of them, read in somebody's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, select

from serving.cases.plan import DeliveredHelp, PlannedHelp
from serving.storage.case_tables import measure_delivery, plan_measure


def measures_of(connection: Connection, case_id: str) -> tuple[PlannedHelp, ...]:
    """The measures of a case with what arrived of them; inside somebody's transaction."""
    rows = connection.execute(
        select(plan_measure)
        .where(plan_measure.c.case_id == case_id)
        .order_by(plan_measure.c.planned_at, plan_measure.c.id)
    ).all()
    delivered: dict[str, list[DeliveredHelp]] = {}
    ledger = (
        select(measure_delivery)
        .join(plan_measure)
        .where(plan_measure.c.case_id == case_id)
        .order_by(measure_delivery.c.delivered_on, measure_delivery.c.recorded_at, measure_delivery.c.id)
    )
    for one in connection.execute(ledger):
        entry = DeliveredHelp(one.id, one.delivered_on, one.amount_fen, one.recorder, one.recorded_at)
        delivered.setdefault(one.plan_measure_id, []).append(entry)
    return tuple(_planned(one, delivered.get(one.id, ())) for one in rows)


def _planned(row: Row[Any], deliveries: Sequence[DeliveredHelp]) -> PlannedHelp:
    return PlannedHelp(
        row.id, row.case_id, row.measure, row.cause, row.department, row.amount_fen, row.persons,
        row.starts_on, row.due_on, row.planner, row.planned_at, row.ended_on, tuple(deliveries),
    )  # fmt: skip
