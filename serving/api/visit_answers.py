"""The shapes of visits and corrections, as the OpenAPI document shows them, and what fills them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from serving.api.answers import Texts
from serving.cases.texts import in_each
from serving.rescoring import Rescored
from serving.storage.corrections import StoredCorrection
from serving.storage.stored_visits import StoredVisit
from serving.storage.visits import Recorded


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RecordedAnswer(_Answer):
    """A visit that is kept."""

    visit_id: str
    case_id: str | None = Field(description="The household's open case; difficulty and gaps open one")
    case_version: int | None
    is_new: bool = Field(description="false where the same visit had been sent before")


class AccountLineAnswer(_Answer):
    """One line of the account."""

    line: str
    part: str
    amount_yuan: float
    counted_yuan: float = Field(description="What it adds to reference income: less than 0 for costs")
    occurred_on: str
    known_on: str


class AccountAnswer(_Answer):
    """The income-and-spending account, worked out, beside the line in force on the day."""

    as_of_date: str
    members: int
    total_yuan: float
    per_person_yuan: float
    line_yuan: float
    line_is_assumption: bool
    line_from: str
    line_source: str
    is_over_line: bool = Field(description="A reference, never a cut-off that decides")
    net_yuan: float
    net_per_person_yuan: float
    parts_yuan: dict[str, float]
    lines: list[AccountLineAnswer]


class ReasonAnswerTold(_Answer):
    """What the visitor said of one reason of the score."""

    family: str
    is_agreed: bool
    why: str | None
    why_text: Texts | None


class AnsweredScore(_Answer):
    """The assessment whose reasons were answered."""

    as_of_date: str
    model_version: str


class VisitAnswer(_Answer):
    """One visit."""

    visit_id: str
    case_id: str | None
    visited_on: str
    received_at: str
    role: str
    finding: Literal["difficulty", "no_difficulty", "not_met"]
    finding_text: Texts
    account: AccountAnswer | None
    guarantees: dict[str, Literal["yes", "no", "not_checked"]] | None
    gaps: list[str]
    rigid_spending: Literal["none", "solved", "unsolved"] | None
    answers: list[ReasonAnswerTold]
    answered: AnsweredScore | None
    causes: list[str]
    protective: list[str]
    corrections: int = Field(description="How many facts it proposed to correct")


class VisitsAnswer(_Answer):
    """The visits of a household, the latest first."""

    household_id: str
    visits: list[VisitAnswer]


class CorrectionAnswer(_Answer):
    """One fact that a visit found to be otherwise."""

    correction_id: str
    household_id: str
    village_code: str
    visited_on: str
    feed: str
    row: dict[str, Any] | None = Field(description="The row as it should be; null where there is none")
    replaces: dict[str, Any] | None = Field(description="What tells the rows that it takes the place of")
    state: Literal["proposed", "approved", "refused"]
    state_text: Texts
    proposed_at: str
    reviewed_at: str | None
    why: Literal["as_recorded", "no_proof", "mistaken", "of_another", "by_department"] | None = Field(
        description="Why it was refused"
    )
    why_text: Texts | None
    is_own: bool = Field(description="Whether the caller proposed it, and so cannot review it")


class CorrectionsAnswer(_Answer):
    """A page of corrections, the longest waiting first."""

    total: int
    corrections: list[CorrectionAnswer]


class ReviewAnswer(_Answer):
    """A reviewed correction, and what became of scoring the household again."""

    correction: CorrectionAnswer
    rescored: Rescored | None = Field(
        description="null where it was refused; data_ended where the fact is of a day that the departments' "
        "data do not reach to. Whatever it says, an approved correction counts from now on"
    )


def told_recorded(one: Recorded) -> dict[str, Any]:
    """A recorded visit as it is answered."""
    return {
        "visit_id": one.visit_id,
        "case_id": one.case_id,
        "case_version": one.case_version,
        "is_new": one.is_new,
    }


def told_visit(one: StoredVisit, region: str) -> dict[str, Any]:
    """A visit as it is answered. Whether it was drawn by lot is not told to those who visit."""
    account, guarantees = one.account, one.guarantees
    return {
        "visit_id": one.id,
        "case_id": one.case_id,
        "visited_on": one.visited_on.isoformat(),
        "received_at": one.received_at.isoformat(timespec="seconds"),
        "role": one.role,
        "finding": one.finding.value,
        "finding_text": in_each("finding", one.finding),
        "account": account.as_json(region) if account else None,
        "guarantees": guarantees.as_json() if guarantees else None,
        "gaps": list(guarantees.gaps) if guarantees else [],
        "rigid_spending": one.rigid_spending,
        "answers": [
            {**said, "why_text": in_each("why", said["why"]) if said["why"] else None}
            for said in one.body["answers"]
        ],
        "answered": one.body["answered"],
        "causes": one.body["causes"],
        "protective": one.body["protective"],
        "corrections": len(one.body["corrections"]),
    }


def told_correction(one: StoredCorrection, account_id: str) -> dict[str, Any]:
    """A correction as it is answered."""
    return {
        "correction_id": one.id,
        "household_id": one.household_id,
        "village_code": one.village_code,
        "visited_on": one.visited_on.isoformat(),
        "feed": one.correction.feed,
        "row": dict(one.correction.row) or None,
        "replaces": dict(one.correction.replaces) if one.correction.replaces is not None else None,
        "state": one.state.value,
        "state_text": in_each("correction_state", one.state),
        "proposed_at": one.proposed_at.isoformat(timespec="seconds"),
        "reviewed_at": one.reviewed_at.isoformat(timespec="seconds") if one.reviewed_at else None,
        "why": one.why,
        "why_text": in_each("refusal", one.why) if one.why else None,
        "is_own": one.proposer == account_id,
    }
