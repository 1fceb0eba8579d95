"""What the pages of casework read and write."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from serving.access import Scope
from serving.cases.correction import FEEDS
from serving.console.plan_effect import PlanEffects
from serving.console.record_form import Record, records_of_assessment, records_of_rows
from serving.errors import Problem
from serving.register import Register
from serving.rescoring import Rescored
from serving.signals_folder import SignalsFolder
from serving.storage import AssessmentStore, HistoryStore
from serving.storage.cases import CaseStore
from serving.storage.corrections import CorrectionStore, StoredCorrection
from serving.storage.elimination import EliminationStore
from serving.storage.household_record import RecordStore
from serving.storage.my_list import MyListStore
from serving.storage.plans import PlanStore
from serving.storage.visits import VisitStore


@dataclass(frozen=True)
class Work:
    """The stores of one database."""

    assessments: AssessmentStore
    records: RecordStore
    my_list: MyListStore
    cases: CaseStore
    register: Register
    visits: VisitStore
    plans: PlanStore
    corrections: CorrectionStore
    eliminations: EliminationStore
    effects: PlanEffects
    signals: SignalsFolder
    rescore: Callable[[StoredCorrection], Rescored]
    """Scores the household of an approved correction again; whatever comes of it, the approval stands."""
    past: HistoryStore

    def find_records(
        self, household_id: str, village_code: str, body: Mapping[str, Any] | None
    ) -> list[Record]:
        """The departments' records of a household that the caller may see, for a visit to correct.

        Where the service does not keep them, or has no such household, those that its assessment tells of.
        """
        try:
            found, _ = self.signals.find(
                [household_id], self.my_list.today(), Scope(village_code), tuple(FEEDS)
            )
        except Problem as problem:
            if problem.code not in _NOT_NOW:
                raise
            found = {}
        if household_id in found:
            return records_of_rows(found[household_id].rows)
        return records_of_assessment(body)


_NOT_NOW = {"signals_not_kept", "signals_failed"}
