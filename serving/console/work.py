"""What the pages of casework read and write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from serving.storage import AssessmentStore, HistoryStore
from serving.storage.cases import CaseStore
from serving.storage.corrections import CorrectionStore, StoredCorrection
from serving.storage.leads import LeadStore
from serving.storage.my_list import MyListStore
from serving.storage.plans import PlanStore
from serving.storage.visits import VisitStore


@dataclass(frozen=True)
class Work:
    """The stores of one database."""

    assessments: AssessmentStore
    history: HistoryStore
    my_list: MyListStore
    cases: CaseStore
    leads: LeadStore
    visits: VisitStore
    plans: PlanStore
    corrections: CorrectionStore
    rescore: Callable[[StoredCorrection], object]
    """Scores the household of an approved correction again; whatever comes of it, the approval stands."""
