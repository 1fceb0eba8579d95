"""Everything that a store holds, read as somebody who may see all of it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from serving.access import OPEN
from serving.storage import AssessmentStore, AuditLog, History, Page, Run, Stored, Unheard

AUDIT_KEY = bytes(range(32))


class Everything:
    """Reads through the store's own log, or through one of its own where the store has none."""

    def __init__(self, store: AssessmentStore) -> None:
        self.store = AssessmentStore(store.engine, store.audit or AuditLog(store.engine, AUDIT_KEY))

    def find(self, household_id: str, as_of: dt.date | None = None) -> Stored | None:
        found = self.store.find(OPEN, household_id, as_of)
        return found.latest if isinstance(found, History) else None

    def find_unheard(self, household_id: str, as_of: dt.date | None = None) -> Unheard | None:
        """What stands in place of an assessment, or beside an older one."""
        found = self.store.find(OPEN, household_id, as_of)
        return found.unheard if isinstance(found, History) else found

    def find_former(self, stored: Stored) -> Stored | None:
        body = stored.body
        found = self.store.find(OPEN, body["household_id"], dt.date.fromisoformat(body["as_of_date"]))
        assert isinstance(found, History)
        assert found.latest == stored
        return found.former

    def find_run(self) -> Run | None:
        return self.store.find_run(OPEN)

    def list_run(self, run: Run, **more: Any) -> Page:
        return self.store.list_run(OPEN, run, **more)
