"""The shapes of the elimination lock and of the watch for relapses as the OpenAPI document shows them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from scoring.texts import LANGUAGES
from serving.api.answers import Texts
from serving.cases.elimination import Condition, Evidence, Unmet, evidence_label, evidence_text, unmet_text
from serving.cases.texts import in_each
from serving.storage.elimination import RelapsePage, RelapseSign


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class EvidenceAnswer(_Answer):
    """A recorded fact, or a number of policy, that a condition is judged by."""

    code: str
    item: str | None = Field(description="The guarantee that it is about")
    label: Texts
    value: str | bool | float | None = Field(description="Null: nothing is recorded")
    value_text: Texts
    on: str | None = Field(description="The day that it is of; of policy the day it holds from, if it counts")
    source: str | None = Field(description="Of numbers of policy")
    is_assumption: bool = Field(description="A number of policy that no document gives")


class UnmetAnswer(_Answer):
    """What of a condition does not hold."""

    code: str
    item: str | None
    text: Texts


class ConditionAnswer(_Answer):
    """One condition of the lock."""

    code: str
    text: Texts
    is_met: bool
    unmet: list[UnmetAnswer]
    evidence: list[EvidenceAnswer]


class EliminationAnswer(_Answer):
    """The elimination lock of one case, today."""

    case_id: str
    is_open: bool = Field(description="Whether every condition is met")
    conditions: list[ConditionAnswer]


class SignAnswer(_Answer):
    """Something that came up after a case was resolved."""

    code: Literal["new_leads", "score_rose"]
    text: Texts


class RelapseAnswer(_Answer):
    """A resolved case that something came up of."""

    case_id: str
    household_id: str
    area_code: str
    closed_on: str | None
    signs: list[SignAnswer]
    new_leads: int
    grade_then: Literal["low", "medium", "high"] | None
    grade_now: Literal["low", "medium", "high"] | None


class RelapsesAnswer(_Answer):
    """Some of the resolved cases to look at."""

    total: int
    cases: list[RelapseAnswer]


def told_conditions(case_id: str, conditions: Sequence[Condition]) -> dict[str, Any]:
    """The conditions as they are answered."""
    return {
        "case_id": case_id,
        "is_open": all(one.is_met for one in conditions),
        "conditions": [
            {
                "code": one.code,
                "text": in_each("condition", one.code),
                "is_met": one.is_met,
                "unmet": [_unmet(each) for each in one.unmet],
                "evidence": [_evidence(each) for each in one.evidence],
            }
            for one in conditions
        ],
    }


def told_relapses(page: RelapsePage) -> dict[str, Any]:
    """A page of the watch as it is answered."""
    return {"total": page.total, "cases": [_relapse(one) for one in page.items]}


def _unmet(one: Unmet) -> dict[str, Any]:
    return {
        "code": one.code,
        "item": one.item,
        "text": {language: unmet_text(one, language) for language in LANGUAGES},
    }


def _evidence(one: Evidence) -> dict[str, Any]:
    return {
        "code": one.code,
        "item": one.item,
        "label": {language: evidence_label(one, language) for language in LANGUAGES},
        "value": one.value.isoformat() if isinstance(one.value, dt.date) else one.value,
        "value_text": {language: evidence_text(one, language) for language in LANGUAGES},
        "on": one.on.isoformat() if one.on else None,
        "source": one.source,
        "is_assumption": one.is_assumption,
    }


def _relapse(one: RelapseSign) -> dict[str, Any]:
    return {
        "case_id": one.case.id,
        "household_id": one.case.household_id,
        "area_code": one.case.village_code,
        "closed_on": one.case.closed_on.isoformat() if one.case.closed_on else None,
        "signs": [{"code": code, "text": in_each("relapse", code)} for code in one.signs],
        "new_leads": one.new_leads,
        "grade_then": one.grade_then,
        "grade_now": one.grade_now,
    }
