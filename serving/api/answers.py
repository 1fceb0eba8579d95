"""The shapes of the answers, as the OpenAPI document shows them. `scoring.assessment` makes the content."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Live(_Answer):
    """The process runs."""

    status: Literal["live"]


class Ready(_Answer):
    """The model is loaded and the storage answers."""

    status: Literal["ready"]
    model_version: str


class Texts(_Answer):
    """One text in every language."""

    zh: str
    en: str


class ReasonTexts(_Answer):
    """A reason in words."""

    name: str
    sentence: str
    effect: str
    strength: str
    check: str


class ReasonTextsOfLanguages(_Answer):
    """A reason in words, in every language."""

    zh: ReasonTexts
    en: ReasonTexts


class Fact(_Answer):
    """One value of the household that carries a reason."""

    feature: str
    value: float | None = Field(description="In `unit`; null where it is missing")
    unit: str
    window_months: int = Field(description="How far back it looks; 0 for the state on the date")
    contribution: float = Field(description="Calibrated log-odds")
    label: Texts
    value_text: Texts
    feeds: list[str]
    feed_latest_on: str | None


class ReasonAnswer(_Answer):
    """One cause family that moved the estimate, with the facts that carry it."""

    code: str = Field(description="Official cause code")
    family: str
    effect: Literal["risk", "protective"]
    contribution: float = Field(description="Calibrated log-odds; risk above 0")
    strength: Literal["strong", "moderate", "slight"]
    text: ReasonTextsOfLanguages
    facts: list[Fact]


class RuleHit(_Answer):
    """A department's threshold that was reached; it surfaces whatever the score says."""

    code: str
    cause: str
    feature: str
    value: float | None
    level: float
    unit: str
    is_assumption: bool = Field(description="Whether no published document gives the level")
    text: Texts


class FeedFault(_Answer):
    """A fault of a department's delivery that concerns the household."""

    feed: str
    area_code: str = Field(description="County, town or village whose delivery is at fault")
    period: str = Field(description="Month of the delivery, YYYY-MM")
    state: Literal["flagged", "blocked"] = Field(
        description="blocked: the feed counts as missing; flagged: it was used, check the figures first"
    )
    reason: str = Field(description="Stable code of the fault")
    text: Texts
    way_out: Texts


class LatestFactAnswer(_Answer):
    """The latest visible record of a feed."""

    records: int
    occurred_on: str
    known_on: str


class MonitoringLine(_Answer):
    """The monitoring line in force: a reference, never a cut-off."""

    value: float
    unit: str
    effective_from: str
    is_assumption: bool
    source: str


class AssessmentAnswer(_Answer):
    """Everything the system says about one household on one date."""

    household_id: str
    as_of_date: str
    horizon_months: int = Field(description="How many months ahead the score looks")
    score: float = Field(description="Calibrated probability of a newly verified identification", ge=0, le=1)
    base_rate: float = Field(description="The same for all households the model was trained on")
    grade: Literal["high", "medium", "low"]
    grade_text: Texts
    suggested_action: Literal["visit", "watch", "routine"]
    suggested_action_text: Texts
    risk_reasons: list[ReasonAnswer]
    protective_reasons: list[ReasonAnswer]
    rule_hits: list[RuleHit]
    missing_feeds: list[str] = Field(
        description="Feeds without data for the village: not the same as no risk"
    )
    stale_feeds: list[str] = Field(description="Feeds whose data end longer ago than is normal")
    partial_feeds: list[str] = Field(
        default=[], description="Feeds whose data begin too late for some of what is asked of them"
    )
    feed_faults: list[FeedFault] = Field(
        default=[],
        description="Faults that the batch found in the deliveries; rows of a request are not judged",
    )
    latest_facts: dict[str, LatestFactAnswer]
    monitoring_line: MonitoringLine
    model_version: str
    policy_version: str
    feature_version: str


class Versions(_Answer):
    """What an answer was made with."""

    version: str
    policy_version: str
    feature_version: str


class ScoreAnswer(_Answer):
    """Scores in the order of the request's households."""

    model: Versions
    results: list[AssessmentAnswer]


class FeatureCard(_Answer):
    """One feature of the model."""

    name: str
    unit: str
    zh: str
    en: str
    direction: Literal[-1, 0, 1] = Field(description="+1: more never lowers the risk; -1: never raises it")


class GradeBordersCard(_Answer):
    """The least probability of a grade."""

    high_from: float
    medium_from: float


class TrainingCard(_Answer):
    """What the model was made from."""

    train_as_of_dates: list[str]
    calibration_as_of_dates: list[str]
    test_as_of_dates: list[str]
    train_rows: int
    train_positives: int


class ModelCard(_Answer):
    """The public part of the model's manifest."""

    version: str
    created_at: str
    region: str
    horizon_months: int
    label: str
    base_rate: float
    grade_borders: GradeBordersCard
    feature_version: str
    policy_version: str
    policy_version_in_force: str
    features: list[FeatureCard]
    metrics: dict[str, float]
    training: TrainingCard


class ProblemErrorAnswer(_Answer):
    """One rule the request breaks."""

    pointer: str = Field(description="JSON pointer into the body; /query/… for a query parameter")
    code: str
    way_out: str


class ProblemAnswer(_Answer):
    """A problem (RFC 9457). It never carries a submitted value."""

    type: str
    status: int
    code: str = Field(description="Stable; branch on this")
    title: str
    detail: str
    way_out: str
    errors: list[ProblemErrorAnswer] = []
