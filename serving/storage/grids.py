"""Which grid (网格) of its village each household lies in, as an office's own table says it."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Engine, delete, select, tuple_

from serving.access import Caller
from serving.storage.audit import AuditLog
from serving.storage.audit_actions import Action, Outcome
from serving.storage.case_tables import household_grid
from serving.storage.database import WRITES, lock_for_all
from serving.storage.transactions import logged

Place = tuple[str, str]
"""Household and village."""
_LOCK = 10


class GridStore:
    """The grids of one database. Raises `Problem` (503) when it does not answer or cannot log."""

    def __init__(self, engine: Engine, audit: AuditLog) -> None:
        self.writer = engine.execution_options(**WRITES)
        self.audit = audit

    def put(self, caller: Caller, grids: Mapping[Place, str]) -> int:
        """Put households into grids, or with '' out of the one that they were in; how many that changed."""
        key = tuple_(household_grid.c.household_id, household_grid.c.village_code)
        with logged(self.writer) as connection:
            lock_for_all(connection, _LOCK)
            there = connection.execute(select(household_grid).where(key.in_(sorted(grids))))
            former = {(one.household_id, one.village_code): one.grid for one in there}
            changed = {place: grid for place, grid in grids.items() if former.get(place, "") != grid}
            if not changed:
                return 0
            connection.execute(delete(household_grid).where(key.in_(sorted(changed))))
            rows = [
                {"household_id": household, "village_code": village, "grid": grid}
                for (household, village), grid in sorted(changed.items())
                if grid
            ]
            if rows:
                connection.execute(household_grid.insert(), rows)
            subjects = [self.audit.household(one) for one in sorted({one for one, _ in changed})]
            self.audit.append(connection, caller, Action.GRID_CHANGED, subjects, Outcome.DONE)
        return len(changed)
