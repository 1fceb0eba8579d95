"""The shape of an area's summary, as the OpenAPI document shows it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class GradeCounts(_Answer):
    """Households by grade."""

    high: int
    medium: int
    low: int


class ThemeCounts(_Answer):
    """Households by the theme of the largest part of their score."""

    production: int
    employment: int
    illness: int
    accident: int
    other: int
    undivided: int = Field(description="Scored by a model that does not divide its scores")


class Expected(_Answer):
    """How many of the scored households are expected to be newly identified within the horizon."""

    count: float = Field(description="Sum of the calibrated scores")
    low: float = Field(
        description="Lower end of the 95 % interval of the number, were the scores exact and households "
        "independent; the model's own error is not in it"
    )
    high: float


class FeedState(_Answer):
    """What is known from a feed in the area. Unknown is never no risk."""

    state: Literal["known", "partly", "unknown"] = Field(
        description="unknown: nothing is known from it of any household; partly: of some, or not all of it"
    )
    unknown: int | None = Field(description="Households of which nothing is known from it")
    partial: int | None = Field(description="Households of which it begins too late")


class AreaFigures(_Answer):
    """The figures of one area. What is null is kept back: it is small, or would give a small one away."""

    area_code: str
    households: int | None = Field(description="All of the run")
    nothing_known: int | None = Field(
        description="Of them those without a score, because every department's feed is missing or out of "
        "date: they are in no grade and no theme, and no low risk. Null where few of the silent "
        "villages have a score, or few have none: all that counts scores is null with it"
    )
    grades: GradeCounts | None
    themes: ThemeCounts | None
    rule_hits: dict[str, int | None] = Field(description="Households by threshold that they reached")
    expected: Expected | None = Field(description="Null where the grades are")
    feeds: dict[str, FeedState] = Field(description="Feeds that not all is known from; others are whole")


class AreasBelow(_Answer):
    """A page of the areas one level below, by their codes."""

    level: Literal["city", "county", "township", "village"] | None
    count: int
    areas: list[AreaFigures]
    next_cursor: str | None


class AreaSummaryAnswer(AreaFigures):
    """An area in one run, and the areas one level below it."""

    level: Literal["province", "city", "county", "township", "village"]
    as_of_date: str
    model_version: str
    is_small_kept_back: bool = Field(description="False for the area's own official alone")
    below: AreasBelow
