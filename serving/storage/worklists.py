"""Worklists: made once for an area and day, read page by page, added to by hand."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, func, or_, select, tuple_

from features.regions import AREA_LEVELS
from serving.access import Caller, Scope
from serving.cases.list_making import Lists
from serving.cases.worklist import Entry, Why
from serving.errors import Problem
from serving.storage.audit import AuditLog
from serving.storage.audit_actions import Action, Outcome
from serving.storage.case_tables import case_file, worklist, worklist_entry
from serving.storage.database import WRITES, lock_for_all
from serving.storage.keys import utc_now
from serving.storage.page_mark import write_mark
from serving.storage.ranges import inside
from serving.storage.transactions import logged, unlogged
from serving.storage.unheard import told_of

_LOCK = 9
_ENTRIES_AT_ONCE = 5_000

ADD_REASONS = ("sudden_event", "household_request", "neighbours_report", "known_difficulty", "former_object")
"""Why somebody adds a household by hand: 突发变故, 农户要求, 群众反映, 干部掌握, 曾经纳入."""


@dataclass(frozen=True)
class Worklist:
    """One making of the lists of an area, without its entries."""

    id: str
    area_code: str
    made_on: dt.date
    as_of_date: dt.date
    model_version: str
    made_at: dt.datetime


@dataclass(frozen=True)
class Listed:
    """One entry as it is read, with the open case of its household if it has one."""

    entry: Entry
    worklist_id: str
    added_by: str | None
    reason: str | None
    visit_id: str | None
    case_id: str | None
    case_state: str | None
    case_due_on: dt.date | None


@dataclass(frozen=True)
class ListPage:
    """Some entries of the lists in force in an area, by village and place, and how many there are.

    `terms` are those of each list shown; `after` is where the next page begins, `None` at the end.
    """

    worklists: tuple[Worklist, ...]
    items: tuple[Listed, ...]
    total: int
    after: str | None


class WorklistStore:
    """The lists of one database. Whoever reads is in the audit log; `Problem` (503) where it fails."""

    def __init__(
        self, engine: Engine, audit: AuditLog, now: Callable[[], dt.datetime] = utc_now
    ) -> None:  # fmt: skip
        self.engine = engine
        self.writer = engine.execution_options(**WRITES)
        self.audit = audit
        self.now = now

    def save(
        self, caller: Caller, made: Worklist, lists: Lists, terms: dict[str, Any]
    ) -> Worklist | None:  # fmt: skip
        """Keep the lists of an area; `None`, and nothing is kept, where it has lists of that day."""
        rows = [{**_entry_row(one), "worklist_id": made.id} for one in lists.entries]
        with logged(self.writer) as connection:
            lock_for_all(connection, _LOCK)
            there = select(worklist.c.id).where(
                worklist.c.area_code == made.area_code, worklist.c.made_on == made.made_on
            )
            if connection.execute(there).first() is not None:
                return None
            connection.execute(worklist.insert().values(**asdict(made), terms=terms))
            for start in range(0, len(rows), _ENTRIES_AT_ONCE):
                connection.execute(worklist_entry.insert(), rows[start : start + _ENTRIES_AT_ONCE])
            self.audit.append(connection, caller, Action.WORKLIST_MADE, [made.id], Outcome.DONE)
        return made

    def find_made(self, area_code: str, made_on: dt.date) -> Worklist | None:
        """The lists of an area and day, if they were made."""
        query = select(worklist).where(worklist.c.area_code == area_code, worklist.c.made_on == made_on)
        with unlogged(self.engine) as connection:
            row = connection.execute(query).first()
        return _worklist(row) if row else None

    def has_drawn(self, area_code: str, month: dt.date) -> bool:
        """Whether some households of the area were drawn by lot in a month: a month has one chance."""
        first = month.replace(day=1)
        after = (first + dt.timedelta(days=32)).replace(day=1)
        query = (
            select(worklist.c.id)
            .join(worklist_entry)
            .where(
                _overlaps(area_code), worklist.c.made_on >= first, worklist.c.made_on < after,
                worklist_entry.c.why == Why.RANDOM,
            )
            .limit(1)
        )  # fmt: skip
        with unlogged(self.engine) as connection:
            return connection.execute(query).first() is not None

    def page(
        self,
        caller: Caller,
        area_code: str,
        *,
        made_on: dt.date | None = None,
        why: Why | None = None,
        limit: int = 50,
        after: tuple[str, int, str] | None = None,
    ) -> ListPage | None:
        """A page of the lists in force in an area, or of those of a day.

        `None` for an area outside of the caller's, or one that no list was made for.
        """
        if not caller.scope.contains(area_code):
            return None
        with logged(self.writer) as connection:
            lists = find_lists(connection, area_code, made_on)
            if not lists:
                return None
            items: list[Listed] = []
            for one in lists:
                if len(items) <= limit:
                    room = limit + 1 - len(items)
                    items += _entries(connection, caller, one, area_code, why, room, after)
            total = _count(connection, caller, lists, area_code, why)
            page = items[:limit]
            read = [self.audit.household(one.entry.household_id) for one in page]
            self.audit.append(connection, caller, Action.HOUSEHOLD_LISTED, read)
        mark = None
        if len(items) > limit:
            last = page[-1].entry
            mark = write_mark(last.village_code, last.place, last.household_id)
        return ListPage(tuple(lists), tuple(page), total, mark)

    def add_by_hand(
        self, caller: Caller, area_code: str, household_id: str, reason: str
    ) -> Listed | None:  # fmt: skip
        """Put a household on the list in force in its village; one that is listed stays as it is.

        `None` for a household that the caller may not see in the area. Raises `Problem` where its village has
        no list, `ValueError` for a reason that is none of `ADD_REASONS`.
        """
        if reason not in ADD_REASONS:
            raise ValueError("no such reason")
        with logged(self.writer) as connection:
            lock_for_all(connection, _LOCK)
            village = _village_of(connection, caller, area_code, household_id)
            subject = [self.audit.household(household_id)]
            if village is None:
                self.audit.append(connection, caller, Action.WORKLIST_ADDED, subject, Outcome.NOT_FOUND)
                return None
            lists = find_lists(connection, village.village_code)
            if lists:
                found = find_entry(connection, lists[0].id, household_id, village.village_code)
                if found is None:
                    entry = _added(connection, lists[0].id, village)
                    more = {"worklist_id": lists[0].id, "added_by": caller.key_id, "reason": reason}
                    connection.execute(worklist_entry.insert().values(**_entry_row(entry), **more))
                    found = find_entry(connection, lists[0].id, household_id, village.village_code)
                self.audit.append(connection, caller, Action.WORKLIST_ADDED, subject, Outcome.DONE)
        if not lists:
            raise Problem("worklist_not_found")
        return found


def new_worklist(area_code: str, made_on: dt.date, as_of: dt.date, model: str, now: dt.datetime) -> Worklist:
    """A worklist that is not kept yet."""
    return Worklist(uuid.uuid4().hex, area_code, made_on, as_of, model, now)


def find_lists(
    connection: Connection, area_code: str, made_on: dt.date | None = None
) -> list[Worklist]:  # fmt: skip
    """The lists in force in an area, in the order of their areas.

    Of lists that overlap the newest is in force: a county's own takes the place of its townships' older ones.
    """
    query = select(*(worklist.c[name] for name in _HEAD)).where(_overlaps(area_code))
    if made_on is not None:
        query = query.where(worklist.c.made_on == made_on)
    newest_first = query.order_by(worklist.c.made_on.desc(), worklist.c.made_at.desc(), worklist.c.id)
    chosen: list[Worklist] = []
    for row in connection.execute(newest_first):
        one = _worklist(row)
        if not any(_is_one_inside(one.area_code, other.area_code) for other in chosen):
            chosen.append(one)
            if area_code.startswith(one.area_code):
                break
    return sorted(chosen, key=lambda one: one.area_code)


def find_entry(connection: Connection, worklist_id: str, household_id: str, village: str) -> Listed | None:
    """The entry of a household, if it is listed."""
    query = _with_case().where(
        worklist_entry.c.worklist_id == worklist_id, worklist_entry.c.household_id == household_id,
        worklist_entry.c.village_code == village,
    )  # fmt: skip
    row = connection.execute(query).first()
    return _listed(row) if row else None


def find_last_place(connection: Connection, worklist_id: str, village: str, grid: str) -> float | None:
    """The score of the last place that the score gave, `None` where it gave none."""
    query = select(func.min(worklist_entry.c.score)).where(
        worklist_entry.c.worklist_id == worklist_id, worklist_entry.c.village_code == village,
        worklist_entry.c.grid == grid, worklist_entry.c.why == Why.SCORE,
    )  # fmt: skip
    found: float | None = connection.execute(query).scalar_one()
    return found


def terms_of(connection: Connection, worklist_id: str) -> dict[str, Any]:
    """The terms that a list was made on."""
    found: dict[str, Any] = connection.execute(
        select(worklist.c.terms).where(worklist.c.id == worklist_id)
    ).scalar_one()
    return found


_HEAD = ("id", "area_code", "made_on", "as_of_date", "model_version", "made_at")
_ORDER = (worklist_entry.c.village_code, worklist_entry.c.place, worklist_entry.c.household_id)


def _overlaps(area_code: str) -> ColumnElement[bool]:
    around = [area_code[:length] for length in AREA_LEVELS if length <= len(area_code)]
    column = worklist.c.area_code
    return or_(column.in_(around), Scope(area_code).condition(column))


def _is_one_inside(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def _conditions(
    caller: Caller, made: Sequence[Worklist], area_code: str, why: Why | None
) -> list[ColumnElement[bool]]:  # fmt: skip
    village = worklist_entry.c.village_code
    conditions = [
        worklist_entry.c.worklist_id.in_([one.id for one in made]), caller.scope.condition(village),
        Scope(area_code).condition(village), *inside(area_code, village),
    ]  # fmt: skip
    return conditions if why is None else [*conditions, worklist_entry.c.why == why]


def _entries(
    connection: Connection, caller: Caller, made: Worklist, area_code: str, why: Why | None, limit: int,
    after: tuple[str, int, str] | None,
) -> list[Listed]:  # fmt: skip
    query = _with_case().where(*_conditions(caller, [made], area_code, why))
    if after is not None:
        # The village by itself as well, for the index.
        query = query.where(
            _ORDER[0] >= after[0], tuple_(*_ORDER) > tuple_(*after, types=[one.type for one in _ORDER])
        )
    rows = connection.execute(query.order_by(*_ORDER).limit(limit)).all()
    return [_listed(one) for one in rows]


def _count(
    connection: Connection, caller: Caller, made: Sequence[Worklist], area_code: str, why: Why | None
) -> int:  # fmt: skip
    query = select(func.count()).select_from(worklist_entry)
    return int(connection.execute(query.where(*_conditions(caller, made, area_code, why))).scalar_one())


def _with_case() -> Any:
    is_its_case = (
        (case_file.c.household_id == worklist_entry.c.household_id)
        & (case_file.c.village_code == worklist_entry.c.village_code)
        & case_file.c.closed_on.is_(None)
    )
    read = (case_file.c.id.label("case_id"), case_file.c.state, case_file.c.due_on)
    return select(worklist_entry, *read).outerjoin(case_file, is_its_case)


def _village_of(connection: Connection, caller: Caller, area_code: str, household_id: str) -> Row[Any] | None:
    said = told_of(household_id, caller.scope, Scope(area_code))
    newest = (said.c.as_of_date.desc(), said.c.written_at.desc(), said.c.id.desc())
    return connection.execute(select(said).order_by(*newest).limit(1)).first()


def _added(connection: Connection, worklist_id: str, found: Row[Any]) -> Entry:
    last = select(func.coalesce(func.max(worklist_entry.c.place), 0)).where(
        worklist_entry.c.worklist_id == worklist_id, worklist_entry.c.village_code == found.village_code
    )
    place = connection.execute(last).scalar_one() + 1
    return Entry(found.household_id, found.village_code, "", place, Why.ADDED, found.score)


def _entry_row(one: Entry) -> dict[str, Any]:
    return {**asdict(one), "why": one.why.value, "is_tied": int(one.is_tied)}


def _worklist(row: Row[Any]) -> Worklist:
    return Worklist(**{name: getattr(row, name) for name in _HEAD})


def _listed(row: Row[Any]) -> Listed:
    entry = Entry(
        row.household_id, row.village_code, row.grid, row.place, Why(row.why), row.score, bool(row.is_tied),
        row.chance,
    )  # fmt: skip
    return Listed(
        entry, row.worklist_id, row.added_by, row.reason, row.visit_id, row.case_id, row.state, row.due_on
    )
