"""The answer without reasons: `reasons=0` asks for score, grade, rule hits and action only."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from serving.api.answers import GRADE, RuleHit, Texts, Versions
from serving.api.not_scored import NotScored


class BriefAssessment(BaseModel):
    """Score, grade, rule hits and action of one household, and the feeds that nothing is known from."""

    model_config = ConfigDict(extra="forbid")

    household_id: str
    as_of_date: str
    horizon_months: int = Field(description="How many months ahead the score looks")
    score: float = Field(description="Calibrated probability of a newly verified identification", ge=0, le=1)
    grade: Literal["high", "medium", "low"] = Field(description=GRADE)
    grade_text: Texts
    suggested_action: Literal["visit", "watch", "routine"]
    suggested_action_text: Texts
    rule_hits: list[RuleHit]
    missing_feeds: list[str]
    stale_feeds: list[str]
    partial_feeds: list[str]


class BriefScoreAnswer(BaseModel):
    """Scores without reasons, in the order of the request's households."""

    model_config = ConfigDict(extra="forbid")

    model: Versions
    results: list[BriefAssessment | NotScored]


BRIEF = tuple(BriefAssessment.model_fields)


def brief(answer: dict[str, Any]) -> dict[str, Any]:
    """What a full answer says without reasons."""
    return {name: answer[name] for name in BRIEF}
