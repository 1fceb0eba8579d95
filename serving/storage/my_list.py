"""A cadre's own list: the open cases of their area and whom of its worklist nobody has met yet, each once.

Why a worklist has somebody (score, a department's alert, the lot) is not read: whoever goes to a household
drawn by lot is to look as they do everywhere, and the list is in no order that tells it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Executable,
    Subquery,
    and_,
    case,
    exists,
    func,
    literal,
    not_,
    null,
    or_,
    select,
    true,
    tuple_,
    union_all,
)

from serving.access import Caller, Scope
from serving.access.purpose import Purpose
from serving.cases.clocks import SOON_DAYS
from serving.cases.visit import Finding
from serving.storage.assessments import Stored, made_of, stored_assessments
from serving.storage.audit import AuditLog
from serving.storage.audit_actions import Action
from serving.storage.case_tables import (
    case_file,
    case_lead,
    household_grid,
    rescored_assessment,
    visit,
    worklist,
    worklist_entry,
)
from serving.storage.database import WRITES
from serving.storage.ranges import inside
from serving.storage.tables import assessment
from serving.storage.transactions import logged, unlogged
from serving.storage.unheard import unheard_since
from serving.storage.worklists import find_lists

NEW_DAYS = 7
"""So long a household counts as new on the list."""
DUES = ("overdue", "soon", "new", "changed", "mine")
"""What of the list may be asked for: late, due soon, new on it, with new facts, or one's own turn."""


@dataclass(frozen=True)
class Wanted:
    """What of the list is asked for; `None` is all of it. `grade` is a level of the practice, 1 the first."""

    due: str | None = None
    grade: int | None = None
    theme: str | None = None
    area: str = ""


@dataclass(frozen=True)
class Totals:
    """How many households the whole list has, and of which sorts; a household may be of several."""

    all: int
    overdue: int
    soon: int
    new: int
    changed: int
    mine: int


@dataclass(frozen=True)
class Entry:
    """One household of the list. Without a case it is there for a worklist alone, made on `listed_on`.

    `is_unheard`: since its assessment, or without one, a run knew nothing of it.
    """

    household_id: str
    village_code: str
    case_id: str | None
    state: str | None
    grade: int | None
    theme: str | None
    owner: str | None
    is_hard: bool
    due_on: dt.date | None
    opened_on: dt.date | None
    last_visited_on: dt.date | None
    listed_on: dt.date | None
    is_new: bool
    is_changed: bool
    grid: str | None = None
    assessment: Stored | None = field(default=None, repr=False)
    is_unheard: bool = False


@dataclass(frozen=True)
class ListPage:
    """Some of the entries asked for, how many there are of them, and the totals of the whole list."""

    items: tuple[Entry, ...]
    count: int
    totals: Totals


class MyListStore:
    """The lists of one database. `today` is the day where the households live.

    Raises `Problem` (503) where the database does not answer or a read cannot be logged.
    """

    def __init__(self, engine: Engine, audit: AuditLog, today: Callable[[], dt.date]) -> None:
        self.engine = engine
        self.writer = engine.execution_options(**WRITES)
        self.audit = audit
        self.today = today

    def page(self, caller: Caller, wanted: Wanted, *, limit: int, offset: int) -> ListPage:
        """A page of what is asked for, the earliest deadline first."""
        today = self.today()
        with unlogged(self.engine) as connection:
            rows = _rows(caller, _current(connection, caller), today)
            counted = connection.execute(_count(rows, caller, wanted, today)).one()
        with logged(self.writer) as connection:
            items = self._read(connection, caller, rows, wanted, limit, offset)
            read = [self.audit.household(one.household_id) for one in items]
            self.audit.append(connection, caller, Action.HOUSEHOLD_LISTED, read)
        return ListPage(tuple(items), counted[0], Totals(*counted[1:]))

    def export(self, caller: Caller, wanted: Wanted, purpose: Purpose, most: int) -> list[Entry]:
        """Everything asked for, up to `most`, logged as taken out of the system for a purpose."""
        today = self.today()
        with logged(self.writer) as connection:
            rows = _rows(caller, _current(connection, caller), today)
            items = self._read(connection, caller, rows, wanted, most, 0)
            read = [self.audit.household(one.household_id) for one in items]
            self.audit.append(connection, caller, Action.LIST_EXPORTED, read, purpose=purpose)
        return items

    def _read(
        self,
        connection: Connection,
        caller: Caller,
        rows: Subquery,
        wanted: Wanted,
        limit: int,
        offset: int,
    ) -> list[Entry]:
        today = self.today()
        query = (
            select(rows)
            .where(*_asked(rows, caller, wanted, today))
            .order_by(
                rows.c.due_on.is_(None),
                rows.c.due_on,
                func.coalesce(rows.c.grade, _NO_GRADE),
                rows.c.household_id,
                rows.c.village_code,
            )
            .limit(limit)
            .offset(offset)
        )
        found = connection.execute(query).all()
        keys = [(one.household_id, one.village_code) for one in found]
        scored, grids = _latest(connection, caller, keys), _grids(connection, keys)
        unheard = unheard_since(connection, caller, {key: _said_at(scored.get(key)) for key in keys})
        return [
            Entry(
                **{
                    **one._mapping,
                    "is_hard": bool(one.is_hard),
                    "is_new": bool(one.is_new),
                    "is_changed": bool(one.is_changed),
                },
                grid=grids.get(key),
                assessment=scored.get(key),
                is_unheard=key in unheard,
            )
            for one, key in zip(found, keys, strict=True)
        ]


_NO_GRADE = 99
_ASSESSED = (assessment, rescored_assessment)


def _current(connection: Connection, caller: Caller) -> ColumnElement[bool]:
    """Which entries are of the lists in force in the caller's area."""
    prefix = caller.scope.prefix
    lists = find_lists(connection, prefix) if prefix else []
    return worklist_entry.c.worklist_id.in_([one.id for one in lists])


def _visible(caller: Caller, column: ColumnElement[str]) -> list[ColumnElement[bool]]:
    return [caller.scope.condition(column), *inside(caller.scope.prefix, column)]


def _rows(caller: Caller, current: ColumnElement[bool], today: dt.date) -> Subquery:
    """Every household of the list, once: its open case, its place on a worklist, or both."""
    listed = (
        select(
            worklist_entry.c.household_id,
            worklist_entry.c.village_code,
            func.max(worklist.c.made_on, type_=worklist.c.made_on.type).label("listed_on"),
        )
        .join(worklist)
        .outerjoin(visit, visit.c.id == worklist_entry.c.visit_id)
        .where(current, *_visible(caller, worklist_entry.c.village_code), _is_waiting())
        .group_by(worklist_entry.c.household_id, worklist_entry.c.village_code)
        .subquery("listed")
    )
    same = and_(
        listed.c.household_id == case_file.c.household_id, listed.c.village_code == case_file.c.village_code
    )
    since = today - dt.timedelta(NEW_DAYS)
    looked_at = func.coalesce(case_file.c.last_visited_on, case_file.c.opened_on)
    has_more = exists().where(case_lead.c.case_id == case_file.c.id, case_lead.c.known_on > looked_at)
    of_cases = (
        select(
            case_file.c.household_id, case_file.c.village_code, case_file.c.id.label("case_id"),
            case_file.c.state, case_file.c.grade, case_file.c.theme, case_file.c.owner, case_file.c.is_hard,
            case_file.c.due_on, case_file.c.opened_on, case_file.c.last_visited_on, listed.c.listed_on,
            _flag(case_file.c.opened_on >= since).label("is_new"),
            _flag(has_more).label("is_changed"),
        )
        .select_from(case_file.outerjoin(listed, same))
        .where(case_file.c.closed_on.is_(None), *_visible(caller, case_file.c.village_code))
    )  # fmt: skip
    has_case = exists().where(
        case_file.c.household_id == listed.c.household_id,
        case_file.c.village_code == listed.c.village_code,
        case_file.c.closed_on.is_(None),
    )
    absent = {
        name: null().cast(case_file.c[name].type).label(name)
        for name in ("state", "grade", "theme", "owner", "due_on", "opened_on", "last_visited_on")
    }
    of_lists = select(
        listed.c.household_id, listed.c.village_code, null().cast(case_file.c.id.type).label("case_id"),
        absent["state"], absent["grade"], absent["theme"], absent["owner"], literal(0).label("is_hard"),
        absent["due_on"], absent["opened_on"], absent["last_visited_on"], listed.c.listed_on,
        _flag(listed.c.listed_on >= since).label("is_new"), literal(0).label("is_changed"),
    ).where(not_(has_case))  # fmt: skip
    return union_all(of_cases, of_lists).subquery("mine")


def _is_waiting() -> ColumnElement[bool]:
    """Whether nobody of a household on a worklist was met yet: who was not at home is gone to again."""
    return or_(worklist_entry.c.visit_id.is_(None), visit.c.finding == Finding.NOT_MET.value)


def _flag(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return case((condition, 1), else_=0)


def _dues(rows: Subquery, caller: Caller, today: dt.date) -> dict[str, ColumnElement[bool]]:
    until = today + dt.timedelta(SOON_DAYS)
    return {
        "overdue": and_(rows.c.due_on.is_not(None), rows.c.due_on < today),
        "soon": and_(rows.c.due_on.is_not(None), rows.c.due_on >= today, rows.c.due_on <= until),
        "new": rows.c.is_new == 1,
        "changed": rows.c.is_changed == 1,
        "mine": and_(rows.c.owner.is_not(None), rows.c.owner == caller.role.value),
    }


def _asked(rows: Subquery, caller: Caller, wanted: Wanted, today: dt.date) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.due is not None:
        conditions.append(_dues(rows, caller, today)[wanted.due])
    if wanted.grade is not None:
        conditions.append(rows.c.grade == wanted.grade)
    if wanted.theme is not None:
        conditions.append(rows.c.theme == wanted.theme)
    if wanted.area:
        conditions.append(Scope(wanted.area).condition(rows.c.village_code))
    return conditions


def _count(rows: Subquery, caller: Caller, wanted: Wanted, today: dt.date) -> Executable:
    asked = and_(true(), *_asked(rows, caller, wanted, today))
    dues = _dues(rows, caller, today)

    def number(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.coalesce(func.sum(_flag(condition)), 0)

    columns: list[ColumnElement[int]] = [number(asked), func.count(), *(number(dues[one]) for one in DUES)]
    return select(*columns).select_from(rows)


def _latest(
    connection: Connection, caller: Caller, keys: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], Stored]:
    """The latest assessment of each household; of several models' the one written last."""
    newest: dict[tuple[str, str], tuple[dt.date, dt.datetime, int, str]] = {}
    for table in _ASSESSED if keys else ():
        # Without the answers, of which all but one of a household would be read in vain.
        marks = select(
            table.c.household_id, table.c.village_code, table.c.as_of_date, table.c.written_at, table.c.id
        ).where(
            table.c.household_id.in_(sorted({household for household, _ in keys})),
            caller.scope.condition(table.c.village_code),
        )
        for household, village, as_of, written_at, number in connection.execute(marks):
            one = (as_of, written_at, number, table.name)
            newest[household, village] = max(newest.get((household, village), one), one)
    made = {}
    for table in _ASSESSED:
        chosen = [newest[key][2] for key in keys if key in newest and newest[key][3] == table.name]
        query = stored_assessments(table.c.household_id, of=table).where(table.c.id.in_(chosen))
        for row in connection.execute(query) if chosen else ():
            made[row.household_id, row.village_code] = made_of(row)
    return made


def _said_at(stored: Stored | None) -> tuple[dt.date, dt.datetime] | None:
    return (dt.date.fromisoformat(stored.body["as_of_date"]), stored.written_at) if stored else None


def _grids(connection: Connection, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
    if not keys:
        return {}
    place = tuple_(household_grid.c.household_id, household_grid.c.village_code)
    found = connection.execute(select(household_grid).where(place.in_(list(keys))))
    return {(one.household_id, one.village_code): one.grid for one in found}
