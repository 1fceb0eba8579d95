"""The shapes of a case's plan, as the OpenAPI document shows them, and what fills them."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from features.signals.fields import FEN_PER_YUAN
from serving.api.answers import Texts
from serving.cases.clocks import china_day, region_of
from serving.cases.plan import PlannedHelp, department_of, plan_problems, what_if_measures
from serving.cases.texts import in_each
from serving.storage.plans import CasePlan


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class DeliveryAnswer(_Answer):
    """One entry of the delivery ledger."""

    delivery_id: str
    delivered_on: str
    amount_yuan: float | None
    recorded_at: str


class PlannedMeasureAnswer(_Answer):
    """One measure of a plan. `amount_yuan` is one payment to the household or to each of `persons`."""

    measure_id: str
    measure: str
    name: Texts
    group: str
    cause: str
    department: str = Field(description="归口 / whose the measure is")
    department_text: Texts
    department_is_assumption: bool
    amount_yuan: float | None
    persons: int
    starts_on: str
    due_on: str
    ended_on: str | None
    payments: int
    planned_yuan: float | None = Field(description="All payments together")
    delivered_yuan: float
    above_plan_yuan: float = Field(description="By how much what arrived is more than planned")
    planned_at: str
    deliveries: list[DeliveryAnswer]


class PlanProblemAnswer(_Answer):
    """One thing that is not as it should be; shown, and nothing is forbidden by it."""

    code: str
    severity: Literal["error", "notice"]
    measure_id: str | None
    cause: str | None
    groups: list[str]
    is_assumption: bool
    text: Texts


class CaseMeasuresAnswer(_Answer):
    """The plan of a case (一户一策)."""

    case_id: str
    household_id: str
    measures: list[PlannedMeasureAnswer]
    problems: list[PlanProblemAnswer]
    what_if: list[dict[str, Any]] = Field(
        description="What of it is still to come, as POST /v1/what-if takes it under `measures`"
    )


class ChangedMeasureAnswer(_Answer):
    """A measure after a change."""

    measure: PlannedMeasureAnswer
    is_new: bool = Field(description="false where the same had been sent before")


def told_plan(plan: CasePlan, today: dt.date) -> dict[str, Any]:
    """A plan as it is answered."""
    case = plan.case
    region = region_of(case.village_code)
    return {
        "case_id": case.id,
        "household_id": case.household_id,
        "measures": [told_measure(one, region) for one in plan.measures],
        "problems": [
            {**one.as_json(), "text": in_each("plan_problem", one.code)}
            for one in plan_problems(case, plan.measures, today)
        ],
        "what_if": what_if_measures(plan.measures, today, region),
    }


def told_measure(one: PlannedHelp, region: str) -> dict[str, Any]:
    """A measure as it is answered."""
    department = department_of(one.entry.group, region, china_day(one.planned_at))
    return {
        "measure_id": one.id,
        "measure": one.measure,
        "name": {"zh": one.entry.zh, "en": one.entry.en},
        "group": one.entry.group,
        "cause": one.cause,
        "department": one.department,
        "department_text": {"zh": department.zh, "en": department.en},
        "department_is_assumption": department.is_assumption,
        "amount_yuan": _yuan(one.amount_fen),
        "persons": one.persons,
        "starts_on": one.starts_on.isoformat(),
        "due_on": one.due_on.isoformat(),
        "ended_on": one.ended_on.isoformat() if one.ended_on else None,
        "payments": len(one.payments(region)),
        "planned_yuan": _yuan(one.planned_fen(region)),
        "delivered_yuan": one.delivered_fen / FEN_PER_YUAN,
        "above_plan_yuan": one.excess_fen(region) / FEN_PER_YUAN,
        "planned_at": one.planned_at.isoformat(timespec="seconds"),
        "deliveries": [
            {
                "delivery_id": each.id,
                "delivered_on": each.delivered_on.isoformat(),
                "amount_yuan": _yuan(each.amount_fen),
                "recorded_at": each.recorded_at.isoformat(timespec="seconds"),
            }
            for each in one.deliveries
        ],
    }


def _yuan(fen: int | None) -> float | None:
    return None if fen is None else fen / FEN_PER_YUAN
