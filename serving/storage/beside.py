"""What is recorded beside a case and decides what may be done with it, read in somebody's transaction."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Connection, exists, select

from serving.cases.case import Case
from serving.cases.elimination import judge_elimination
from serving.cases.offers import Beside
from serving.cases.state import CaseState
from serving.storage.case_tables import case_file
from serving.storage.elimination_facts import gather_facts
from serving.storage.met import find_met


def find_beside(connection: Connection, case: Case, on: dt.date) -> Beside:
    """All of it as it stands on a day, but for what the register says: that is in files."""
    is_helped = not case.is_closed and case.identified_on is not None
    return Beside(
        find_met(connection, case.id),
        judge_elimination(gather_facts(connection, case, on)) if is_helped else (),
        has_resolved(connection, case),
    )


def has_resolved(connection: Connection, case: Case) -> bool:
    """Whether another case of the household is one whose risk was marked as gone."""
    resolved = exists().where(
        case_file.c.household_id == case.household_id,
        case_file.c.village_code == case.village_code,
        case_file.c.state == CaseState.RESOLVED.value,
        case_file.c.id != case.id,
    )
    return bool(connection.execute(select(resolved)).scalar())
