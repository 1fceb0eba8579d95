"""An assessment: everything the system says about one household on one date, and nothing it may not say.

It asks for a visit; it grants, refuses and ends nothing. Batch and online answers are made here, by the
same code.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from features import CONTRACTS, FEATURES, Feature, feature_version, policy_version
from features.facts import LatestFact
from features.health import Verdict
from features.language.expressions import aggregates
from features.signals import PLATFORM_FEEDS
from features.usual import UsualHere
from scoring.certainty import Certainty
from scoring.disagreement import Disagreement, find_disagreement
from scoring.errors import VectorError
from scoring.grades import Grade
from scoring.listing import NotListed, find_not_listed
from scoring.model import RiskModel
from scoring.outlook import HorizonScore, ThemeScore
from scoring.reasons import (
    FactSource,
    Family,
    Reason,
    ReasonFact,
    with_firmness,
)
from scoring.reasons import (
    Freshness as Freshness,
)
from scoring.triggers import TRIGGER_FEATURES, TriggerHit, find_hits

Floats = npt.NDArray[np.float64]
Action = Literal["visit", "watch", "routine"]


@dataclass(frozen=True)
class Assessment:
    """Score, grade, reasons, rule hits and the state of the feeds for one household on one date.

    `feed_faults` are the faults of deliveries that concern the household: blocked feeds of its county, and
    local faults in its own rows. `families` are all contributions by cause family: with `base_log_odds` they
    add up to `log_odds`. `not_listed` is `None` for a listed household, `disagreement` where rules and model
    agree, `certainty` where the model tells none. `horizons` and `themes` divide the score, where the model
    can.
    """

    household_id: str
    as_of_date: dt.date
    score: float
    log_odds: float
    base_log_odds: float
    families: tuple[Family, ...]
    grade: Grade
    not_listed: NotListed | None
    disagreement: Disagreement | None
    risk_reasons: tuple[Reason, ...]
    protective_reasons: tuple[Reason, ...]
    rule_hits: tuple[TriggerHit, ...]
    feeds: Mapping[str, Freshness]
    facts: Mapping[str, LatestFact]
    feed_faults: tuple[Verdict, ...]
    suggested_action: Action
    base_rate: float
    horizon_months: int
    model_version: str
    policy_version: str
    feature_version: str
    certainty: Certainty | None = None
    horizons: tuple[HorizonScore, ...] = ()
    themes: tuple[ThemeScore, ...] = ()


class Assessor:
    """Makes assessments with one model and the policy of one region."""

    def __init__(self, model: RiskModel, region: str) -> None:
        self.model = model
        self.region = region
        self.features = tuple(
            FEATURES[name] for name in dict.fromkeys((*model.feature_names, *TRIGGER_FEATURES))
        )
        self.names = tuple(one.name for one in self.features)
        self.look_back = look_back(self.features)
        self._feature_version = feature_version(FEATURES[name] for name in model.feature_names)

    def assess(
        self,
        vectors: pd.DataFrame,
        household_ids: Sequence[str],
        as_of: dt.date,
        feeds: Sequence[Mapping[str, Freshness]],
        facts: Sequence[Mapping[str, LatestFact]],
        feed_faults: Sequence[tuple[Verdict, ...]] | None = None,
        usual: Sequence[UsualHere] | None = None,
    ) -> list[Assessment]:
        """One assessment for each row of `vectors`, which has a column for each of `names`.

        The sequences are parallel to its rows. Without `feed_faults` nobody has looked at the deliveries;
        without `usual` nothing is known of what is usual around the households. Raises `VectorError` where a
        column is missing.
        """
        missing = [name for name in self.names if name not in vectors.columns]
        if missing:
            raise VectorError(f"the vectors lack {', '.join(missing)}: build them with `features`")
        matrix = vectors[list(self.names)].to_numpy(dtype=np.float64)
        return self.assess_matrix(matrix, household_ids, as_of, feeds, facts, feed_faults, usual)

    def assess_matrix(
        self,
        matrix: Floats,
        household_ids: Sequence[str],
        as_of: dt.date,
        feeds: Sequence[Mapping[str, Freshness]],
        facts: Sequence[Mapping[str, LatestFact]],
        feed_faults: Sequence[tuple[Verdict, ...]] | None = None,
        usual: Sequence[UsualHere] | None = None,
    ) -> list[Assessment]:
        """The same of a matrix (n, features) whose columns are `names`."""
        # The model's features come first.
        read = np.ascontiguousarray(matrix[:, : len(self.model.feature_names)])
        explained = self.model.explain_matrix(read)
        outlook = self.model.look(read, explained.scores, explained.log_odds, as_of)
        families = self.model.families
        ranked = families.rank(read, explained.values)
        totals, strongest = (one.tolist() for one in families.sums(explained.values))
        siblings = [families.rank(read, one) for one in self.model.explain_siblings(read)]
        watched = [is_silent(one) or bool(feed_faults and feed_faults[row]) for row, one in enumerate(feeds)]
        certainties = self.model.certainties(explained, read, np.array(watched, dtype=np.bool_))
        made = []
        for row, (values, contributions) in enumerate(
            zip(matrix.tolist(), explained.values.tolist(), strict=True)
        ):
            vector = dict(zip(self.names, values, strict=True))
            risk, protective = (
                with_firmness(
                    families.reasons(found, row, values), [families.shown(one[at], row) for one in siblings]
                )
                for at, found in enumerate(ranked)
            )
            here = usual[row] if usual else UsualHere()
            score = float(explained.scores[row])
            grade = self.model.borders.grade(score)
            hits = find_hits(vector, as_of, self.region)
            faults = feed_faults[row] if feed_faults else ()
            made.append(
                Assessment(
                    household_id=household_ids[row],
                    as_of_date=as_of,
                    score=score,
                    log_odds=float(explained.log_odds[row]),
                    base_log_odds=float(explained.base[row]),
                    families=families.told(totals[row], strongest[row], values, contributions),
                    grade=grade,
                    not_listed=find_not_listed(
                        float(explained.log_odds[row]),
                        grade,
                        self.model.borders,
                        protective,
                        has_hits=bool(hits),
                        has_silent_feeds=is_silent(feeds[row]),
                    ),
                    disagreement=find_disagreement(grade, hits),
                    risk_reasons=tuple(with_evidence(one, feeds[row], facts[row], here) for one in risk),
                    protective_reasons=tuple(
                        with_evidence(one, feeds[row], facts[row], here) for one in protective
                    ),
                    rule_hits=tuple(hits),
                    feeds=feeds[row],
                    facts=facts[row],
                    feed_faults=faults,
                    suggested_action=suggest(grade, bool(hits), feeds[row], faults),
                    base_rate=self.model.base_rate,
                    horizon_months=self.model.horizon_months,
                    model_version=self.model.version,
                    policy_version=policy_version(),
                    feature_version=self._feature_version,
                    certainty=certainties[row] if certainties else None,
                    horizons=outlook.horizon_scores(row) if outlook else (),
                    themes=outlook.theme_scores(row) if outlook else (),
                )
            )
        return made


def look_back(features: Iterable[Feature]) -> dict[str, int]:
    """Feed → how many months of it the features need, in the order of the contracts."""
    needs: dict[str, int] = {}
    for one in features:
        for node in aggregates(one.expression):
            needs[node.feed] = max(needs.get(node.feed, 0), node.covered_months)
    return {feed: needs[feed] for feed in CONTRACTS if feed in needs}


def with_evidence(
    reason: Reason,
    feeds: Mapping[str, Freshness],
    latest: Mapping[str, LatestFact],
    usual: UsualHere,
) -> Reason:
    """The reason with the sources of each fact and with what is usual around the household."""
    return reason._replace(
        facts=tuple([
            ReasonFact(
                fact.feature,
                fact.value,
                fact.contribution,
                usual.village.get(fact.feature),
                usual.town.get(fact.feature),
                tuple([
                    FactSource(
                        feed, latest[feed].occurred_on if feed in latest else None, feeds.get(feed, "missing")
                    )
                    for feed in FEATURES[fact.feature].feeds
                ]),
            )
            for fact in reason.facts
        ]),
    )


def is_silent(feeds: Mapping[str, Freshness]) -> bool:
    """Whether a department's feed is missing, out of date or incomplete."""
    return any(state != "fresh" for feed, state in feeds.items() if feed not in PLATFORM_FEEDS)


def is_unheard(feeds: Mapping[str, Freshness]) -> bool:
    """Whether every department is silent, so that each feature of the household itself is missing.

    A score would be that of no household: what it says comes from the absence of data alone.
    """
    states = {state for feed, state in feeds.items() if feed not in PLATFORM_FEEDS}
    return bool(states) and states <= {"missing", "stale"}


def suggest(
    grade: Grade, has_hits: bool, feeds: Mapping[str, Freshness], feed_faults: tuple[Verdict, ...] = ()
) -> Action:
    """What to do next. A hard trigger asks for a visit; a feed that is silent or lies is never "no risk"."""
    if grade == "high" or has_hits:
        return "visit"
    if grade == "medium" or is_silent(feeds) or feed_faults:
        return "watch"
    return "routine"
