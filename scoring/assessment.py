"""An assessment: everything the system says about one household on one date, and nothing it may not say.

It asks for a visit; it grants, refuses and ends nothing. Batch and online answers are made here, by the
same code.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from features import FEATURES, feature_version, policy_value, policy_version
from features.facts import LatestFact
from scoring.grades import Grade
from scoring.model import RiskModel
from scoring.reasons import Reason, fact_text, feature_label, find_reasons, reason_text
from scoring.texts import LANGUAGES, catalogue, format_value
from scoring.triggers import TRIGGER_FEATURES, TriggerHit, find_hits

Action = Literal["visit", "watch", "routine"]
Freshness = Literal["fresh", "stale", "missing"]


@dataclass(frozen=True)
class Assessment:
    """Score, grade, reasons, rule hits and the state of the feeds for one household on one date."""

    household_id: str
    as_of_date: dt.date
    score: float
    grade: Grade
    risk_reasons: tuple[Reason, ...]
    protective_reasons: tuple[Reason, ...]
    rule_hits: tuple[TriggerHit, ...]
    feeds: Mapping[str, Freshness]
    facts: Mapping[str, LatestFact]
    suggested_action: Action
    base_rate: float
    model_version: str
    policy_version: str
    feature_version: str


class Assessor:
    """Makes assessments with one model and the policy of one region."""

    def __init__(self, model: RiskModel, region: str) -> None:
        self.model = model
        self.region = region
        self.features = tuple(
            FEATURES[name] for name in dict.fromkeys((*model.feature_names, *TRIGGER_FEATURES))
        )
        self._feature_version = feature_version(FEATURES[name] for name in model.feature_names)

    def assess(
        self,
        vectors: pd.DataFrame,
        household_ids: Sequence[str],
        as_of: dt.date,
        feeds: Sequence[Mapping[str, Freshness]],
        facts: Sequence[Mapping[str, LatestFact]],
    ) -> list[Assessment]:
        """One assessment for each row of `vectors`, which has the columns of `self.features`."""
        explained = self.model.explain(vectors)
        names = self.model.feature_names
        columns = list(vectors.columns)
        made = []
        for row, values in enumerate(vectors.to_numpy(dtype=float)):
            vector = dict(zip(columns, values.tolist(), strict=True))
            contributions = dict(zip(names, explained.values[row].tolist(), strict=True))
            risk, protective = find_reasons(vector, contributions)
            score = float(explained.scores[row])
            grade = self.model.borders.grade(score)
            hits = find_hits(vector, as_of, self.region)
            made.append(
                Assessment(
                    household_id=household_ids[row],
                    as_of_date=as_of,
                    score=score,
                    grade=grade,
                    risk_reasons=tuple(risk),
                    protective_reasons=tuple(protective),
                    rule_hits=tuple(hits),
                    feeds=feeds[row],
                    facts=facts[row],
                    suggested_action=suggest(grade, bool(hits), feeds[row]),
                    base_rate=self.model.base_rate,
                    model_version=self.model.version,
                    policy_version=policy_version(),
                    feature_version=self._feature_version,
                )
            )
        return made


def suggest(grade: Grade, has_hits: bool, feeds: Mapping[str, Freshness]) -> Action:
    """What to do next. A hard trigger always asks for a visit; a silent feed is never "no risk"."""
    if grade == "high" or has_hits:
        return "visit"
    if grade == "medium" or any(state != "fresh" for state in feeds.values()):
        return "watch"
    return "routine"


def to_json(made: Assessment, region: str) -> dict[str, Any]:
    """The assessment as the API answers it and storage keeps it, worded in every language."""
    return {
        "household_id": made.household_id,
        "as_of_date": made.as_of_date.isoformat(),
        "score": made.score,
        "base_rate": made.base_rate,
        "grade": made.grade,
        "grade_text": _each(lambda texts: texts["grades"][made.grade]),
        "suggested_action": made.suggested_action,
        "suggested_action_text": _each(lambda texts: texts["actions"][made.suggested_action]),
        "risk_reasons": [_reason_json(one, made) for one in made.risk_reasons],
        "protective_reasons": [_reason_json(one, made) for one in made.protective_reasons],
        "rule_hits": [_hit_json(one) for one in made.rule_hits],
        "missing_feeds": [feed for feed, state in made.feeds.items() if state == "missing"],
        "stale_feeds": [feed for feed, state in made.feeds.items() if state == "stale"],
        "latest_facts": {
            feed: {
                "records": fact.records,
                "occurred_on": fact.occurred_on.isoformat(),
                "known_on": fact.known_on.isoformat(),
            }
            for feed, fact in made.facts.items()
        },
        "monitoring_line": _line_json(made.as_of_date, region),
        "model_version": made.model_version,
        "policy_version": made.policy_version,
        "feature_version": made.feature_version,
    }


def _reason_json(reason: Reason, made: Assessment) -> dict[str, Any]:
    return {
        "code": reason.code,
        "family": reason.family,
        "effect": reason.effect,
        "contribution": reason.contribution,
        "strength": reason.strength,
        "text": {language: reason_text(reason, language) for language in LANGUAGES},
        "facts": [
            {
                "feature": fact.feature,
                "value": fact.value,
                "unit": FEATURES[fact.feature].unit,
                "window_months": FEATURES[fact.feature].window_months,
                "contribution": fact.contribution,
                "label": {language: feature_label(fact.feature, language) for language in LANGUAGES},
                "value_text": {language: fact_text(fact, language) for language in LANGUAGES},
                "feeds": list(FEATURES[fact.feature].feeds),
                "latest_occurred_on": _latest(fact.feature, made),
            }
            for fact in reason.facts
        ],
    }


def _latest(feature: str, made: Assessment) -> str | None:
    dates = [made.facts[feed].occurred_on for feed in FEATURES[feature].feeds if feed in made.facts]
    return max(dates).isoformat() if dates else None


def _hit_json(hit: TriggerHit) -> dict[str, Any]:
    unit = FEATURES[hit.feature].unit
    return {
        "code": hit.code,
        "cause": hit.cause,
        "feature": hit.feature,
        "value": None if math.isnan(hit.value) else hit.value,
        "level": hit.level,
        "unit": unit,
        "is_assumption": hit.is_assumption,
        "text": {
            language: catalogue(language)["triggers"][hit.code].format(
                value=format_value(hit.value, unit, language), level=format_value(hit.level, unit, language)
            )
            for language in LANGUAGES
        },
    }


def _line_json(as_of: dt.date, region: str) -> dict[str, Any]:
    line = policy_value("monitoring_line", region, as_of)
    return {
        "value": line.value,
        "unit": line.unit,
        "effective_from": line.effective_from.isoformat(),
        "is_assumption": line.is_assumption,
        "source": line.source,
    }


def _each(pick: Any) -> dict[str, str]:
    return {language: pick(catalogue(language)) for language in LANGUAGES}
