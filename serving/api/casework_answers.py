"""The shape of an area's casework, as the OpenAPI document shows it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class LeadCount(_Answer):
    """Leads of one channel and theme."""

    channel: Literal["declaration", "sweep", "department", "grid", "score"]
    theme: Literal["production", "employment", "illness", "accident", "other"]
    count: int


class ListCounts(_Answer):
    """The lists in force: their places, and those that somebody was at."""

    listed: int
    visited: int


class ExpectedCount(_Answer):
    """How many the scores let expect. Of fewer visits than the policy's `verdict_visits` it says nothing, and
    the board shows no interval."""

    count: float = Field(description="Sum of the scores of those visited")
    low: float = Field(description="Lower end of the middle 95 % of the number, were the scores exact")
    high: float


class Confirmed(_Answer):
    """Visits that came of lists, not of the lot, and met somebody."""

    visited: int
    confirmed: int = Field(description="Those that found difficulty at the door")
    expected: ExpectedCount


class CaseworkFigures(_Answer):
    """The figures of one area or grid. What is null is kept back."""

    leads: list[LeadCount] | None = Field(description="Known in the last `lead_months` months")
    stages: dict[str, int] | None = Field(
        description="Cases by their state; one that was joined to a relapse is counted there alone"
    )
    open: int | None
    overdue: dict[str, int] | None = Field(
        description="Late cases of those `open`, by the level that is told; owner: nobody above"
    )
    untold: int | None = Field(
        description="Closed cases whose household was not told the result in time: none of `overdue`"
    )
    lists: ListCounts | None
    confirmed: Confirmed | None = Field(description="Of lists made in the last `list_days` days")


class PartFigures(CaseworkFigures):
    """An area one level below, or a grid of a village; households without a grid are in the grid ''."""

    area_code: str | None = None
    grid: str | None = None


class PartsBelow(_Answer):
    """A page of the parts one level below, by their codes."""

    level: Literal["city", "county", "township", "village", "grid"]
    count: int
    parts: list[PartFigures]
    next_cursor: str | None


class EstimateAnswer(_Answer):
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float


class MissedAnswer(_Answer):
    """Households in difficulty that nobody had identified, from visits by lot."""

    first_on: str
    last_on: str
    grace_months: int
    visits: int
    met: int
    found: int
    population: float
    undetected: EstimateAnswer
    missed: EstimateAnswer


class CountyMissedAnswer(_Answer):
    """The estimate of a county; null where it is too early, or kept back."""

    county: str
    estimate: MissedAnswer | None
    is_kept_back: bool = Field(description="Null for a count of 1 to 4 in it, not for want of visits")


class AreaCaseworkAnswer(CaseworkFigures):
    """An area's casework on a day, and that of its parts."""

    area_code: str
    level: Literal["province", "city", "county", "township", "village"]
    on: str
    lead_months: int
    list_days: int
    is_small_kept_back: bool
    missed: list[CountyMissedAnswer]
    below: PartsBelow
