"""What stands in place of a score: the household is not there, or nothing is known of it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from scoring.statement import each
from serving.problems import PROBLEMS
from serving.storage import Unheard

Code = Literal["household_not_found", "nothing_known"]


class NotScoredTexts(BaseModel):
    """One text in both languages."""

    model_config = ConfigDict(extra="forbid")

    zh: str
    en: str


class NotScoredProblem(BaseModel):
    """Why a household was not scored."""

    model_config = ConfigDict(extra="forbid")

    code: Code = Field(
        description="household_not_found: of stored households alone, not there or not in the caller's area; "
        "nothing_known: every department's feed is missing or out of date, which is no low risk"
    )
    text: NotScoredTexts
    title: str
    detail: str
    way_out: str


class NotScored(BaseModel):
    """A household without a score."""

    model_config = ConfigDict(extra="forbid")

    household_id: str
    problem: NotScoredProblem


def not_scored(household_id: str, code: Code = "household_not_found") -> dict[str, Any]:
    """The item of one household."""
    kind = PROBLEMS[code]
    told = {
        "code": code,
        "text": each(lambda texts: texts["not_scored"][code]),
        "title": kind.title,
        "detail": kind.detail,
        "way_out": kind.way_out,
    }
    return {"household_id": household_id, "problem": told}


def nothing_known(unheard: Unheard | None) -> dict[str, Any] | None:
    """The later run in which nothing was known of a household; `None` where it was scored in the last."""
    if unheard is None:
        return None
    return {
        "as_of_date": unheard.as_of_date.isoformat(),
        **{name: list(feeds) for name, feeds in unheard.feeds.items()},
        "text": each(lambda texts: texts["not_scored"]["nothing_known"]),
    }
