"""The shapes of a household's history and of a replay, as the OpenAPI document shows them."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from serving.api.answers import ChangesAnswer, MonitoringLine, Texts
from serving.api.stored_answers import NothingKnownAnswer

Grade = Literal["high", "medium", "low"]
Action = Literal["visit", "watch", "routine"]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PastScore(_Answer):
    """One stored assessment, beside the one of the latest date before it."""

    as_of_date: str = Field(description="The date whose knowledge and policy numbers it was made with")
    score: float = Field(ge=0, le=1)
    grade: Grade
    grade_text: Texts
    suggested_action: Action
    rule_hits: list[str] = Field(description="Codes of the departments' thresholds that were reached")
    horizon_months: int
    model_version: str
    policy_version: str | None
    feature_version: str | None
    monitoring_line: MonitoringLine | None = Field(description="The line in force on the date")
    written_at: str
    changes: ChangesAnswer | None = Field(
        description="What moved since; null for the first. Under one model the families' differences add "
        "up to the difference of the log-odds; `basis` says where another model scored"
    )


class HistoryAnswer(_Answer):
    """A page of a household's stored assessments, newest first."""

    household_id: str
    scores: list[PastScore]
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null at the end")
    nothing_known: NothingKnownAnswer | None = Field(
        description="A run after all scores, those of other pages too, knew nothing of the household and "
        "gave none, which is no low risk"
    )


class SaidBefore(_Answer):
    """What was said, without reasons."""

    score: float
    log_odds: float | None
    grade: Grade
    suggested_action: Action
    rule_hits: list[str]
    policy_version: str
    feature_version: str


class SaidThen(SaidBefore):
    """What was stored."""

    written_at: str


class Difference(_Answer):
    """Why a replay says something else than what was stored."""

    code: Literal[
        "policy_changed", "feature_changed", "records_changed", "coverage_changed", "values_changed"
    ] = Field(description="Stable; a change to what had been known on the day, not what came later")
    feeds: list[str]
    fields: list[str] = Field(description="Fields of the answer that differ")
    text: Texts


class KnownLater(_Answer):
    """What happened by the date and was known after it, and the score it would have made. It changes
    nothing of what was said on the day."""

    records: dict[str, int] = Field(description="Records by feed, ends of spells too")
    score: float
    grade: Grade
    is_score_changed: bool
    is_grade_changed: bool


class ReplayAnswer(_Answer):
    """A past score made again from what was known on its day."""

    household_id: str
    as_of_date: str
    model_version: str
    is_equal: bool = Field(description="Whether all that was said of it is equal, to the bit")
    stored: SaidThen
    replayed: SaidBefore
    differences: list[Difference] = Field(description="Empty where `is_equal`")
    changes: ChangesAnswer | None = Field(description="From the stored to the replayed score, if they differ")
    known_later: KnownLater
