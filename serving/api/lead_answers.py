"""The shapes of answers about leads, worklists and clusters, as the OpenAPI document shows them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Words(_Answer):
    """A text in both languages."""

    zh: str
    en: str


class AddedAnswer(_Answer):
    """What became of the leads that were sent."""

    new: int
    repeated: int = Field(description="Were there already, and changed nothing")
    cases_opened: int
    cases_joined: int = Field(description="Open cases that new leads were added to")


class LeadAnswer(_Answer):
    """One lead."""

    id: str
    case_id: str
    household_id: str
    village_code: str
    channel: Literal["declaration", "sweep", "department", "grid", "score"]
    source: str = Field(description="A department, a model's version, or the account or key that sent it")
    code: str
    text: Words
    kind: str = Field(description="The kind of event")
    theme: str
    causes: list[str]
    occurred_on: str
    known_on: str
    received_at: str
    is_hard: bool = Field(description="To be looked at whatever the score says")
    event_key: str = Field(description="Leads that tell of one event share it")
    facts: dict[str, Any]


class LeadsAnswer(_Answer):
    """A page of leads, the newest known first."""

    leads: list[LeadAnswer]
    next_cursor: str | None


class EntryAnswer(_Answer):
    """One household of a list."""

    worklist_id: str
    household_id: str
    village_code: str
    grid: str
    place: int
    why: Literal["hard", "score", "unheard", "random", "added"]
    score: float | None
    is_tied: bool = Field(description="As good as the first one that is not listed any more")
    chance: float | None = Field(description="Of being drawn by lot, where it was")
    added_by: str | None
    reason: str | None
    visit_id: str | None
    case_id: str | None
    case_state: str | None
    case_due_on: str | None


class WorklistHead(_Answer):
    """One making of lists."""

    id: str
    area_code: str
    made_on: str
    as_of_date: str
    model_version: str


class WorklistAnswer(_Answer):
    """A page of the lists in force in an area, by village and place."""

    area_code: str
    worklists: list[WorklistHead]
    total: int
    entries: list[EntryAnswer]
    next_cursor: str | None


class ListingAnswer(_Answer):
    """Why a household is listed, or is not."""

    household_id: str
    village_code: str
    is_listed: bool
    why: str
    text: Words
    worklist: WorklistHead | None
    entry: EntryAnswer | None
    score: float | None
    rank: int | None = Field(description="Its place by score among the households of its village")
    households: int
    visits: int | None = Field(description="How many can be visited in its village")
    border: float | None = Field(description="Score of the last place that the score gave")
    log_odds_to_border: float | None
    distance: Literal["near", "some", "far"] | None
    above_capacity: int = Field(description="By how many those that always surface are more than the visits")
    rule_hits: list[str]


class ClusterAnswer(_Answer):
    """New events of one theme in one township."""

    area_code: str
    theme: str
    observed: int | None = Field(description="null: 1 to 4, kept back")
    expected: float
    low: int
    high: int
    p_value: float | None = Field(description="null where observed is kept back")
    is_warning: bool


class ClustersAnswer(_Answer):
    """Townships with more new events than expected first."""

    area_code: str
    as_of_date: str
    since: str
    false_share: float = Field(description="The share of warnings that may be false")
    is_assumption: bool
    is_small_kept_back: bool
    judged: list[str] = Field(description="Counties whose past was long enough")
    unjudged: list[str]
    warnings: int
    clusters: list[ClusterAnswer]
    next_cursor: str | None
