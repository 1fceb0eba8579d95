"""The batch: every registered household scored on a date and stored, in chunks of bounded memory."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import pandas as pd

from features import CONTRACTS, Signals, build_vectors
from features.engines.duckdb import registered_villages
from features.facts import LatestFact, latest_facts_table
from features.health import Health, Verdict, apply_health, flagged_households
from features.neighbourhood import FEED, village_facts, with_villages
from features.usual import UsualHere, usual_here, usual_values
from scoring import Assessor, Bundle
from scoring.assessment import Freshness
from scoring.grades import GRADES
from scoring.statement import make_statement
from serving.errors import ServingError
from serving.scorer import freshness
from serving.storage import AssessmentStore, Saved, UsualStore, VillageStore

CHUNK = 1_000
"""Households in one transaction: some 10 MB of answers."""

LONGEST_SILENCE_DAYS = 366
"""A mistyped year would otherwise store a run that stands before all others for ever."""

ACTIONS = ("visit", "watch", "routine")

Progress = Callable[[str, int, int], None]
"""Called with the step, how many households are done and how many there are in all."""


@dataclass(frozen=True)
class Summary:
    """What a batch did."""

    as_of_date: str
    model_version: str
    households: int
    saved: Saved
    grades: dict[str, int] = field(default_factory=dict)
    actions: dict[str, int] = field(default_factory=dict)
    blocked_feeds: tuple[str, ...] = ()
    flagged_households: int = 0

    def as_json(self) -> dict[str, Any]:
        """The summary as one flat JSON object."""
        made = asdict(self)
        made.update({f"rows_{name}": count for name, count in made.pop("saved").items()})
        return made


def score_all(
    signals: Signals,
    as_of: dt.date,
    bundle: Bundle,
    store: AssessmentStore,
    progress: Progress | None = None,
    health: Health | None = None,
) -> Summary:
    """Score every household registered on the date and store the answers.

    With `health`, the check-up of these signals on that date, nothing is scored from a blocked feed, and each
    household is told the faults that concern it. Running it again with the same signals, date and model
    changes no row. Raises `PolicyError` for a date
    before the policy numbers begin and `ServingError` for one long after the last delivery.
    """
    last = max((one.known_on for one in signals.coverage.deliveries), default=None)
    if last is None or as_of > last + dt.timedelta(days=LONGEST_SILENCE_DAYS):
        raise ServingError(
            f"--as-of {as_of} lies more than a year after the last delivery"
            f"{f' ({last})' if last else ''}: nothing is known of that day, and nothing was scored"
        )
    tell = progress or (lambda step, done, total: None)
    region = bundle.manifest.region
    assessor = Assessor(bundle.model, region)
    flagged: dict[str, tuple[Verdict, ...]] = {}
    if health:
        signals, flagged = apply_health(signals, health, region=region), flagged_households(health)
    tell("vectors", 0, 0)
    if FEED in assessor.look_back:
        facts_of_villages = village_facts(signals, as_of, region)
        VillageStore(store.engine).save(facts_of_villages)
        signals = with_villages(signals, {as_of: facts_of_villages})
    vectors = build_vectors(signals, [as_of], features=assessor.features, region=region)
    ids = [str(one) for one in vectors.index.get_level_values("household_id")]
    village_of = registered_villages(signals.tables["household"], as_of).to_dict()
    usual = usual_values(vectors, [village_of[one] for one in ids], as_of)
    UsualStore(store.engine).save(usual)
    by_area = {one.area_code: one for one in usual}
    around: dict[str, UsualHere] = {one: usual_here(by_area, one) for one in set(village_of.values())}
    tell("facts", 0, len(ids))
    facts = latest_facts_table(signals, as_of).sort_values("household_id", kind="stable")
    first_fact = facts["household_id"].searchsorted(ids, side="left")
    after_facts = facts["household_id"].searchsorted(ids, side="right")
    feeds: dict[str, dict[str, Freshness]] = {}
    for village in set(village_of.values()):
        feeds[village] = freshness(signals.coverage, village, as_of, region, assessor.look_back)
    blocked = {
        village: tuple(one for one in health.blocked if village.startswith(one.area)) if health else ()
        for village in feeds
    }
    store.save_release(bundle.manifest.version, bundle.sha256, bundle.manifest.horizon_months)
    saved, grades, actions = Saved(), Counter[str](), Counter[str]()
    for start in range(0, len(ids), CHUNK):
        tell("scores", start, len(ids))
        chunk = ids[start : start + CHUNK]
        until = start + len(chunk)
        where = [village_of[one] for one in chunk]
        found = facts_of(facts.iloc[first_fact[start] : after_facts[until - 1]])
        made = assessor.assess(
            vectors.iloc[start:until],
            chunk,
            as_of,
            [feeds[one] for one in where],
            [found.get(one, {}) for one in chunk],
            [(*blocked[village], *flagged.get(one, ())) for one, village in zip(chunk, where, strict=True)],
            [around[one] for one in where],
        )
        saved += store.save([make_statement(one, region) for one in made], where)
        grades.update(one.grade for one in made)
        actions.update(one.suggested_action for one in made)
    tell("scores", len(ids), len(ids))
    return Summary(
        as_of.isoformat(),
        bundle.model.version,
        len(ids),
        saved,
        {name: grades[name] for name in GRADES},
        {name: actions[name] for name in ACTIONS},
        tuple(dict.fromkeys(one.feed for one in health.blocked)) if health else (),
        sum(1 for one in ids if one in flagged),
    )


def facts_of(part: pd.DataFrame) -> dict[str, dict[str, LatestFact]]:
    """The latest facts of some households, each in the order of the contracts."""
    found: dict[str, dict[str, LatestFact]] = {}
    columns = (
        part["household_id"],
        part["feed"],
        part["records"],
        pd.to_datetime(part["occurred_on"]).dt.date,
        pd.to_datetime(part["known_on"]).dt.date,
    )
    for household, feed, records, occurred, known in zip(*columns, strict=True):
        found.setdefault(household, {})[feed] = LatestFact(feed, int(records), occurred, known)
    return {
        household: {feed: facts[feed] for feed in CONTRACTS if feed in facts}
        for household, facts in found.items()
    }
