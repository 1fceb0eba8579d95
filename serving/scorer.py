"""Scoring one request: parsed households in, worded assessments out. The batch has its own way in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from features import Coverage, RowEngine, policy_version
from features.engines.row import Rows
from features.facts import latest_facts
from features.health import Verdict
from features.policy import policy_history
from features.usual import UsualHere
from scoring import Assessor, Bundle
from scoring.assessment import Freshness, is_unheard
from scoring.excerpt import Excerpt, explain_excerpts, make_excerpts
from scoring.reasons import MOST_RISK_REASONS
from scoring.statement import make_statement, put_into_words
from scoring.triggers import TRIGGERS
from scoring.what_if import Plan, make_answer, what_if
from serving.cases.correction import Approved
from serving.errors import Problem
from serving.steps import Steps


@dataclass(frozen=True)
class HouseholdRows:
    """One household of a request: its key, its village and its stored rows, feed by feed.

    `corrections` were laid over the rows already.
    """

    household_id: str
    village_code: str
    rows: Rows
    corrections: tuple[Approved, ...] = ()


class Scorer:
    """One model with the engine that makes its vectors. Build it once; threads may share it."""

    def __init__(self, bundle: Bundle) -> None:
        self.manifest = bundle.manifest
        self.manifest_sha256 = bundle.sha256
        self.region = bundle.manifest.region
        self.assessor = Assessor(bundle.model, self.region)
        self.look_back = self.assessor.look_back
        self.engine = RowEngine(self.assessor.features, self.region)
        self.model_version = bundle.model.version
        self.first_day, self.first_day_of = earliest_as_of(self.engine, self.region)

    def score(
        self,
        households: list[HouseholdRows],
        as_of: dt.date,
        coverage: Coverage,
        usual: Mapping[str, UsualHere] | None = None,
        most_reasons: int = MOST_RISK_REASONS,
        feed_faults: Sequence[tuple[Verdict, ...]] | None = None,
    ) -> list[dict[str, Any]]:
        """One answer for each household, in order; `usual` is what is usual around each village.

        `feed_faults` are the faults of deliveries that concern each; without them nobody has looked. Reasons
        of each kind beyond `most_reasons` are left out.
        """
        said = self.statements(households, as_of, coverage, usual, most_reasons, feed_faults)
        return [put_into_words(one) for one in said]

    def statements(
        self,
        households: list[HouseholdRows],
        as_of: dt.date,
        coverage: Coverage,
        usual: Mapping[str, UsualHere] | None = None,
        most_reasons: int = MOST_RISK_REASONS,
        feed_faults: Sequence[tuple[Verdict, ...]] | None = None,
    ) -> list[dict[str, Any]]:
        """The same without words, as it is stored."""
        if not households:
            return []
        made = self.assessor.assess_matrix(
            self._matrix(households, as_of, coverage),
            [one.household_id for one in households],
            as_of,
            self._feeds(households, as_of, coverage),
            [latest_facts(one.rows, as_of) for one in households],
            feed_faults,
            usual=[(usual or {}).get(one.village_code, UsualHere()) for one in households],
        )
        if most_reasons < MOST_RISK_REASONS:
            made = [
                replace(
                    one,
                    risk_reasons=one.risk_reasons[:most_reasons],
                    protective_reasons=one.protective_reasons[:most_reasons],
                )
                for one in made
            ]
        return [
            marked(make_statement(one, self.region), household.corrections)
            for one, household in zip(made, households, strict=True)
        ]

    def excerpts(
        self, households: list[HouseholdRows], as_of: dt.date, coverage: Coverage, wanted: Excerpt
    ) -> Steps[list[dict[str, Any]]]:
        """An excerpt of each household's answer, in order."""
        if not households:
            return []
        matrix = self._matrix(households, as_of, coverage)
        yield
        explained = explain_excerpts(self.assessor.model, matrix, wanted)
        yield
        feeds = self._feeds(households, as_of, coverage)
        keys = [one.household_id for one in households]
        return make_excerpts(self.assessor, explained, keys, as_of, feeds, wanted)

    def what_if(
        self, household: HouseholdRows, as_of: dt.date, coverage: Coverage, plan: Plan
    ) -> dict[str, Any]:
        """The answer to one plan for one household.

        Raises `Problem` (409, `nothing_known`) where it has no score that could change.
        """
        if self.unheard([household], as_of, coverage):
            raise Problem("nothing_known")
        made = what_if(
            self.assessor, self.engine, household.household_id, household.rows, as_of, coverage, plan
        )
        return make_answer(made)

    def unheard(self, households: list[HouseholdRows], as_of: dt.date, coverage: Coverage) -> frozenset[str]:
        """The keys of those that no department told anything of by the date: they have no score."""
        each = zip(households, self._feeds(households, as_of, coverage), strict=True)
        return frozenset(one.household_id for one, feeds in each if is_unheard(feeds))

    def _matrix(
        self, households: list[HouseholdRows], as_of: dt.date, coverage: Coverage
    ) -> npt.NDArray[np.float64]:
        """Their vectors (n, features of the engine)."""
        return np.array([self.engine.vector(one.rows, as_of, coverage) for one in households], np.float64)

    def _feeds(
        self, households: list[HouseholdRows], as_of: dt.date, coverage: Coverage
    ) -> list[dict[str, Freshness]]:
        """The state of the feeds for each, found once a village."""
        villages: dict[str, dict[str, Freshness]] = {}
        for one in households:
            if one.village_code not in villages:
                villages[one.village_code] = freshness(
                    coverage, one.village_code, as_of, self.region, self.look_back
                )
        return [villages[one.village_code] for one in households]

    def versions(self) -> dict[str, str]:
        """The versions that an answer was made with."""
        return {
            "version": self.model_version,
            "policy_version": policy_version(),
            "feature_version": self.manifest.feature_version,
        }


def marked(statement: dict[str, Any], corrections: Sequence[Approved]) -> dict[str, Any]:
    """A statement that says which corrections its facts were made after; without any it is left as it is."""
    return {**statement, "corrections": [one.as_json() for one in corrections]} if corrections else statement


def freshness(
    coverage: Coverage, village: str, as_of: dt.date, region: str, months: Mapping[str, int]
) -> dict[str, Freshness]:
    """The state of the feeds for one village on a date; `months` is how far back each is looked at."""
    return coverage.freshness(village, as_of, region, months)  # type: ignore[return-value]


def earliest_as_of(engine: RowEngine, region: str) -> tuple[dt.date, str]:
    """The first date on which every policy number that an answer needs is in force, and whose it is."""
    needed = {"monitoring_line", "feed_delay_days", *engine.plan.parameters}
    needed.update(name for trigger in TRIGGERS for name in trigger.parameters)
    starts = [(policy_history(name, region)[0].effective_from, name) for name in sorted(needed)]
    return max(starts, key=lambda start: start[0])
