"""Silence: feeds that an assessment could not read and the one before it could. It is never an improvement.

A department's alert that vanished with its feed, or a high grade, stands on until somebody has looked: it is
carried from assessment to assessment (`standing`) for as long as the feed stays silent. A household of which
every department is silent has no score at all: what is kept of it says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from features import FEATURES
from features.signals import PLATFORM_FEEDS
from scoring.grades import GRADES

VISIT = "visit"
_HIT = ("code", "cause", "feature", "value", "level", "is_assumption")
_UNSCORED = (
    "household_id", "as_of_date", "model_version", "missing_feeds", "stale_feeds", "partial_feeds"
)  # fmt: skip
_RANKS = {"missing_feeds": 2, "stale_feeds": 2, "partial_feeds": 1}


def newly_silent(former: Mapping[str, Any], latter: Mapping[str, Any]) -> tuple[str, ...]:
    """The feeds of which less is known to the latter of two statements than to the former."""
    before, after = _silence(former), _silence(latter)
    return tuple(feed for feed, rank in after.items() if rank > before.get(feed, 0))


def lapsed_hits(
    former: Mapping[str, Any], latter: Mapping[str, Any], silent: tuple[str, ...]
) -> list[dict[str, Any]]:
    """The rule hits, without words, that are in the former statement alone and that read a silent feed."""
    still = {one["code"] for one in latter.get("rule_hits", ())}
    return [
        {name: one[name] for name in _HIT}
        for one in former.get("rule_hits", ())
        if one["code"] not in still
        and one["feature"] in FEATURES
        and set(FEATURES[one["feature"]].feeds) & set(silent)
    ]


def find_standing(
    former: Mapping[str, Any], latter: Mapping[str, Any], is_unheard: bool = False
) -> dict[str, Any] | None:
    """What of the former statement stands on beside the latter, because its feeds fell silent.

    These are its alerts, a high grade, and what stood on beside it. `as_of_date` is the day of the statement
    that said so, `feeds` those that are silent since. With `is_unheard` every department is silent for the
    latter: its own grade is made of nothing, and as high as it may be ends none of before.
    """
    stood = former.get("standing") or {"as_of_date": former["as_of_date"], "grade": "low", "rule_hits": []}
    now = _silence(latter)
    fell = newly_silent(former, latter)
    silent = tuple(feed for feed in now if feed in {*stood.get("feeds", ()), *fell})
    hits = {one["code"]: one for one in (*stood["rule_hits"], *former.get("rule_hits", ()))}
    lapsed = lapsed_hits({"rule_hits": list(hits.values())}, latter, silent)
    grades = [stood["grade"]]
    if not is_unheard or set(fell).difference(PLATFORM_FEEDS):
        # Else the former's was made of nothing too.
        grades.append(former["grade"])
    highest = min(grades, key=GRADES.index)
    is_lower = highest == "high" and (is_unheard or latter["grade"] != "high")
    if not silent or not (lapsed or is_lower):
        return None
    return {
        "as_of_date": stood["as_of_date"],
        "grade": highest if is_lower or is_unheard else latter["grade"],
        "rule_hits": lapsed,
        "feeds": list(silent),
    }


def stand_on(statement: Mapping[str, Any], standing: Mapping[str, Any] | None) -> dict[str, Any]:
    """The statement with what stands on beside it, which asks for a visit."""
    if standing is None:
        return dict(statement)
    return {**statement, "standing": dict(standing), "suggested_action": VISIT}


def unscored(statement: Mapping[str, Any]) -> dict[str, Any]:
    """What is said of a household of which nothing is known: the statement without all that a score says."""
    return {name: statement[name] for name in _UNSCORED}


def is_scored(statement: Mapping[str, Any]) -> bool:
    """Whether a statement has a score, or says that nothing is known."""
    return "score" in statement


def _silence(statement: Mapping[str, Any]) -> dict[str, int]:
    # Assessments written by earlier releases may lack any of the lists.
    return {feed: rank for name, rank in _RANKS.items() for feed in statement.get(name, ())}
