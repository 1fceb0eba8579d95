"""The shapes of answers with `fields`: of each household what was asked for. `scoring.excerpt` makes them."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from serving.api.answers import GRADE, Versions
from serving.api.not_scored import NotScored


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SomeTexts(_Answer):
    """One text in the languages that were asked for."""

    zh: str | None = None
    en: str | None = None


class ShortReason(_Answer):
    """One cause family that raises the risk, in short."""

    code: str = Field(description="Official cause code")
    family: str
    contribution: float = Field(description="Calibrated log-odds")
    strength: Literal["strong", "moderate", "slight"]
    share: float = Field(
        description="Its part of the summed contributions of all families that raise the risk"
    )
    text: SomeTexts | None = Field(
        default=None, description="One sentence of names and values; a whole answer has dates and sources"
    )


class ShortRuleHit(_Answer):
    """A department's threshold that was reached."""

    code: str
    cause: str
    feature: str
    value: float | None
    level: float
    unit: str
    is_assumption: bool = Field(description="Whether no published document gives the level")
    text: SomeTexts | None = None


class ExcerptAssessment(_Answer):
    """The fields that were asked for, and always the key and the silent feeds."""

    household_id: str
    as_of_date: str | None = None
    horizon_months: int | None = None
    score: float | None = Field(default=None, ge=0, le=1)
    log_odds: float | None = None
    base_rate: float | None = None
    grade: Literal["high", "medium", "low"] | None = Field(default=None, description=GRADE)
    grade_text: SomeTexts | None = None
    suggested_action: Literal["visit", "watch", "routine"] | None = None
    suggested_action_text: SomeTexts | None = None
    rule_hits: list[ShortRuleHit] | None = None
    reasons: list[ShortReason] | None = Field(default=None, description="Strongest first")
    model_version: str | None = None
    missing_feeds: list[str]
    stale_feeds: list[str]
    partial_feeds: list[str]


class ExcerptAnswer(_Answer):
    """Excerpts in the order of the request's households."""

    model: Versions
    results: list[ExcerptAssessment | NotScored]
