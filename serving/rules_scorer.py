"""Answering a request while the model is off: the departments' rules alone, without any model."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

from features import FEATURES, Coverage, RowEngine
from features.facts import latest_facts
from scoring.assessment import Freshness, look_back
from scoring.rules_only import rules_statement
from scoring.triggers import TRIGGER_FEATURES
from serving.scorer import HouseholdRows, earliest_as_of, freshness


class RulesScorer:
    """The rules of one region with the engine that makes what they read. Threads may share it."""

    def __init__(self, region: str) -> None:
        self.region = region
        self.engine = RowEngine([FEATURES[name] for name in dict.fromkeys(TRIGGER_FEATURES)], region)
        # Every feed is asked for, also those that no rule reads: who is silent there is not called safe.
        self.look_back = look_back(FEATURES.values())
        self.first_day, self.first_day_of = earliest_as_of(self.engine, region)

    def score(
        self, households: list[HouseholdRows], as_of: dt.date, coverage: Coverage
    ) -> list[dict[str, Any]]:
        """One answer for each household, in order."""
        villages: dict[str, dict[str, Freshness]] = {}
        made = []
        for one in households:
            if one.village_code not in villages:
                villages[one.village_code] = freshness(
                    coverage, one.village_code, as_of, self.region, self.look_back
                )
            values = self.engine.vector(one.rows, as_of, coverage)
            vector = {
                name: math.nan if value is None else value
                for name, value in zip(self.engine.names, values, strict=True)
            }
            made.append(
                rules_statement(
                    one.household_id, as_of, vector, villages[one.village_code],
                    latest_facts(one.rows, as_of), self.region,
                )
            )  # fmt: skip
        return made
