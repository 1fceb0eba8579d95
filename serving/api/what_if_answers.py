"""The shapes of the answers about measures, as the OpenAPI document shows them."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from features.policy.measures.catalogue import Kind, Paid, Per, Whom
from scoring.what_if.ledger import Basis
from scoring.what_if.matching import LabourState
from scoring.what_if.outcome import ReasonChange
from serving.api.answers import MonitoringLine, Texts, Versions


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PeriodAnswer(_Answer):
    """Which year is planned, and which year it is laid over."""

    counted_from: str
    counted_until: str
    planned_from: str
    planned_until: str
    text: Texts


class MeasureAnswer(_Answer):
    """One measure of the plan, in the catalogue's order."""

    code: str
    name: Texts
    group: str
    group_name: Texts
    starts_on: str
    ends_on: str | None = Field(description="Last day, where it ends within the planned year")
    persons: int
    payments: int = Field(description="How many payments fall in the planned year")
    amount_yuan: float = Field(description="One payment, all persons together")
    paid_yuan: float = Field(description="All payments of the planned year")
    drawn_monthly_yuan: float = Field(
        description="What is drawn a month of the same support already; `amount_yuan` includes it"
    )
    counted_yuan: float | None = Field(
        description="What it adds to reference income; null where that is unknown"
    )
    is_amount_given: bool = Field(description="Whether the request named the amount")
    is_assumption: bool = Field(description="Whether no published document gives the catalogue's amount")
    source: str | None
    effective_from: str
    effective_until: str | None
    text: Texts


class LedgerAnswer(_Answer):
    """Reference income before or after."""

    total_yuan: float = Field(description="Of the whole household")
    per_person_yuan: float
    gap_yuan: float = Field(
        description="What the whole household is short of the line; 0 at the line and above"
    )
    is_under_line: bool


class LineChange(_Answer):
    """One line of reference income."""

    line: str
    name: Texts
    before_yuan: float = Field(description="As written down, never negative")
    after_yuan: float
    counted_change_yuan: float = Field(description="What the change adds to reference income")


class IncomeAnswer(_Answer):
    """Reference income before and after: arithmetic, exact to the fen."""

    basis: Basis = Field(description="The visit's account, or the departments' data where there is none")
    basis_text: Texts
    members: int
    line: MonitoringLine
    before: LedgerAnswer
    after: LedgerAnswer
    change_yuan: float
    is_gap_closed: bool = Field(description="Under the line before, and not after")
    lines: list[LineChange]


class ScoreOfFacts(_Answer):
    """The model's score of one set of facts."""

    score: float = Field(ge=0, le=1)
    grade: Literal["high", "medium", "low"]
    grade_text: Texts


class ReasonChangeAnswer(_Answer):
    """How one risk reason changed; contributions are calibrated log-odds, null where it is not told."""

    code: str
    family: str
    name: Texts
    change: ReasonChange
    change_text: Texts
    contribution_before: float | None
    contribution_after: float | None


class ModelChange(_Answer):
    """What the model says of the facts as they are and as they would be. No effect of help."""

    nature: Literal["association_not_effect"]
    nature_text: Texts
    text: Texts
    before: ScoreOfFacts
    after: ScoreOfFacts
    base_rate: float
    horizon_months: int
    reason_changes: list[ReasonChangeAnswer]
    unseen_feeds: list[str] = Field(description="Feeds that the plan changes and the model cannot see")


class CauseAnswer(_Answer):
    """One cause of the household and the measures that answer it."""

    cause: str = Field(description="Official code, unsafe_house or unsafe_water")
    is_matched: bool
    measures: list[str]
    groups: list[str] = Field(description="The groups of measures that answer the cause")
    is_assumption: bool = Field(description="Whether no document says that these belong together")
    text: Texts


class LabourAnswer(_Answer):
    """Whether the household's labour has a measure of own production or work."""

    state: LabourState
    measures: list[str]
    groups: list[str]
    is_assumption: bool
    text: Texts


class UnmatchedMeasure(_Answer):
    """A measure that answers none of the causes."""

    code: str
    text: Texts


class MatchingAnswer(_Answer):
    """The check of the plan against causes and labour; it refuses nothing."""

    causes: list[CauseAnswer]
    labour: LabourAnswer
    unmatched_measures: list[UnmatchedMeasure]


class WhatIfAnswer(_Answer):
    """What a plan would change for one household."""

    model_in_service: Versions
    household_id: str
    as_of_date: str
    period: PeriodAnswer
    measures: list[MeasureAnswer]
    reference_income: IncomeAnswer | None = Field(description="null where it cannot be worked out")
    reference_income_text: Texts
    model: ModelChange
    matching: MatchingAnswer


class GroupAnswer(_Answer):
    """One of the 14 groups."""

    code: str
    name: Texts


class MeasureAmount(_Answer):
    """One amount and the days on which it is in force, both included."""

    region: str
    effective_from: str
    effective_until: str | None
    amount_yuan: int | None = Field(description="null where nothing is paid out")
    is_assumption: bool
    source: str


class CatalogueMeasure(_Answer):
    """One measure of the catalogue."""

    code: str
    name: Texts
    group: str
    paid: Paid
    per: Per
    whom: Whom | None
    at_most_yuan: int | None = Field(description="The largest amount that a request may name")
    change: Kind = Field(description="What it does to the facts")
    entries: list[MeasureAmount]


class MeasureCatalogue(_Answer):
    """The help catalogue."""

    region: str
    policy_version: str
    groups: list[GroupAnswer]
    measures: list[CatalogueMeasure]
