"""What the pages of casework read and write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from serving.console.plan_effect import PlanEffects
from serving.storage import AssessmentStore
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
    visits: VisitStore
    plans: PlanStore
    corrections: CorrectionStore
    eliminations: EliminationStore
    effects: PlanEffects
    rescore: Callable[[StoredCorrection], object]
    """Scores the household of an approved correction again; whatever comes of it, the approval stands."""
