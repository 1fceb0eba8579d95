"""The shape of a stored assessment: what was said, and where the household is."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from serving.api.answers import AssessmentAnswer


class ElsewhereAnswer(BaseModel):
    """Another village in which the same key was scored."""

    model_config = ConfigDict(extra="forbid")

    village_code: str
    as_of_date: str = Field(description="Of its latest assessment there")


class StoredAssessmentAnswer(AssessmentAnswer):
    """An assessment as it was stored."""

    village_code: str
    elsewhere: list[ElsewhereAnswer] = Field(
        description="Other villages of the caller's area in which the same key was scored: the household "
        "moved, or two have one key"
    )
