"""Casework that was kept long enough: closed cases with all that hangs on them, visits, and worklists.

Nothing open goes, however old: no case that runs, has a deadline that does, or went on in a relapse that
runs (what was planned in it counts there), no correction that waits for its review, no list that is in force.
A correction that was approved is laid over the departments' facts for as long as they are read, so it stays,
and its visit with it.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Connection, delete, exists, select, update

from serving.cases.correction import CorrectionState
from serving.cases.state import CaseState
from serving.storage.case_tables import (
    case_clock,
    case_file,
    case_lead,
    case_move,
    correction,
    measure_delivery,
    plan_measure,
    visit,
    worklist,
    worklist_entry,
)

_NEEDED = exists().where(
    correction.c.visit_id == visit.c.id, correction.c.state != CorrectionState.REFUSED.value
)


def delete_closed_cases(connection: Connection, before: dt.date) -> int:
    """Delete cases that were closed before a day, with leads, moves, deadlines, plans and ledgers; how many.

    Their visits stay without a case: they have a time of their own.
    """
    runs = exists().where(case_clock.c.case_id == case_file.c.id, case_clock.c.stopped_on.is_(None))
    relapse = case_file.alias()
    goes_on = exists().where(
        case_file.c.state == CaseState.JOINED.value,
        relapse.c.household_id == case_file.c.household_id,
        relapse.c.village_code == case_file.c.village_code,
        relapse.c.relapses > 0,
        relapse.c.closed_on.is_(None),
    )
    old = select(case_file.c.id).where(case_file.c.closed_on < before, ~runs, ~goes_on)
    gone = connection.execute(old).scalars().all()
    for case_id in gone:
        planned = select(plan_measure.c.id).where(plan_measure.c.case_id == case_id)
        connection.execute(delete(measure_delivery).where(measure_delivery.c.plan_measure_id.in_(planned)))
        connection.execute(update(visit).where(visit.c.case_id == case_id).values(case_id=None))
        for table in (plan_measure, case_clock, case_move, case_lead):
            connection.execute(delete(table).where(table.c.case_id == case_id))
        connection.execute(delete(case_file).where(case_file.c.id == case_id))
    return len(gone)


def delete_visits(connection: Connection, before: dt.date) -> int:
    """Delete visits of before a day that have no case any more, with what was refused of them; how many."""
    old = select(visit.c.id).where(visit.c.visited_on < before, visit.c.case_id.is_(None), ~_NEEDED)
    connection.execute(delete(correction).where(correction.c.visit_id.in_(old)))
    return connection.execute(delete(visit).where(visit.c.id.in_(old))).rowcount


def delete_worklists(connection: Connection, before: dt.date) -> int:
    """Delete lists that were made before a day and that a later one of the same area followed; how many."""
    later = worklist.alias()
    followed = exists().where(later.c.area_code == worklist.c.area_code, later.c.made_on > worklist.c.made_on)
    old = select(worklist.c.id).where(worklist.c.made_on < before, followed)
    gone = connection.execute(old).scalars().all()
    for list_id in gone:
        connection.execute(delete(worklist_entry).where(worklist_entry.c.worklist_id == list_id))
        connection.execute(delete(worklist).where(worklist.c.id == list_id))
    return len(gone)
