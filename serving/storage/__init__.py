"""What is kept: assessments and the releases of the model that made them, jobs, and the keys of requests."""

from serving.storage.assessments import AssessmentStore, Page, Run, Saved, Stored
from serving.storage.database import connect, insert_into, lock_for_all
from serving.storage.migration import Form, State, find_state, migrate, open_database
from serving.storage.usual import UsualStore
from serving.storage.villages import VillageStore

__all__ = [
    "AssessmentStore",
    "Form",
    "Page",
    "Run",
    "Saved",
    "State",
    "Stored",
    "UsualStore",
    "VillageStore",
    "connect",
    "find_state",
    "insert_into",
    "lock_for_all",
    "migrate",
    "open_database",
]
