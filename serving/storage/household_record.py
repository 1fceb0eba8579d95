"""What was said and done about one household, read in one transaction and logged as one reading."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, TypeAlias

from sqlalchemy import Connection, Engine, Row, select

from scoring.silence import newly_silent
from serving.access import Caller
from serving.cases.case import Case
from serving.cases.clocks import china_day
from serving.storage.audit import AuditLog
from serving.storage.audit_actions import Action, Outcome
from serving.storage.beside import find_beside
from serving.storage.case_history import WholeCase, moves_of
from serving.storage.case_rows import case_of, find_case, find_clocks
from serving.storage.case_tables import case_file, case_lead, visit
from serving.storage.corrections import StoredCorrection, corrections_of
from serving.storage.database import WRITES
from serving.storage.keys import utc_now
from serving.storage.leads import KeptLead, kept_lead
from serving.storage.rescored import every_assessment
from serving.storage.stored_visits import StoredVisit, stored_visit
from serving.storage.transactions import logged
from serving.storage.unheard import unheard_moments

Moment: TypeAlias = tuple[dt.date, dt.datetime]
"""Of which day something was said, and when it was written."""

MOST_POINTS = 24
MOST_VISITS = 50
MOST_CASES = 20


@dataclass(frozen=True)
class Point:
    """One score of a household's course; `is_cut` where feeds fell silent since the one before, or nothing at
    all was known in between."""

    as_of: dt.date
    score: float
    model_version: str
    is_cut: bool = False


@dataclass(frozen=True)
class HouseholdRecord:
    """A household's open case, or the one closed last; the cases before it, the latest closed first; its
    leads, the earliest first; visits and scores, the latest first. `corrections` are those that each visit
    proposed, by its id."""

    whole: WholeCase | None
    leads: tuple[KeptLead, ...]
    visits: tuple[StoredVisit, ...]
    course: tuple[Point, ...]
    earlier: tuple[Case, ...] = ()
    corrections: Mapping[str, Sequence[StoredCorrection]] = field(default_factory=dict)


class RecordStore:
    """The records of one database. Raises `Problem` (503) where it does not answer or cannot log."""

    def __init__(self, engine: Engine, audit: AuditLog, now: Callable[[], dt.datetime] = utc_now) -> None:
        self.writer = engine.execution_options(**WRITES)
        self.audit = audit
        self.now = now

    @property
    def today(self) -> dt.date:
        """The day in China."""
        return china_day(self.now())

    def find_case(self, caller: Caller, case_id: str) -> WholeCase | None:
        """All of one case; `None` for one that the caller may not see, which is logged as well."""
        with logged(self.writer) as connection:
            case = find_case(connection, caller, case_id)
            if case is None:
                subject, outcome = self.audit.value("case", case_id), Outcome.NOT_FOUND
            else:
                subject, outcome = self.audit.household(case.household_id), Outcome.SHOWN
            self.audit.append(connection, caller, Action.HOUSEHOLD_READ, [subject], outcome)
            return None if case is None else _whole(connection, case, self.today)

    def find(self, caller: Caller, household_id: str) -> HouseholdRecord:
        """What the caller may see of a household; nothing of one that is elsewhere or nowhere."""
        with logged(self.writer) as connection:
            whole, earlier = _cases(connection, caller, household_id, self.today)
            visits = _visits(connection, caller, household_id)
            unheard = unheard_moments(connection, caller, household_id)
            found = HouseholdRecord(
                whole,
                _leads(connection, caller, household_id),
                visits,
                _course(connection, caller, household_id, unheard),
                earlier,
                corrections_of(connection, [one.id for one in visits]),
            )
            is_there = found.whole or found.leads or found.visits or found.course or unheard
            outcome = Outcome.SHOWN if is_there else Outcome.NOT_FOUND
            subject = [self.audit.household(household_id)]
            self.audit.append(connection, caller, Action.HOUSEHOLD_READ, subject, outcome)
        return found


def _cases(
    connection: Connection, caller: Caller, household_id: str, today: dt.date
) -> tuple[WholeCase | None, tuple[Case, ...]]:
    query = (
        select(case_file)
        .where(case_file.c.household_id == household_id, caller.scope.condition(case_file.c.village_code))
        .order_by(case_file.c.closed_on.is_not(None), case_file.c.closed_on.desc(), case_file.c.id)
        .limit(MOST_CASES)
    )
    found = [case_of(row) for row in connection.execute(query)]
    if not found:
        return None, ()
    now, *others = found
    # The same key in another village is another household's.
    earlier = tuple(one for one in others if one.village_code == now.village_code)
    return _whole(connection, now, today), earlier


def _whole(connection: Connection, case: Case, today: dt.date) -> WholeCase:
    clocks, moves = find_clocks(connection, case.id), moves_of(connection, case.id)
    return WholeCase(case, clocks, moves, find_beside(connection, case, today))


def _leads(connection: Connection, caller: Caller, household_id: str) -> tuple[KeptLead, ...]:
    query = select(case_lead).where(
        case_lead.c.household_id == household_id, caller.scope.condition(case_lead.c.village_code)
    )
    rows = connection.execute(query.order_by(case_lead.c.occurred_on, case_lead.c.id))
    return tuple(kept_lead(one) for one in rows)


def _visits(connection: Connection, caller: Caller, household_id: str) -> tuple[StoredVisit, ...]:
    query = (
        select(visit)
        .where(visit.c.household_id == household_id, caller.scope.condition(visit.c.village_code))
        .order_by(visit.c.visited_on.desc(), visit.c.received_at.desc(), visit.c.id)
        .limit(MOST_VISITS)
    )
    return tuple(stored_visit(one) for one in connection.execute(query))


def _course(
    connection: Connection, caller: Caller, household_id: str, unheard: Sequence[Moment]
) -> tuple[Point, ...]:
    """The latest scores, one a date: of several of a date the one written last."""
    every = every_assessment()
    query = (
        select(every.c.as_of_date, every.c.written_at, every.c.body, every.c.model_version)
        .where(every.c.household_id == household_id, caller.scope.condition(every.c.village_code))
        .order_by(every.c.as_of_date.desc(), every.c.written_at.desc(), every.c.id.desc())
        # A date may have several: of other models, or made again after a correction.
        .limit(2 * MOST_POINTS)
    )
    last: dict[dt.date, Any] = {}
    for one in connection.execute(query):
        last.setdefault(one.as_of_date, one)
    rows = list(last.values())[:MOST_POINTS]
    return tuple(
        Point(
            one.as_of_date,
            one.body["score"],
            one.model_version,
            before is not None
            and (
                bool(newly_silent(before.body, one.body))
                or any(_moment(before) < silent < _moment(one) for silent in unheard)
            ),
        )
        for one, before in zip_longest(rows, rows[1:])
    )


def _moment(row: Row[Any]) -> Moment:
    return row.as_of_date, row.written_at
