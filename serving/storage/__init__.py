"""What is kept: assessments, the models that made them, releases, jobs, keys, and who read what."""

from serving.storage.assessments import AssessmentStore, History, Page, Run, Saved, Stored
from serving.storage.audit import AuditLog, is_begun
from serving.storage.database import connect, insert_into, lock_for_all
from serving.storage.keys import KeyStore
from serving.storage.migration import Form, State, find_state, migrate, open_database
from serving.storage.releases import ReleaseLog
from serving.storage.usual import UsualStore
from serving.storage.villages import VillageStore

__all__ = [
    "AssessmentStore",
    "AuditLog",
    "Form",
    "History",
    "KeyStore",
    "Page",
    "ReleaseLog",
    "Run",
    "Saved",
    "State",
    "Stored",
    "UsualStore",
    "VillageStore",
    "connect",
    "find_state",
    "insert_into",
    "is_begun",
    "lock_for_all",
    "migrate",
    "open_database",
]
