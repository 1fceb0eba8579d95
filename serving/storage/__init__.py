"""What is kept: assessments, the models that made them, releases, jobs, keys and accounts of callers, their
sessions, and who read what."""

from serving.storage.accounts import Account, AccountState, AccountStore
from serving.storage.assessments import AssessmentStore, History, Page, Stored
from serving.storage.audit import AuditLog, is_begun
from serving.storage.database import connect, insert_into, lock_for_all
from serving.storage.history import HistoryPage, HistoryStore, Mark, Past
from serving.storage.keys import KeyStore
from serving.storage.migration import Form, State, find_state, look_at, migrate, open_database
from serving.storage.releases import ReleaseLog
from serving.storage.run_health import RunHealthStore
from serving.storage.runs import Run
from serving.storage.saved import Saved
from serving.storage.sessions import Session, SessionStore
from serving.storage.summaries import AreaSummary, SummaryStore
from serving.storage.unheard import FROM_FILES, Unheard, UnheardStore
from serving.storage.usual import UsualStore
from serving.storage.villages import VillageStore

__all__ = [
    "FROM_FILES",
    "Account",
    "AccountState",
    "AccountStore",
    "AreaSummary",
    "AssessmentStore",
    "AuditLog",
    "Form",
    "History",
    "HistoryPage",
    "HistoryStore",
    "KeyStore",
    "Mark",
    "Page",
    "Past",
    "ReleaseLog",
    "Run",
    "RunHealthStore",
    "Saved",
    "Session",
    "SessionStore",
    "State",
    "Stored",
    "SummaryStore",
    "Unheard",
    "UnheardStore",
    "UsualStore",
    "VillageStore",
    "connect",
    "find_state",
    "insert_into",
    "is_begun",
    "lock_for_all",
    "look_at",
    "migrate",
    "open_database",
]
