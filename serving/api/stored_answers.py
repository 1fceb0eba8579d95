"""The shape of a stored assessment: what was said, and where the household is."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from serving.api.answers import AssessmentAnswer
from serving.api.not_scored import NotScoredTexts


class ElsewhereAnswer(BaseModel):
    """Another village in which a run knew the same key."""

    model_config = ConfigDict(extra="forbid")

    village_code: str
    as_of_date: str = Field(description="Of the last run there, with a score or without")


class NothingKnownAnswer(BaseModel):
    """A later run in which every department was silent of the household."""

    model_config = ConfigDict(extra="forbid")

    as_of_date: str
    missing_feeds: list[str]
    stale_feeds: list[str]
    partial_feeds: list[str]
    text: NotScoredTexts


class StoredAssessmentAnswer(AssessmentAnswer):
    """An assessment as it was stored."""

    village_code: str
    elsewhere: list[ElsewhereAnswer] = Field(
        description="Other villages of the caller's area in which a run knew the same key, with a score or "
        "without: the household moved, or two have one key"
    )
    nothing_known: NothingKnownAnswer | None = Field(
        description="A later run, here or in a village of `elsewhere`, knew nothing of the household and "
        "gave no score, which is no low risk"
    )
