"""What casework has of a household, for its erasure: renamed like its assessments, or removed whole."""

from __future__ import annotations

from sqlalchemy import Connection, Table, delete, func, or_, select, update

from serving.storage.case_tables import (
    case_clock,
    case_file,
    case_lead,
    case_move,
    correction,
    household_grid,
    measure_delivery,
    plan_measure,
    rescored_assessment,
    visit,
    worklist_entry,
)
from serving.storage.tables import unheard_household

NAMING: tuple[Table, ...] = (
    rescored_assessment, correction, visit, case_lead, case_file, worklist_entry, household_grid,
    unheard_household,
)  # fmt: skip
"""Tables of casework whose rows name a household, and that of runs which knew nothing of it."""


def count_casework(connection: Connection, household_id: str) -> int:
    """How many rows of casework name a household."""
    return sum(
        connection.execute(
            select(func.count()).select_from(table).where(table.c.household_id == household_id)
        ).scalar_one()
        for table in NAMING
    )


def rename_casework(connection: Connection, household_id: str, pseudonym: str) -> None:
    """Let every row of casework name a pseudonym in place of a household."""
    told = select(rescored_assessment).where(rescored_assessment.c.household_id == household_id)
    for row in connection.execute(told).all():
        body = {**row.body, "household_id": pseudonym}
        of_row = update(rescored_assessment).where(rescored_assessment.c.id == row.id)
        connection.execute(of_row.values(body=body))
    for table in NAMING:
        renamed = update(table).where(table.c.household_id == household_id)
        connection.execute(renamed.values(household_id=pseudonym))


def remove_casework(connection: Connection, household_id: str) -> None:
    """Delete everything that casework has of a household, what hangs on a row before the row."""
    cases = select(case_file.c.id).where(case_file.c.household_id == household_id)
    planned = select(plan_measure.c.id).where(plan_measure.c.case_id.in_(cases))
    own = [
        (rescored_assessment, rescored_assessment.c.household_id == household_id),
        (measure_delivery, measure_delivery.c.plan_measure_id.in_(planned)),
        (plan_measure, plan_measure.c.case_id.in_(cases)),
        (correction, correction.c.household_id == household_id),
        (visit, visit.c.household_id == household_id),
        (case_clock, case_clock.c.case_id.in_(cases)),
        (case_move, case_move.c.case_id.in_(cases)),
        (case_lead, or_(case_lead.c.household_id == household_id, case_lead.c.case_id.in_(cases))),
        (case_file, case_file.c.household_id == household_id),
        (worklist_entry, worklist_entry.c.household_id == household_id),
        (household_grid, household_grid.c.household_id == household_id),
        (unheard_household, unheard_household.c.household_id == household_id),
    ]
    for table, condition in own:
        connection.execute(delete(table).where(condition))
