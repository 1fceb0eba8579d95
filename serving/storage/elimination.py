"""The facts of the elimination lock, gathered in the transaction of the move; and the watch for a relapse."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    ScalarSelect,
    Text,
    and_,
    case,
    cast,
    func,
    or_,
    select,
    union_all,
)

from serving.access import Caller
from serving.cases.case import Case
from serving.cases.clocks import china_day
from serving.cases.codes import DUPLICATE
from serving.cases.elimination import (
    Condition,
    check_elimination,
    judge_elimination,
)
from serving.cases.state import CaseState
from serving.storage.audit import AuditLog
from serving.storage.audit_actions import Action, Outcome
from serving.storage.case_rows import case_of
from serving.storage.case_tables import case_file, case_lead, rescored_assessment
from serving.storage.cases import Guard
from serving.storage.database import WRITES
from serving.storage.elimination_facts import gather_facts
from serving.storage.keys import utc_now
from serving.storage.tables import assessment
from serving.storage.transactions import logged

_RANKS = {"low": 0, "medium": 1, "high": 2}


def lock_elimination(now: Callable[[], dt.datetime] = utc_now) -> Guard:
    """The guard of the move that marks a risk as gone: it raises `EliminationLocked`."""

    def guard(connection: Connection, case: Case, facts: Mapping[str, Any]) -> None:
        check_elimination(gather_facts(connection, case, china_day(now())))

    return guard


@dataclass(frozen=True)
class RelapseSign:
    """A case whose risk was marked as gone, and what has come up since: `signs` are codes of `relapse`."""

    case: Case
    signs: tuple[str, ...]
    new_leads: int
    grade_then: str | None
    grade_now: str | None


@dataclass(frozen=True)
class RelapsePage:
    """Some of the resolved cases that something came up of, and how many there are."""

    total: int
    items: tuple[RelapseSign, ...]


class EliminationStore:
    """What stands in the way of an elimination, and what comes up after one. Raises `Problem` (503)."""

    def __init__(self, engine: Engine, audit: AuditLog, now: Callable[[], dt.datetime] = utc_now) -> None:
        self.writer = engine.execution_options(**WRITES)
        self.audit = audit
        self.now = now

    def find_conditions(self, caller: Caller, case_id: str) -> list[Condition] | None:
        """Every condition as it stands today; `None` for a case that the caller may not see."""
        query = select(case_file).where(
            case_file.c.id == case_id, caller.scope.condition(case_file.c.village_code)
        )
        with logged(self.writer) as connection:
            row = connection.execute(query).first()
            outcome = Outcome.SHOWN if row is not None else Outcome.NOT_FOUND
            subject = [self.audit.household(row.household_id if row is not None else "")]
            self.audit.append(connection, caller, Action.HOUSEHOLD_READ, subject, outcome)
            if row is None:
                return None
            return judge_elimination(gather_facts(connection, case_of(row), china_day(self.now())))

    def relapse_watch(self, caller: Caller, *, limit: int = 50, offset: int = 0) -> RelapsePage:
        """Resolved cases with a new lead since, or with a grade that is higher now than it was then.

        The latest closed first. It asks for a look and changes nothing. A lead whose case was excluded is no
        sign any more.
        """
        rows = select(
            case_file,
            _new_leads().label("new_leads"),
            _rank(case_file.c.closed_on).label("rank_then"),
            _rank(None).label("rank_now"),
        ).where(
            case_file.c.state == CaseState.RESOLVED.value, caller.scope.condition(case_file.c.village_code)
        )
        seen = rows.subquery()
        found = select(seen).where(or_(seen.c.new_leads > 0, seen.c.rank_now > seen.c.rank_then)).subquery()
        page = select(found).order_by(found.c.closed_on.desc(), found.c.id).limit(limit).offset(offset)
        with logged(self.writer) as connection:
            total = connection.execute(select(func.count()).select_from(found)).scalar_one()
            signs = connection.execute(page).all()
            read = [self.audit.household(one.household_id) for one in signs]
            self.audit.append(connection, caller, Action.HOUSEHOLD_LISTED, read)
        return RelapsePage(total, tuple(_sign(one) for one in signs))


def _new_leads() -> ScalarSelect[int]:
    """How many leads of the household came in after its case was closed, and were not found to be nothing.

    That the household is on file twice says nothing of the lead: it is one of the case that is on file.
    """
    opened = case_file.alias()
    is_none = and_(opened.c.state == CaseState.EXCLUDED.value, opened.c.closed_as != DUPLICATE)
    return (
        select(func.count())
        .select_from(case_lead.join(opened, opened.c.id == case_lead.c.case_id))
        .where(
            ~is_none,
            case_lead.c.household_id == case_file.c.household_id,
            case_lead.c.village_code == case_file.c.village_code,
            case_lead.c.known_on > case_file.c.closed_on,
        )
        .correlate(case_file)
        .scalar_subquery()
    )


def _rank(until: ColumnElement[dt.date] | None) -> ScalarSelect[int]:
    """The rank of the household's last grade, or of the last one of up to a day; null without any."""
    # The household is chosen inside of each part: chosen from both together, each would be read whole.
    parts = []
    for table in (assessment, rescored_assessment):
        body = table.c.body
        grade = body["grade"].as_string().label("grade")
        part = select(table.c.as_of_date, table.c.written_at, grade).where(
            table.c.household_id == case_file.c.household_id,
            # Not the bare column: SQLite would go through a village to find a household.
            func.substr(table.c.village_code, 1) == case_file.c.village_code,
        )
        if until is not None:
            part = part.where(table.c.as_of_date <= until)
            if table is rescored_assessment:
                # What was corrected after the day was not said on it, of whatever date it is.
                said_on = func.coalesce(body["corrected_on"].as_string(), "")
                part = part.where(said_on <= cast(until, Text))
        parts.append(part.correlate(case_file))
    graded = union_all(*parts).subquery()
    last = select(case(_RANKS, value=graded.c.grade)).order_by(
        graded.c.as_of_date.desc(), graded.c.written_at.desc()
    )
    return last.limit(1).scalar_subquery()


def _sign(row: Row[Any]) -> RelapseSign:
    signs = ["new_leads"] if row.new_leads else []
    if row.rank_now is not None and row.rank_then is not None and row.rank_now > row.rank_then:
        signs.append("score_rose")
    names = {rank: name for name, rank in _RANKS.items()}
    return RelapseSign(
        case_of(row), tuple(signs), row.new_leads, names.get(row.rank_then), names.get(row.rank_now)
    )
