"""The shapes of cases as the OpenAPI document shows them, and what fills them."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from serving.api.answers import Texts
from serving.cases.case import Case
from serving.cases.clocks import CaseClock, Clock, find_term, standing_of
from serving.cases.facts import CodeFact, DayFact, Fact
from serving.cases.moves import MOVES
from serving.cases.notice import Notice
from serving.cases.offers import Offer
from serving.cases.people import role_text
from serving.cases.practice import Practice, get_practice
from serving.cases.state import CaseState
from serving.storage.case_history import MoveRecord, WholeCase


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class StepAnswer(_Answer):
    """What the county calls the step that the case is at."""

    zh: str
    en: str
    is_assumption: bool = Field(description="Whether no document gives the name")


class StandingAnswer(_Answer):
    """How a deadline stands today, in China."""

    days_left: int = Field(description="Negative where it is overdue")
    is_due: bool
    is_overdue: bool
    escalated_to: str | None = Field(
        description="The highest level that is told of it; null: its owner alone"
    )
    escalated_to_text: Texts | None


class CaseAnswer(_Answer):
    """One case as it stands."""

    case_id: str
    household_id: str
    area_code: str
    state: CaseState
    step: StepAnswer
    version: int = Field(description="To be sent with a move; it counts every change")
    practice: str = Field(description="The county's practice, in the form that holds for the case")
    practice_text: Texts
    opened_on: str
    entered_on: str = Field(description="Since when it is where it is")
    grade: int = Field(description="Of the county's grades, 1 the most urgent")
    grade_text: Texts
    theme: str
    is_hard: bool = Field(
        description="A department's threshold was reached: it surfaces whatever the score says"
    )
    disagreement: str | None
    causes: list[str]
    object_type: str | None
    household_class: Texts | None = Field(
        description="The county's class of the household, where it has classes"
    )
    is_without_labour: bool
    is_green_lane: bool = Field(description="Helped first, the paperwork after")
    identified_on: str | None
    notice_ends_on: str | None
    closed_on: str | None
    closed_as: str | None
    relapses: int
    owner: str = Field(description="The role whose turn it is")
    owner_text: Texts
    due_on: str | None = Field(description="The earliest deadline that runs")
    standing: StandingAnswer | None
    last_visited_on: str | None
    changed_at: str


class CasesAnswer(_Answer):
    """Some of the cases, the nearest deadline first."""

    total: int
    cases: list[CaseAnswer]
    next_cursor: str | None


class ClockAnswer(_Answer):
    """One deadline."""

    clock: Clock
    text: Texts
    round: int = Field(description="How often it was started")
    started_on: str
    due_on: str
    stopped_on: str | None
    length: int
    counted_in: Literal["calendar_days", "working_days", "calendar_months"]
    is_least: bool = Field(description="Not a deadline: it has to last so long")
    is_assumption: bool = Field(description="No document gives the length, or holidays were not known yet")
    source: str
    standing: StandingAnswer | None = Field(description="Of a deadline that runs")


class FactAnswer(_Answer):
    """One fact that a move asks for."""

    name: str
    text: Texts
    is_required: bool
    may_lie_ahead: bool = Field(description="Of dates: whether it may be after today")
    codes: dict[str, Texts] | None = Field(
        description="What there is to choose from: what would be taken, as visits and register have it"
    )
    json_schema: dict[str, Any]


class HindranceAnswer(_Answer):
    """Why a move cannot be made today."""

    code: str
    way_out: str


class OpenMoveAnswer(_Answer):
    """A move that the caller's role makes from where the case stands."""

    move: str
    text: Texts
    to_state: CaseState
    facts: list[FactAnswer]
    hindrances: list[HindranceAnswer] = Field(description="Empty: it can be made now")


class MoveRecordAnswer(_Answer):
    """A move that was made."""

    seq: int
    move: str
    text: Texts
    from_state: CaseState
    to_state: CaseState
    at: str
    effective_on: str
    role: str
    role_text: Texts
    facts: dict[str, Any]


class PracticeAnswer(_Answer):
    """The county's practice: where it is from, and which of its parts no document gives."""

    name: str
    text: Texts
    effective_from: str
    source: str
    assumptions: list[str]


class WholeCaseAnswer(_Answer):
    """A case with its deadlines, what was done, and what the caller may do."""

    case: CaseAnswer
    practice: PracticeAnswer
    clocks: list[ClockAnswer]
    moves: list[OpenMoveAnswer]
    history: list[MoveRecordAnswer]


class MovedAnswer(_Answer):
    """A case after a move."""

    case: CaseAnswer


class NoticeAnswer(_Answer):
    """The notice for the village, line by line: it has no ID number, phone, bank account or health data."""

    number: str
    published_on: str
    ends_on: str
    title: Texts
    lines: dict[str, list[str]]


def told_case(case: Case, today: dt.date) -> dict[str, Any]:
    """A case as it is answered."""
    practice = get_practice(case.practice)
    step, grade = practice.step(case.state), practice.grade(case.grade)
    of_class = practice.class_of(case.causes, case.object_type)
    return {
        "case_id": case.id,
        "household_id": case.household_id,
        "area_code": case.village_code,
        "state": case.state.value,
        "step": {"zh": step.zh, "en": step.en, "is_assumption": step.is_assumption},
        "version": case.version,
        "practice": case.practice,
        "practice_text": {"zh": practice.zh, "en": practice.en},
        "opened_on": case.opened_on.isoformat(),
        "entered_on": case.entered_on.isoformat(),
        "grade": case.grade,
        "grade_text": {"zh": grade.zh, "en": grade.en},
        "theme": case.theme,
        "is_hard": case.is_hard,
        "disagreement": case.disagreement,
        "causes": list(case.causes),
        "object_type": case.object_type,
        "household_class": {"zh": of_class.zh, "en": of_class.en} if of_class else None,
        "is_without_labour": case.is_without_labour,
        "is_green_lane": case.is_green_lane,
        "identified_on": _day(case.identified_on),
        "notice_ends_on": _day(case.notice_ends_on),
        "closed_on": _day(case.closed_on),
        "closed_as": case.closed_as,
        "relapses": case.relapses,
        "owner": case.owner,
        "owner_text": _role(case.owner),
        "due_on": _day(case.due_on),
        "standing": _standing(case.due_on, case, today) if case.due_on else None,
        "last_visited_on": _day(case.last_visited_on),
        "changed_at": case.changed_at.isoformat(timespec="seconds"),
    }


def told_whole(whole: WholeCase, today: dt.date, offers: tuple[Offer, ...]) -> dict[str, Any]:
    """A case with everything of it, and the moves that the caller is offered."""
    practice = get_practice(whole.case.practice)
    return {
        "case": told_case(whole.case, today),
        "practice": told_practice(practice),
        "clocks": [_clock(one, whole.case, today) for one in whole.clocks],
        "moves": [told_offer(one, whole.case) for one in offers],
        "history": [_record(one) for one in whole.history],
    }


def told_practice(practice: Practice) -> dict[str, Any]:
    """A practice as it is answered."""
    return {
        "name": practice.name,
        "text": {"zh": practice.zh, "en": practice.en},
        "effective_from": practice.effective_from.isoformat(),
        "source": practice.source,
        "assumptions": sorted(practice.assumptions),
    }


def told_offer(offer: Offer, case: Case) -> dict[str, Any]:
    """A move that is offered, with the facts that it asks for and what it waits for."""
    move = offer.move
    return {
        "move": move.name,
        "text": {"zh": move.zh, "en": move.en},
        "to_state": move.reaches(case.state).value,
        "facts": [_fact(one) for one in move.facts],
        "hindrances": [{"code": one.code, "way_out": one.way_out} for one in offer.hindrances],
    }


def told_notice(notice: Notice) -> dict[str, Any]:
    """A notice as it is answered."""
    return {
        "number": notice.number,
        "published_on": notice.published_on.isoformat(),
        "ends_on": notice.ends_on.isoformat(),
        "title": notice.title,
        "lines": {language: list(lines) for language, lines in notice.lines.items()},
    }


def _clock(clock: CaseClock, case: Case, today: dt.date) -> dict[str, Any]:
    term = find_term(clock.clock, case.village_code, clock.started_on)
    runs = clock.is_running and not term.is_least
    return {
        "clock": clock.clock.value,
        "text": {"zh": clock.clock.text("zh"), "en": clock.clock.text("en")},
        "round": clock.round,
        "started_on": clock.started_on.isoformat(),
        "due_on": clock.due_on.isoformat(),
        "stopped_on": _day(clock.stopped_on),
        "length": term.length,
        "counted_in": term.kind.value,
        "is_least": term.is_least,
        "is_assumption": term.is_assumption or term.due_on(clock.started_on).is_assumption,
        "source": term.source,
        "standing": _standing(clock.due_on, case, today) if runs else None,
    }


def _standing(due_on: dt.date, case: Case, today: dt.date) -> dict[str, Any]:
    stands = standing_of(due_on, today, case.owner, case.village_code)
    return {
        "days_left": stands.days_left,
        "is_due": stands.is_due,
        "is_overdue": stands.is_overdue,
        "escalated_to": stands.escalated_to,
        "escalated_to_text": _role(stands.escalated_to) if stands.escalated_to else None,
    }


def _fact(fact: Fact) -> dict[str, Any]:
    codes = (
        {code: {"zh": zh, "en": en} for code, zh, en in fact.codes} if isinstance(fact, CodeFact) else None
    )
    return {
        "name": fact.name,
        "text": {"zh": fact.zh, "en": fact.en},
        "is_required": fact.is_required,
        "may_lie_ahead": isinstance(fact, DayFact) and fact.may_lie_ahead,
        "codes": codes,
        "json_schema": fact.schema(),
    }


def _record(record: MoveRecord) -> dict[str, Any]:
    move = MOVES[record.move]
    return {
        "seq": record.seq,
        "move": record.move,
        "text": {"zh": move.zh, "en": move.en},
        "from_state": record.from_state.value,
        "to_state": record.to_state.value,
        "at": record.at.isoformat(timespec="seconds"),
        "effective_on": record.effective_on.isoformat(),
        "role": record.role,
        "role_text": _role(record.role),
        "facts": dict(record.facts),
    }


def _role(role: str) -> dict[str, str]:
    return {"zh": role_text(role, "zh"), "en": role_text(role, "en")}


def _day(day: dt.date | None) -> str | None:
    return day.isoformat() if day else None
