"""The cases of one database: opened by leads, moved by people, read inside the caller's area.

State, move, clocks, audit entry and outbox are written in one transaction. Transactions that change cases
follow one another.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Engine, Row, Select, func, literal_column, select

from serving.access import Caller
from serving.cases.card import MOST_CAUSES
from serving.cases.case import Case
from serving.cases.clocks import china_day
from serving.cases.errors import AnotherOpen, MoveRefused, NotAPerson
from serving.cases.moves import JOIN, MOVES, RELAPSE, REVIEW
from serving.cases.moving import Moved, earliest_due, make_move, opening_clocks, take_in
from serving.cases.notice import Notice, make_notice
from serving.cases.practice import get_practice, practice_of
from serving.cases.state import CaseState
from serving.errors import FieldError, Problem
from serving.storage.accounts import ID_MARK
from serving.storage.audit import AuditLog
from serving.storage.audit_actions import Action, Outcome
from serving.storage.case_events import add_case_event
from serving.storage.case_history import moves_of, next_seq
from serving.storage.case_list import ORDER, CaseFilter, Place, conditions_of
from serving.storage.case_rows import (
    case_of,
    find_case,
    find_clocks,
    hold_cases,
    insert_case,
    update_case,
    write_clocks,
)
from serving.storage.case_tables import case_file, case_move
from serving.storage.database import WRITES
from serving.storage.elimination_facts import is_unlocked
from serving.storage.keys import utc_now
from serving.storage.met import find_met
from serving.storage.transactions import logged, unlogged

Guard = Callable[[Connection, Case, Mapping[str, Any]], None]
"""Called with the facts within a move's transaction before it is written; raises `MoveRefused` where the move
may not be."""
Then = Callable[[Connection, Case], None]
"""Called within a move's transaction after it is written."""


@dataclass(frozen=True)
class CasePage:
    """Some cases, the nearest deadline first, the mark of the last while more follow, and how many there are
    in all: in each part of the area that has any."""

    items: tuple[Case, ...]
    after: str | None
    parts: Mapping[str, int]

    @property
    def total(self) -> int:
        """How many cases fit."""
        return sum(self.parts.values())


class CaseStore:
    """Reads and moves cases. Methods that end in ``_in`` are a part of a writer's transaction.

    `guards` are asked about moves by their names. Raises `Problem`: ``case_not_found`` outside the caller's
    area, ``case_changed``, ``move_not_allowed``, or 503 where the database does not answer.
    """

    def __init__(
        self,
        engine: Engine,
        audit: AuditLog,
        now: Callable[[], dt.datetime] = utc_now,
        guards: Mapping[str, Guard] = MappingProxyType({}),
    ) -> None:
        self.engine = engine
        self.writer = engine.execution_options(**WRITES)
        self.audit = audit
        self.now = now
        self.guards = guards

    @property
    def today(self) -> dt.date:
        """The day in China."""
        return china_day(self.now())

    def open_in(
        self,
        connection: Connection,
        *,
        household_id: str,
        village_code: str,
        opened_on: dt.date,
        grade: int,
        theme: str,
        is_hard: bool,
        disagreement: str | None,
        causes: Sequence[str],
    ) -> Case:
        """The household's open case: a new one, or the one that is open with what new leads add to it.

        The more urgent grade, a hard trigger and the first causes stay. The log of reads is the caller's.
        """
        hold_cases(connection)
        now = self.now()
        found = self._open_of(connection, household_id, village_code)
        if found is None:
            practice = practice_of(village_code, opened_on)
            clocks = opening_clocks(practice, village_code, opened_on)
            made = Case(
                id=uuid.uuid4().hex, household_id=household_id, village_code=village_code,
                state=CaseState.FOUND, version=1, practice=practice.key, opened_on=opened_on,
                entered_on=opened_on, grade=grade, theme=theme, is_hard=is_hard, disagreement=disagreement,
                causes=tuple(causes)[:MOST_CAUSES], owner=practice.owner(CaseState.FOUND), changed_at=now,
                due_on=earliest_due(clocks, village_code),
            )  # fmt: skip
            insert_case(connection, made, clocks)
            return made
        # What the county found is not changed by what is only alleged.
        told = found.causes if found.identified_on else tuple(dict.fromkeys((*found.causes, *causes)))
        joined = dataclasses.replace(
            found,
            grade=min(grade, found.grade),
            theme=theme if grade < found.grade else found.theme,
            is_hard=is_hard or found.is_hard,
            disagreement=found.disagreement or disagreement,
            causes=told[:MOST_CAUSES],
        )
        if joined == found:
            return found
        joined = dataclasses.replace(joined, version=found.version + 1, changed_at=now)
        update_case(connection, joined)
        return joined

    def move(
        self,
        caller: Caller,
        account_id: str,
        case_id: str,
        version: int,
        move: str,
        facts: object,
        then: Then | None = None,
    ) -> Case:
        """Make a move for somebody who is signed in and saw the case at `version`."""
        if not account_id.startswith(ID_MARK):
            # Keys, and tokens of machines.
            raise problem_of(NotAPerson())
        try:
            with logged(self.writer) as connection:
                hold_cases(connection)
                case = find_case(connection, caller, case_id)
                if case is not None:
                    return self._move_in(connection, caller, account_id, case, version, move, facts, then)
                self._note(connection, caller, case_id, None)
        except MoveRefused as refused:
            raise problem_of(refused) from None
        raise Problem("case_not_found")

    def find(self, caller: Caller, case_id: str) -> Case | None:
        """A case that the caller may see. That there was none to see is logged as well."""
        with logged(self.writer) as connection:
            case = find_case(connection, caller, case_id)
            self._note(connection, caller, case_id, case)
        return case

    def make_notice(self, caller: Caller, case_id: str) -> Notice:
        """The village's notice of a case; raises `Problem` where it is not before the village."""
        with logged(self.writer) as connection:
            case = find_case(connection, caller, case_id)
            published = None
            if case is None:
                self._note(connection, caller, case_id, None)
            else:
                moves = moves_of(connection, case.id)
                # A case that was sent back may have had several: the last is the one that hangs.
                told = [one.facts["published_on"] for one in moves if one.move == REVIEW]
                published = told[-1] if told and case.notice_ends_on else None
                subject = self.audit.household(case.household_id)
                outcome = Outcome.SHOWN if published else Outcome.NOT_FOUND
                self.audit.append(connection, caller, Action.CASE_NOTICE_MADE, [subject], outcome)
        if case is None:
            raise Problem("case_not_found")
        if published is None:
            raise Problem("notice_not_open")
        return make_notice(case, dt.date.fromisoformat(published))

    def find_of_household(self, caller: Caller, household_id: str) -> Case | None:
        """The household's open case, or the one closed last, that the caller may see."""
        query = (
            select(case_file)
            .where(
                case_file.c.household_id == household_id,
                caller.scope.condition(case_file.c.village_code),
            )
            .order_by(case_file.c.closed_on.is_not(None), case_file.c.closed_on.desc(), case_file.c.id)
            .limit(1)
        )
        with logged(self.writer) as connection:
            row = connection.execute(query).first()
            outcome = Outcome.SHOWN if row else Outcome.NOT_FOUND
            subject = self.audit.household(household_id)
            self.audit.append(connection, caller, Action.HOUSEHOLD_READ, [subject], outcome)
        return case_of(row) if row else None

    def list(
        self, caller: Caller, asked: CaseFilter, limit: int = 50, after: Place | None = None, level: int = 0
    ) -> CasePage:
        """Cases that fit, the nearest deadline first and those without one last, behind a place in that
        order; all of them are counted by their areas of `level` characters."""
        # Counted outside of the transaction that writes the log: others wait for that one.
        parts = self.count(caller, asked, level)
        conditions = conditions_of(asked, caller.scope, self.today)
        if after is not None:
            conditions.append(after.after)
        # Chosen from an index first: to sort whole rows, all of them would have to be read.
        chosen = select(case_file.c.id).where(*conditions).order_by(*ORDER).limit(limit + 1)
        query = select(case_file).where(case_file.c.id.in_(chosen)).order_by(*ORDER)
        with logged(self.writer) as connection:
            rows = connection.execute(query).all()
            found = [case_of(one) for one in rows[:limit]]
            read = [self.audit.household(one.household_id) for one in found]
            self.audit.append(connection, caller, Action.HOUSEHOLD_LISTED, read)
        mark = Place.of(found[-1]).mark if len(rows) > limit else None
        return CasePage(tuple(found), mark, parts)

    def count(self, caller: Caller, asked: CaseFilter, level: int = 0) -> dict[str, int]:
        """How many cases fit, by their areas of `level` characters; those without any are left out."""
        part = func.substr(case_file.c.village_code, 1, literal_column(str(level))).label("part")
        query = select(part, func.count().label("cases")).where(
            *conditions_of(asked, caller.scope, self.today)
        )
        return {one.part: int(one.cases) for one in self._read(query.group_by("part"))}

    def _move_in(
        self,
        connection: Connection,
        caller: Caller,
        account_id: str,
        case: Case,
        version: int,
        name: str,
        facts: object,
        then: Then | None,
    ) -> Case:
        if case.version != version:
            raise Problem("case_changed")
        moved, on = self._made(connection, caller, case, name, facts)
        if name in self.guards:
            self.guards[name](connection, case, moved.facts)
        if case.is_closed and not moved.case.is_closed:
            moved = self._take_in(connection, caller, account_id, moved)
        self._write(connection, caller, account_id, case, name, moved, on)
        if then is not None:
            then(connection, moved.case)
        return moved.case

    def _take_in(self, connection: Connection, caller: Caller, account_id: str, moved: Moved) -> Moved:
        """A case that is open again; what new leads opened meanwhile goes on in it and is closed."""
        other = self._open_of(connection, moved.case.household_id, moved.case.village_code)
        if other is None:
            return moved
        if other.identified_on is not None:
            raise AnotherOpen
        joined, on = self._made(connection, caller, other, JOIN, {}, made_with=RELAPSE)
        self._write(connection, caller, account_id, other, JOIN, joined, on)
        return dataclasses.replace(moved, case=take_in(moved.case, other))

    def _write(
        self,
        connection: Connection,
        caller: Caller,
        account_id: str,
        case: Case,
        name: str,
        moved: Moved,
        on: dt.date,
    ) -> None:
        """Write a move with all that tells of it."""
        if not update_case(connection, moved.case):
            raise Problem("case_changed")
        connection.execute(
            case_move.insert().values(
                case_id=case.id,
                seq=next_seq(connection, case.id),
                move=name,
                from_state=case.state.value,
                to_state=moved.case.state.value,
                at=moved.case.changed_at,
                effective_on=on,
                actor=account_id,
                role=caller.role.value,
                facts=moved.facts,
            )
        )
        write_clocks(connection, case.id, moved.clocks)
        subject = self.audit.household(case.household_id)
        self.audit.append(connection, caller, Action(MOVES[name].event), [subject], Outcome.DONE)
        add_case_event(connection, case, moved.case, name, on, moved.case.changed_at)

    def _made(
        self,
        connection: Connection,
        caller: Caller,
        case: Case,
        name: str,
        facts: object,
        made_with: str | None = None,
    ) -> tuple[Moved, dt.date]:
        now = self.now()
        last = select(func.max(case_move.c.effective_on)).where(case_move.c.case_id == case.id)
        # A machine whose clock was set back makes no move before the one that came first.
        days = (china_day(now), case.entered_on, connection.execute(last).scalar())
        on = max(one for one in days if one is not None)
        practice = get_practice(case.practice)
        clocks = find_clocks(connection, case.id)
        met = find_met(connection, case.id)
        role = caller.role.value
        moved = make_move(
            case, clocks, name, role, facts, on, practice, now, met, made_with,
            is_unlocked=is_unlocked(connection, case, on),
        )  # fmt: skip
        return moved, on

    def _open_of(self, connection: Connection, household_id: str, village_code: str) -> Case | None:
        row = connection.execute(
            select(case_file).where(
                case_file.c.household_id == household_id,
                case_file.c.village_code == village_code,
                case_file.c.closed_on.is_(None),
            )
        ).first()
        return case_of(row) if row else None

    def _note(self, connection: Connection, caller: Caller, case_id: str, case: Case | None) -> None:
        if case is None:
            subject, outcome = self.audit.value("case", case_id), Outcome.NOT_FOUND
        else:
            subject, outcome = self.audit.household(case.household_id), Outcome.SHOWN
        self.audit.append(connection, caller, Action.HOUSEHOLD_READ, [subject], outcome)

    def _read(self, query: Select[Any]) -> Sequence[Row[Any]]:
        with unlogged(self.engine) as connection:
            return connection.execute(query).all()


def problem_of(refused: MoveRefused) -> Problem:
    """A refused move as it is answered: every reason with its place, code and way out."""
    errors = [FieldError(one.pointer, one.code, one.way_out) for one in refused.reasons]
    return Problem("move_not_allowed", errors=errors)
