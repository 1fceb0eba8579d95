"""What a list of cases is filtered by, as conditions that use the table's indexes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, and_

from serving.access import Scope
from serving.cases.clocks import SOON_DAYS
from serving.cases.state import CaseState
from serving.storage.case_tables import case_file
from serving.storage.ranges import inside


class Due(StrEnum):
    """How near the earliest deadline of a case is."""

    OVERDUE = "overdue"
    TODAY = "today"
    SOON = "soon"


@dataclass(frozen=True)
class CaseFilter:
    """What of the caller's cases is asked for; without `states` of every state. `area` is a code."""

    states: Collection[CaseState] = ()
    owner: str | None = None
    due: Due | None = None
    theme: str | None = None
    grade: int | None = None
    area: str = ""


def conditions_of(asked: CaseFilter, scope: Scope, today: dt.date) -> list[ColumnElement[bool]]:
    """The conditions of a filter within a scope, on a day."""
    village, due = case_file.c.village_code, case_file.c.due_on
    made = [scope.condition(village), *inside(scope.prefix, village)]
    if asked.area:
        made += [Scope(asked.area).condition(village), *inside(asked.area, village)]
    if asked.states:
        made.append(case_file.c.state.in_(sorted(one.value for one in asked.states)))
    if asked.owner is not None:
        made.append(case_file.c.owner == asked.owner)
    if asked.theme is not None:
        made.append(case_file.c.theme == asked.theme)
    if asked.grade is not None:
        made.append(case_file.c.grade == asked.grade)
    match asked.due:
        case Due.OVERDUE:
            made.append(due < today)
        case Due.TODAY:
            made.append(due == today)
        case Due.SOON:
            made.append(and_(due >= today, due <= today + dt.timedelta(days=SOON_DAYS)))
    return made
