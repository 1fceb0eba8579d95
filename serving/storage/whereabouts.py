"""Where a household is, as far as a caller may see: the village that what is recorded of it belongs to."""

from __future__ import annotations

from sqlalchemy import Connection, select

from serving.access import Caller
from serving.storage.case_tables import case_file
from serving.storage.unheard import told_of


def find_village(connection: Connection, caller: Caller, household_id: str) -> str | None:
    """The village of the household's open case, else of what a run said last, were it that nothing is known
    of it, else of its last case.

    `None` for a household that is nowhere in the caller's area: outside and nonexistent look the same.
    """
    of_case = select(case_file.c.village_code).where(
        case_file.c.household_id == household_id, caller.scope.condition(case_file.c.village_code)
    )
    said = told_of(household_id, caller.scope)
    newest = (said.c.as_of_date.desc(), said.c.written_at.desc(), said.c.id.desc())
    for query in (
        of_case.where(case_file.c.closed_on.is_(None)),
        select(said.c.village_code).order_by(*newest),
        of_case.order_by(case_file.c.opened_on.desc()),
    ):
        found = connection.execute(query.limit(1)).scalar()
        if found is not None:
            return str(found)
    return None
