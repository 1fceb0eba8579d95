"""What is said of a household while the model is off: the departments' rules alone, and that it is so.

Without a score there is no grade: no published rule gives one. A feed that is silent is never "no risk".
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from features import policy_version
from features.facts import LatestFact
from scoring.assessment import is_silent
from scoring.reasons import Freshness
from scoring.statement import monitoring_line, plain_facts, plain_feeds, plain_hit, worded_hit
from scoring.texts import LANGUAGES, catalogue
from scoring.triggers import find_hits

OFF = "off"
"""What stands in the place of the model's version."""


def rules_statement(
    household_id: str,
    as_of: dt.date,
    vector: Mapping[str, float],
    feeds: Mapping[str, Freshness],
    facts: Mapping[str, LatestFact],
    region: str,
) -> dict[str, Any]:
    """The answer by rules about one household; `vector` has what triggers read, NaN where missing."""
    hits = find_hits(vector, as_of, region)
    action = "visit" if hits else "watch" if is_silent(feeds) else "routine"
    return {
        "household_id": household_id,
        "as_of_date": as_of.isoformat(),
        "model": OFF,
        "model_text": off_text(),
        "score": None,
        "grade": None,
        "suggested_action": action,
        "suggested_action_text": {one: catalogue(one)["actions"][action] for one in LANGUAGES},
        "rule_hits": [worded_hit(plain_hit(one)) for one in hits],
        **plain_feeds(feeds),
        "latest_facts": plain_facts(facts),
        "monitoring_line": monitoring_line(as_of, region),
        "policy_version": policy_version(),
    }


def off_text() -> dict[str, str]:
    """That the model is off and rules alone answer, in every language."""
    return {one: catalogue(one)["model_off"] for one in LANGUAGES}
