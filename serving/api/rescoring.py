"""A household scored again after a correction of its facts. The former score stays in its history."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, Literal

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from features.signals import REQUEST_FEEDS
from serving.access import EVERYWHERE
from serving.api.around import Around
from serving.cases.clocks import china_day
from serving.champion import Champion
from serving.errors import Problem
from serving.neighbourhood import add_neighbourhood
from serving.scorer import Scorer
from serving.signals_folder import SignalsFolder
from serving.storage import AssessmentStore
from serving.storage.corrections import StoredCorrection
from serving.storage.database import WRITES
from serving.storage.keys import utc_now
from serving.storage.rescored import save_rescored_in

Rescored = Literal["done", "model_off", "signals_not_kept", "not_registered", "failed"]
"""What became of it; whatever it was, the correction counts from its approval on."""


_CODES: dict[str, Rescored] = {"signals_not_kept": "signals_not_kept", "model_off": "model_off"}


class Rescorer:
    """Scores the household of an approved correction again, on the day of the approval."""

    def __init__(
        self,
        engine: Engine,
        signals: SignalsFolder,
        around: Around,
        now: Callable[[], dt.datetime] = utc_now,
    ) -> None:
        self.assessments = AssessmentStore(engine)
        self.writer = engine.execution_options(**WRITES)
        self.signals = signals
        self.around = around
        self.now = now

    def rescore(self, champion: Champion, correction: StoredCorrection) -> Rescored:
        """Score and keep it; what became of it is answered, and never raised: the approval stands."""
        assert correction.reviewed_at is not None
        as_of = china_day(correction.reviewed_at)
        try:
            scorer = champion.scorer()
            body, village = self._score(scorer, correction.household_id, as_of)
            with self.writer.begin() as connection:
                self.assessments.save_release_in(
                    connection,
                    scorer.model_version,
                    scorer.manifest_sha256,
                    scorer.manifest.horizon_months,
                )
                save_rescored_in(connection, body, village, correction.id, self.now())
        except Problem as problem:
            return _CODES.get(problem.code, "failed")
        except KeyError:
            return "not_registered"
        except SQLAlchemyError:
            return "failed"
        return "done"

    def _score(self, scorer: Scorer, household_id: str, as_of: dt.date) -> tuple[dict[str, Any], str]:
        found, coverage = self.signals.find([household_id], as_of, EVERYWHERE, REQUEST_FEEDS)
        household = found[household_id]
        households, coverage = add_neighbourhood(
            [household], as_of, coverage, self.around.villages, scorer.look_back
        )
        usual = self.around.usual.find([household.village_code], as_of)
        return scorer.statements(households, as_of, coverage, usual)[0], household.village_code
