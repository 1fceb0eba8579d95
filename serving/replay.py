"""A replay: a past score made again from what was known on its day, by its own model, beside what was stored.

What was known on the day is decided by arrival dates alone, so records that came later change nothing.
Where the two differ all the same, something of the day was changed since, and the replay says what.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from features import Coverage
from features.dates import to_day
from features.engines.row import Rows
from scoring.changes import make_changes
from scoring.silence import stand_on
from serving.believed import Believed
from serving.errors import Problem
from serving.neighbourhood import add_neighbourhood
from serving.scorer import HouseholdRows, Scorer
from serving.storage import RunHealthStore, Stored, UsualStore, VillageStore

COMPARED = (
    "score", "log_odds", "base_log_odds", "families", "certainty", "grade", "suggested_action", "not_listed",
    "horizons", "themes", "missing_feeds", "stale_feeds", "partial_feeds", "latest_facts", "monitoring_line",
)  # fmt: skip
"""What of an answer has to be equal to the last bit; rule hits are compared by code, value and level. Words
are not stored, and what is usual around a household only goes with them."""

_STATES = ("missing_feeds", "stale_feeds", "partial_feeds")


class Replayer:
    """Makes past scores again, with what the batch stored of villages."""

    def __init__(self, villages: VillageStore, usual: UsualStore, health: RunHealthStore) -> None:
        self.usual = usual
        self.believed = Believed(health, villages)

    def replay(
        self, stored: Stored, household: HouseholdRows, coverage: Coverage, scorer: Scorer
    ) -> dict[str, Any]:
        """The stored and the replayed score, whether they are equal, what differs, and what came later.

        `household` and `coverage` are all that is stored by now, `scorer` has the model of the stored score.
        """
        body = stored.body
        as_of = dt.date.fromisoformat(body["as_of_date"])
        faults, coverage = self.believed.of(body, household.village_code, coverage, scorer.region)
        facts = self.believed.villages(body, household.village_code)

        def score(rows: Rows, covered: Coverage) -> dict[str, Any]:
            near, covered = add_neighbourhood(
                [replace(household, rows=rows)], as_of, covered, facts, scorer.assessor.look_back
            )
            usual = self.usual.find([household.village_code], as_of)
            made = scorer.score(near, as_of, covered, usual, feed_faults=[faults])[0]
            # As it would be read back: documents know lists and no tuples.
            answer: dict[str, Any] = json.loads(json.dumps(made))
            return stand_on(answer, body.get("standing"))

        made = score(household.rows, coverage)
        differences = find_differences(body, made)
        late, later_rows = known_by_now(household.rows, as_of)
        later = score(later_rows, _covered_by_now(coverage, as_of))
        return {
            "household_id": body["household_id"],
            "as_of_date": body["as_of_date"],
            "model_version": body["model_version"],
            "is_equal": not differences,
            "stored": {**_brief(body), "written_at": stored.written_at.isoformat(timespec="seconds")},
            "replayed": _brief(made),
            "differences": differences,
            "changes": make_changes(body, made) if differences else None,
            "known_later": {
                "records": late,
                "score": later["score"],
                "grade": later["grade"],
                "is_score_changed": later["score"] != made["score"],
                "is_grade_changed": later["grade"] != made["grade"],
            },
        }


def find_differences(stored: Mapping[str, Any], made: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Why two answers about one household and date differ, each reason with the feeds it is about.

    Empty where they are equal to the last bit.
    """
    differing = [name for name in COMPARED if name in stored and stored[name] != made[name]]
    if _hits(stored) != _hits(made):
        differing.append("rule_hits")
    if not differing:
        return []
    found: list[dict[str, Any]] = []

    def tell(code: str, feeds: list[str] | None = None) -> None:
        found.append({"code": code, "feeds": feeds or []})

    for name in ("policy_version", "feature_version"):
        if stored[name] != made[name]:
            tell(f"{name.removesuffix('_version')}_changed")
    before, after = stored.get("latest_facts", {}), made["latest_facts"]
    if feeds := [feed for feed in {**before, **after} if before.get(feed) != after.get(feed)]:
        tell("records_changed", feeds)
    states = [_state_of(one) for one in (stored, made)]
    if feeds := sorted({feed for feed, _ in states[0] ^ states[1]}):
        tell("coverage_changed", feeds)
    if not found:
        # As many records of the same days, and other values in them.
        tell("values_changed")
    return [{**one, "fields": differing} for one in found]


def known_by_now(rows: Rows, as_of: dt.date) -> tuple[dict[str, int], dict[str, list[dict[str, Any]]]]:
    """How many records of each feed happened by the date and were known later, and the rows as if they had
    been known on it."""
    today, late, made = to_day(as_of), dict[str, int](), dict[str, list[dict[str, Any]]]()
    for feed, records in rows.items():
        made[feed] = [_known(one, today) for one in records]
        count = sum(one != known for one, known in zip(records, made[feed], strict=True))
        if count:
            late[feed] = count
    return late, made


def _known(row: Mapping[str, Any], today: int) -> dict[str, Any]:
    made = dict(row)
    for happened, known in (("occurred_on", "known_on"), ("ended_on", "ended_known_on")):
        if made.get(happened) is not None and made[happened] <= today:
            # An end of which nobody was told stays unknown.
            made[known] = None if made[known] is None else min(made[known], today)
    return made


def _covered_by_now(coverage: Coverage, as_of: dt.date) -> Coverage:
    return Coverage(
        replace(one, known_on=min(one.known_on, as_of)) if one.complete_from <= as_of else one
        for one in coverage.deliveries
    )


def _brief(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **{name: answer.get(name) for name in ("score", "log_odds", "grade", "suggested_action")},
        "rule_hits": [one["code"] for one in answer["rule_hits"]],
        **{name: answer[name] for name in ("policy_version", "feature_version")},
    }


def _hits(answer: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    return [(one["code"], one["value"], one["level"]) for one in answer["rule_hits"]]


def _state_of(answer: Mapping[str, Any]) -> set[tuple[str, str]]:
    return {(feed, state) for state in _STATES for feed in answer.get(state, ())}


def check_household(found: Mapping[str, HouseholdRows], household_id: str) -> HouseholdRows:
    """What is stored of a household; raises `Problem` (409) where nothing is."""
    if household_id not in found:
        raise Problem("signals_not_kept", detail="No signals are kept of this household on this date.")
    return found[household_id]
