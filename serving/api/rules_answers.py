"""The answer while the model is off: the departments' rules alone. `scoring.rules_only` makes the content."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from scoring.rules_only import OFF, off_text
from serving.api.answers import LatestFactAnswer, MonitoringLine, RuleHit, Texts
from serving.api.not_scored import NotScored


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RulesAssessment(_Answer):
    """What the rules say of one household on one date; no model has looked at it."""

    household_id: str
    as_of_date: str
    model: Literal["off"] = Field(description="No model was asked")
    model_text: Texts
    score: None = Field(description="Always null: not a low score, but none")
    grade: None = Field(description="Always null: no published rule gives a grade")
    suggested_action: Literal["visit", "watch", "routine"] = Field(
        description="visit: a rule hit; watch: no hit, and a feed is silent, stale or incomplete"
    )
    suggested_action_text: Texts
    rule_hits: list[RuleHit]
    missing_feeds: list[str] = Field(
        description="Feeds without data for the village: not the same as no risk"
    )
    stale_feeds: list[str]
    partial_feeds: list[str]
    latest_facts: dict[str, LatestFactAnswer]
    monitoring_line: MonitoringLine
    policy_version: str


class RulesAnswer(_Answer):
    """Rules in the order of the request's households, while the model is off."""

    model: Literal["off"]
    model_text: Texts
    results: list[RulesAssessment | NotScored]


def by_rules(results: list[dict[str, Any]]) -> dict[str, Any]:
    """The answer that holds these results, and says that no model made them."""
    return {"model": OFF, "model_text": off_text(), "results": results}
