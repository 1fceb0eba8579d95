"""What a list of cases is filtered by, as conditions that use the table's indexes, and its order."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, case, func, null, or_

from serving.access import Scope
from serving.cases.case import Case
from serving.cases.casework import OWNER
from serving.cases.clocks import SOON_DAYS, escalation_bounds
from serving.cases.people import LEVELS
from serving.cases.state import CaseState
from serving.storage.case_tables import case_file
from serving.storage.page_mark import read_mark, write_mark
from serving.storage.ranges import inside

TOLD = (OWNER, *LEVELS)
"""Who may be told of an overdue case: nobody above its owner, or a level."""
ORDER = (case_file.c.due_on.asc().nulls_last(), case_file.c.grade, case_file.c.id)
"""The nearest deadline first, then the most urgent grade; cases without a deadline last."""


class Due(StrEnum):
    """How near the earliest deadline of a case is."""

    OVERDUE = "overdue"
    TODAY = "today"
    SOON = "soon"


@dataclass(frozen=True)
class CaseFilter:
    """What of the caller's cases is asked for; without `states` of every state. `area` is a code, `told` one
    of `TOLD`: cases that are overdue so long."""

    states: Collection[CaseState] = ()
    owner: str | None = None
    due: Due | None = None
    theme: str | None = None
    grade: int | None = None
    area: str = ""
    told: str | None = None


@dataclass(frozen=True)
class Place:
    """Where a case stands in the order of a list."""

    due_on: dt.date | None
    grade: int
    case_id: str

    @classmethod
    def of(cls, one: Case) -> Place:
        """The place of a case."""
        return cls(one.due_on, one.grade, one.id)

    @classmethod
    def read(cls, mark: str) -> Place:
        """The place that a mark tells of; raises `ValueError` for a text that is none."""
        due, grade, case_id = read_mark(mark, (str, int, str))
        return cls(dt.date.fromisoformat(due) if due else None, grade, case_id)

    @property
    def mark(self) -> str:
        """The place as a client is given it."""
        return write_mark(self.due_on.isoformat() if self.due_on else "", self.grade, self.case_id)

    @property
    def after(self) -> ColumnElement[bool]:
        """The condition of standing behind it."""
        due, grade = case_file.c.due_on, case_file.c.grade
        later = or_(grade > self.grade, and_(grade == self.grade, case_file.c.id > self.case_id))
        if self.due_on is None:
            return and_(due.is_(None), later)
        return or_(due > self.due_on, and_(due == self.due_on, later), due.is_(None))


def conditions_of(asked: CaseFilter, scope: Scope, today: dt.date) -> list[ColumnElement[bool]]:
    """The conditions of a filter within a scope, on a day."""
    village, due = case_file.c.village_code, case_file.c.due_on
    made = [scope.condition(village), *inside(scope.prefix, village)]
    if asked.area:
        made += [Scope(asked.area).condition(village), *inside(asked.area, village)]
    if asked.states:
        # Not the bare column: SQLite would read every row of these states to find those of an area.
        made.append(func.substr(case_file.c.state, 1).in_(sorted(one.value for one in asked.states)))
    if asked.owner is not None:
        made.append(case_file.c.owner == asked.owner)
    if asked.theme is not None:
        made.append(case_file.c.theme == asked.theme)
    if asked.grade is not None:
        made.append(case_file.c.grade == asked.grade)
    if asked.told is not None:
        made.append(told_of(asked.area or scope.prefix or "", today) == asked.told)
    match asked.due:
        case Due.OVERDUE:
            made.append(due < today)
        case Due.TODAY:
            made.append(due == today)
        case Due.SOON:
            made.append(and_(due >= today, due <= today + dt.timedelta(days=SOON_DAYS)))
    return made


def told_of(area_code: str, today: dt.date) -> ColumnElement[str | None]:
    """Who of `TOLD` is told of a case, NULL while it is not overdue. The days are the area's policy."""
    due, owner = case_file.c.due_on, case_file.c.owner
    of_owner = [
        (and_(owner == one, due <= bound), level)
        for one in LEVELS
        for level, bound in escalation_bounds(one, area_code, today)
    ]
    # Whoever stands on no level is told of like a village's official.
    others = [(due <= bound, level) for level, bound in escalation_bounds(LEVELS[0], area_code, today)]
    is_other = owner.not_in(LEVELS)
    return case(
        (or_(due.is_(None), due >= today), null()),
        *of_owner,
        *((and_(is_other, condition), level) for condition, level in others),
        else_=OWNER,
    )
