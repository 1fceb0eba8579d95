"""What stands in front of moves: asked within a move's transaction, with what is recorded beside the case."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, exists, select

from serving.cases.case import Case
from serving.cases.errors import RelapseInstead
from serving.cases.exclusion import check_exclusion
from serving.cases.moves import IDENTIFY
from serving.cases.state import CaseState
from serving.cases.visit import Finding
from serving.storage.case_tables import case_file
from serving.storage.cases import Guard
from serving.storage.elimination import lock_elimination
from serving.storage.keys import utc_now
from serving.storage.visits import visits_of_case


def move_guards(now: Callable[[], dt.datetime] = utc_now) -> Mapping[str, Guard]:
    """The guards of a service, by the moves that they are asked about."""
    return {
        "resolve": lock_elimination(now),
        "exclude": look_before_exclusion,
        IDENTIFY: look_before_identification,
    }


def look_before_exclusion(connection: Connection, case: Case, facts: Mapping[str, Any]) -> None:
    """The guard of the move that says a case is none: it raises `FactsRefused`."""
    met = [one for one in visits_of_case(connection, case.id, None) if one.finding is not Finding.NOT_MET]
    last = met[-1] if met else None
    is_in_need = last is not None and (last.finding is Finding.DIFFICULTY or last.has_gap)
    check_exclusion(facts["reason"], is_met=bool(met), is_in_need=is_in_need)


def look_before_identification(connection: Connection, case: Case, facts: Mapping[str, Any]) -> None:
    """The guard of the county's identification: it raises `RelapseInstead` (DOMAIN §2: relapse after an
    elimination is 风险回退, no new identification)."""
    resolved = exists().where(
        case_file.c.household_id == case.household_id,
        case_file.c.village_code == case.village_code,
        case_file.c.state == CaseState.RESOLVED.value,
    )
    if connection.execute(select(resolved)).scalar():
        raise RelapseInstead
