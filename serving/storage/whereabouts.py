"""Where a household is, as far as a caller may see: the village that what is recorded of it belongs to."""

from __future__ import annotations

from sqlalchemy import Connection, select

from serving.access import Caller
from serving.storage.case_tables import case_file
from serving.storage.tables import assessment, unheard_household


def find_village(connection: Connection, caller: Caller, household_id: str) -> str | None:
    """The village of the household's open case, else of its last assessment, else of the last run that knew
    nothing of it, else of its last case.

    `None` for a household that is nowhere in the caller's area: outside and nonexistent look the same.
    """
    of_case = select(case_file.c.village_code).where(
        case_file.c.household_id == household_id, caller.scope.condition(case_file.c.village_code)
    )
    of_assessment = (
        select(assessment.c.village_code)
        .where(assessment.c.household_id == household_id, caller.scope.condition(assessment.c.village_code))
        .order_by(assessment.c.as_of_date.desc(), assessment.c.written_at.desc())
    )
    of_unheard = (
        select(unheard_household.c.village_code)
        .where(
            unheard_household.c.household_id == household_id,
            caller.scope.condition(unheard_household.c.village_code),
        )
        .order_by(unheard_household.c.as_of_date.desc())
    )
    for query in (
        of_case.where(case_file.c.closed_on.is_(None)),
        of_assessment,
        of_unheard,
        of_case.order_by(case_file.c.opened_on.desc()),
    ):
        found = connection.execute(query.limit(1)).scalar()
        if found is not None:
            return str(found)
    return None
