"""The batch: every registered household scored on a date and stored, in chunks of bounded memory."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import pandas as pd

from features import CONTRACTS, Signals, build_vectors
from features.engines.duckdb import registered_villages
from features.facts import LatestFact, latest_facts_table
from features.health import Health, Verdict, apply_health, flagged_households
from features.neighbourhood import FEED, village_facts, with_villages
from features.usual import UsualHere, usual_here, usual_values
from scoring import Assessor, Bundle
from scoring.assessment import is_unheard
from scoring.grades import GRADES
from scoring.silence import is_scored, unscored
from scoring.statement import make_statement
from serving.cases.correction import Approved
from serving.corrected_signals import lay_over_signals
from serving.errors import ServingError
from serving.scorer import freshness, marked
from serving.storage import AssessmentStore, RunHealthStore, Saved, UsualStore, VillageStore
from serving.storage.standing import StandingStore

CHUNK = 1_000
"""Households in one transaction: some 10 MB of answers."""

LONGEST_SILENCE_DAYS = 366
"""A mistyped year would otherwise store a run that stands before all others for ever."""

ACTIONS = ("visit", "watch", "routine")

Progress = Callable[[str, int, int], None]
"""Called with the step, how many households are done and how many there are in all."""


@dataclass(frozen=True)
class Summary:
    """What a batch did. `nothing_known` of the `households` have no score: all departments are silent.

    Of whom a job's score stays it is counted as theirs.
    """

    as_of_date: str
    model_version: str
    households: int
    nothing_known: int
    saved: Saved
    grades: dict[str, int] = field(default_factory=dict)
    actions: dict[str, int] = field(default_factory=dict)
    blocked_feeds: tuple[str, ...] = ()
    flagged_households: int = 0

    def as_json(self) -> dict[str, Any]:
        """The summary as one flat JSON object."""
        made = asdict(self)
        made.update({f"rows_{name}": count for name, count in self.saved.counts.items()})
        del made["saved"]
        return made


@dataclass(frozen=True)
class Scored:
    """What is said of some households, each with its village."""

    statements: list[dict[str, Any]]
    village_codes: list[str]

    @property
    def heard(self) -> Scored:
        """Those that have a score."""
        kept = [pair for pair in zip(self.statements, self.village_codes, strict=True) if is_scored(pair[0])]
        return Scored([one for one, _ in kept], [village for _, village in kept])


class Scoring:
    """The households registered on a date and what is known of them, to be scored part by part.

    `signals` hold the neighbourhood already, where the model looks at it, and `corrections`, which were laid
    over them; `ids` are in the order of the keys, `unheard` the villages of which every department is
    silent.
    """

    def __init__(
        self,
        signals: Signals,
        as_of: dt.date,
        assessor: Assessor,
        corrections: Mapping[str, Sequence[Approved]] | None = None,
    ) -> None:
        self.as_of = as_of
        self._corrections = corrections or {}
        self.assessor = assessor
        region = assessor.region
        self.vectors = build_vectors(signals, [as_of], features=assessor.features, region=region)
        self.ids = [str(one) for one in self.vectors.index.get_level_values("household_id")]
        homes = registered_villages(signals.tables["household"], as_of)
        self.village_of = {str(household): village for household, village in homes.items()}
        facts = latest_facts_table(signals, as_of).sort_values("household_id", kind="stable")
        self._facts = facts
        self._first_fact = facts["household_id"].searchsorted(self.ids, side="left")
        self._after_facts = facts["household_id"].searchsorted(self.ids, side="right")
        self._feeds = {
            village: freshness(signals.coverage, village, as_of, region, assessor.look_back)
            for village in set(self.village_of.values())
        }
        self.unheard = frozenset(village for village, feeds in self._feeds.items() if is_unheard(feeds))

    def score(
        self,
        start: int,
        until: int,
        around: Mapping[str, UsualHere],
        blocked: Sequence[Verdict] = (),
        flagged: Mapping[str, tuple[Verdict, ...]] | None = None,
    ) -> Scored:
        """Score the households from place `start` to before `until`.

        `around` is what is usual around each village; `blocked` are faults of whole feeds, `flagged` those
        that concern single households.
        """
        chunk = self.ids[start:until]
        if not chunk:
            return Scored([], [])
        until = start + len(chunk)
        where = [self.village_of[one] for one in chunk]
        found = facts_of(self._facts.iloc[self._first_fact[start] : self._after_facts[until - 1]])
        faults = {
            village: tuple(one for one in blocked if village.startswith(one.area)) for village in set(where)
        }
        made = self.assessor.assess(
            self.vectors.iloc[start:until],
            chunk,
            self.as_of,
            [self._feeds[one] for one in where],
            [found.get(one, {}) for one in chunk],
            [
                (*faults[village], *(flagged or {}).get(one, ()))
                for one, village in zip(chunk, where, strict=True)
            ],
            [around.get(one, UsualHere()) for one in where],
        )
        statements = (make_statement(one, self.assessor.region) for one in made)
        told = [
            marked(said, self._corrections.get(household, ()))
            for said, household in zip(statements, chunk, strict=True)
        ]
        return Scored(told, where)

    def unscored(self, made: Scored) -> Scored:
        """The same, without a score where no department told anything and no earlier alert stands on."""
        told = [
            one if "standing" in one or village not in self.unheard else unscored(one)
            for one, village in zip(made.statements, made.village_codes, strict=True)
        ]
        return Scored(told, made.village_codes)


def score_all(
    signals: Signals,
    as_of: dt.date,
    bundle: Bundle,
    store: AssessmentStore,
    progress: Progress | None = None,
    health: Health | None = None,
    corrections: Mapping[str, Sequence[Approved]] | None = None,
) -> Summary:
    """Score every household registered on the date and store the answers.

    `corrections` of up to the date are laid over the signals, and each household is told its own.
    With `health`, the check-up of these signals on that date, nothing is scored from a blocked feed, and each
    household is told the faults that concern it. Of whom every department is silent is kept without a score.
    What stood on a feed that is silent now stands on beside the
    answer until somebody has visited. Running it again with the same signals, date and model
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
    signals, laid = lay_over_signals(signals, corrections or {}, as_of)
    if FEED in assessor.look_back:
        facts_of_villages = village_facts(signals, as_of, region)
        VillageStore(store.engine).save(facts_of_villages)
        signals = with_villages(signals, {as_of: facts_of_villages})
    run = Scoring(signals, as_of, assessor, laid)
    usual = usual_values(run.vectors, [run.village_of[one] for one in run.ids], as_of)
    UsualStore(store.engine).save(usual)
    by_area = {one.area_code: one for one in usual}
    around = {one: usual_here(by_area, one) for one in set(run.village_of.values())}
    tell("facts", 0, len(run.ids))
    store.save_release(bundle.manifest.version, bundle.sha256, bundle.manifest.horizon_months)
    RunHealthStore(store.engine).save(as_of, bundle.manifest.version, health)
    saved, grades, actions = Saved(), Counter[str](), Counter[str]()
    standing = StandingStore(store.engine)
    for start in range(0, len(run.ids), CHUNK):
        tell("scores", start, len(run.ids))
        made = run.score(start, start + CHUNK, around, health.blocked if health else (), flagged)
        stood = standing.stand_on(made.statements, made.village_codes, as_of, unheard=run.unheard)
        made = run.unscored(replace(made, statements=stood))
        here = store.save(made.statements, made.village_codes)
        saved += here
        scored = [(one["grade"], one["suggested_action"]) for one in made.heard.statements]
        for grade, action in (*scored, *here.stayed_scored):
            grades[grade] += 1
            actions[action] += 1
    ids = run.ids
    tell("scores", len(ids), len(ids))
    return Summary(
        as_of.isoformat(),
        bundle.model.version,
        len(ids),
        len(ids) - grades.total(),
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
