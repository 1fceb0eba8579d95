"""What stands in place of a score where a household that was asked for is not there."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from serving.problems import PROBLEMS


class NotScoredProblem(BaseModel):
    """Why a household was not scored."""

    model_config = ConfigDict(extra="forbid")

    code: Literal["household_not_found"]
    title: str
    detail: str
    way_out: str


class NotScored(BaseModel):
    """A household that is not there, or not in the caller's area: both are answered alike."""

    model_config = ConfigDict(extra="forbid")

    household_id: str
    problem: NotScoredProblem


def not_scored(household_id: str) -> dict[str, Any]:
    """The item of one household."""
    code = "household_not_found"
    kind = PROBLEMS[code]
    told = {"code": code, "title": kind.title, "detail": kind.detail, "way_out": kind.way_out}
    return {"household_id": household_id, "problem": told}
