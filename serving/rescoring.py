"""A household scored again after a correction of its facts. The former score stays in its history.

It is scored as of the day of its newest assessment, with the departments' facts of that day told right: what
moved since is the correction, and never that the data got older. A fact of a later day moves the score there,
if the departments' data reach as far.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, Literal

from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError

from features.signals import REQUEST_FEEDS
from scoring.silence import newly_silent, stand_on
from scoring.statement import plain_feeds
from serving.access import Scope
from serving.around import Around
from serving.believed import Believed
from serving.cases.clocks import china_day
from serving.champion import Champion
from serving.errors import Problem
from serving.neighbourhood import add_neighbourhood
from serving.scorer import Scorer, freshness
from serving.signals_folder import SignalsFolder
from serving.storage import AssessmentStore, RunHealthStore, VillageStore
from serving.storage.case_tables import rescored_assessment
from serving.storage.corrections import COUNTY, StoredCorrection
from serving.storage.database import WRITES
from serving.storage.keys import utc_now
from serving.storage.rescored import find_newest, save_rescored_in

Rescored = Literal["done", "model_off", "signals_not_kept", "not_registered", "data_ended", "failed"]
"""What became of it; whatever it was, the correction counts from its approval on. `data_ended` is where the
departments' data do not reach to the day of the corrected fact, or are gone: nothing could be compared."""


_CODES: dict[str, Rescored] = {"signals_not_kept": "signals_not_kept", "model_off": "model_off"}


class _DataEnded(Exception):
    """The data that the score before was made with are not there on the day."""


class Rescorer:
    """Scores the household of an approved correction again, as of the day that its data reach to."""

    def __init__(
        self,
        engine: Engine,
        signals: SignalsFolder,
        around: Around,
        now: Callable[[], dt.datetime] = utc_now,
    ) -> None:
        self.assessments = AssessmentStore(engine)
        self.believed = Believed(RunHealthStore(engine), VillageStore(engine))
        self.engine = engine
        self.writer = engine.execution_options(**WRITES)
        self.signals = signals
        self.around = around
        self.now = now

    def rescore(self, champion: Champion, correction: StoredCorrection) -> Rescored:
        """Score and keep it; what became of it is answered, and never raised: the approval stands."""
        at = self.now()
        try:
            if self._is_done(correction):
                return "done"
            scorer = champion.scorer()
            body, village = self._score(scorer, correction, at)
            with self.writer.begin() as connection:
                self.assessments.save_release_in(
                    connection,
                    scorer.model_version,
                    scorer.manifest_sha256,
                    scorer.manifest.horizon_months,
                )
                save_rescored_in(connection, body, village, correction.id, at)
        except Problem as problem:
            return _CODES.get(problem.code, "failed")
        except KeyError:
            return "not_registered"
        except _DataEnded:
            return "data_ended"
        except SQLAlchemyError:
            return "failed"
        return "done"

    def _is_done(self, correction: StoredCorrection) -> bool:
        of_it = select(rescored_assessment.c.id).where(rescored_assessment.c.correction_id == correction.id)
        with self.engine.connect() as connection:
            return connection.execute(of_it).first() is not None

    def _score(
        self, scorer: Scorer, correction: StoredCorrection, at: dt.datetime
    ) -> tuple[dict[str, Any], str]:
        assert correction.reviewed_at is not None
        approved_on = china_day(correction.reviewed_at)
        # The same key in another county is another household's, and nobody here reviews its facts.
        county = Scope(correction.village_code[:COUNTY])
        homes, _ = self.signals.find([correction.household_id], approved_on, county, ("household",))
        home = homes[correction.household_id].village_code
        with self.engine.connect() as connection:
            newest = find_newest(connection, correction.household_id, home, approved_on)
        former = newest.body if newest is not None else {}
        # What was told right after this approval, and scored before it, stays told right.
        said_on = former.get("corrected_on")
        corrected_on = max(approved_on, dt.date.fromisoformat(said_on)) if said_on else approved_on
        day = newest.as_of_date if newest is not None else approved_on
        as_of = max([day, *(one for one in correction.correction.days if one <= approved_on)])
        found, coverage = self.signals.find(
            [correction.household_id], as_of, county, REQUEST_FEEDS, at, corrected_on
        )
        household = found[correction.household_id]
        faults, coverage = self.believed.of(former, household.village_code, coverage, scorer.region)
        if as_of > day:
            before, after = (
                plain_feeds(freshness(coverage, household.village_code, one, scorer.region, scorer.look_back))
                for one in (day, as_of)
            )
            # Deliveries were judged for the former day alone.
            if faults or newly_silent(before, after):
                raise _DataEnded
        # Of the village what the former was made with, and none of before.
        villages = self.believed.villages(former, household.village_code) if former else self.around.villages
        households, coverage = add_neighbourhood([household], as_of, coverage, villages, scorer.look_back)
        if scorer.unheard(households, as_of, coverage):
            raise _DataEnded
        usual = self.around.usual.find([household.village_code], as_of)
        (made,) = scorer.statements(households, as_of, coverage, usual, feed_faults=[faults])
        if former.get("model_version") == scorer.model_version and newly_silent(former, made):
            raise _DataEnded
        made = stand_on(made, former.get("standing"))
        if corrected_on > as_of:
            made["corrected_on"] = corrected_on.isoformat()
        return made, household.village_code
