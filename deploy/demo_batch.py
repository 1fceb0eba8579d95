"""The demo's many cases, a day at a time: the rules of cases applied by themselves, and written together.

The table of moves, the forms of visits and plans and the clocks are the service's own; only the writing is
another: each day in one transaction, with the entries in the log that the service would have made.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Table, bindparam, update

from deploy.demo_town import Town
from serving.access import Role
from serving.access.caller import Caller
from serving.cases.card import make_card
from serving.cases.case import Case
from serving.cases.clocks import CaseClock, Clock, region_of
from serving.cases.events import find_event_keys, same_event_days
from serving.cases.lead import Lead
from serving.cases.moves import MOVES
from serving.cases.moving import earliest_due, make_move, opening_clocks, stop_clocks
from serving.cases.next_step import Met, find_turn
from serving.cases.plan import department_of
from serving.cases.plan_form import MeasureForm, read_measure
from serving.cases.practice import get_practice, practice_of
from serving.cases.state import CaseState
from serving.cases.visit import Finding, read_visit
from serving.command import OPERATOR
from serving.storage.audit_actions import Action, Outcome
from serving.storage.case_rows import row_of, write_clocks_of
from serving.storage.case_tables import (
    case_file,
    case_lead,
    case_move,
    measure_delivery,
    plan_measure,
    visit,
    worklist_entry,
)
from serving.storage.database import WRITES


class Batch:
    """What is done on one day with many cases, kept until it is written."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.cases: dict[str, Case] = {}
        self.of: dict[str, str] = {}
        """The one case of each household."""
        self.clocks: dict[str, tuple[CaseClock, ...]] = {}
        self.met: dict[str, Met] = {}
        """The last visit of each case that met somebody. No move of the demo passes one over."""
        self.plans: dict[str, tuple[str, MeasureForm]] = {}
        self.list_id: str | None = None
        """The list that visits are made for."""
        self._moves: dict[str, int] = {}
        self._rows: dict[Table, list[dict[str, Any]]] = {}
        self._told: list[tuple[Caller, Action, str]] = []
        self._opened: set[str] = set()
        self._changed: set[str] = set()

    def open(self, leads: Sequence[Lead]) -> str:
        """A case of one household's leads, of today."""
        on, now = self.town.clock.day, self.town.clock()
        keys = find_event_keys(leads, same_event_days(leads))
        card = make_card(leads, keys)
        practice = practice_of(card.village_code, on)
        clocks = opening_clocks(practice, card.village_code, on)
        case = Case(
            id=uuid.uuid4().hex, household_id=card.household_id, village_code=card.village_code,
            state=CaseState.FOUND, version=1, practice=practice.key, opened_on=on, entered_on=on,
            grade=practice.grade_of(card.score_grade, card.is_hard), theme=card.theme, is_hard=card.is_hard,
            disagreement=card.disagreement, causes=card.causes, owner=practice.owner(CaseState.FOUND),
            changed_at=now, due_on=earliest_due(clocks, card.village_code),
        )  # fmt: skip
        self.cases[case.id], self.clocks[case.id] = case, clocks
        self.of[case.household_id] = case.id
        self._opened.add(case.id)
        for one in leads:
            self._add(
                case_lead, id=uuid.uuid4().hex, case_id=case.id, household_id=one.household_id,
                village_code=one.village_code, channel=one.channel.value, source=one.source, code=one.code,
                theme=one.theme, occurred_on=one.occurred_on, known_on=one.known_on, received_at=now,
                facts=dict(one.facts), is_hard=int(one.is_hard), event_key=keys[one.dedup_key],
                dedup_key=one.dedup_key,
            )  # fmt: skip
        self.town.done["leads"] += len(leads)
        self._log(OPERATOR, Action.LEAD_ADDED, case)
        return case.id

    def is_done_with(self, household: str) -> bool:
        """Whether the household's case was closed on an earlier day: whatever comes next is another case."""
        case = self.cases.get(self.of.get(household, ""))
        return case is not None and case.closed_on is not None and case.closed_on < self.town.clock.day

    def move(self, case_id: str, name: str, role: Role, **facts: Any) -> None:
        """Make a move as whoever it belongs to."""
        case, on, now = self.cases[case_id], self.town.clock.day, self.town.clock()
        by = self.town.official(case.village_code, role)
        told = {key: one.isoformat() if isinstance(one, dt.date) else one for key, one in facts.items()}
        practice = get_practice(case.practice)
        made = make_move(
            case, self.clocks[case_id], name, role.value, told, on, practice, now, self.met.get(case_id)
        )
        self._keep(made.case, made.clocks)
        self._moves[case_id] = self._moves.get(case_id, 0) + 1
        self._add(
            case_move, case_id=case_id, seq=self._moves[case_id], move=name, from_state=case.state.value,
            to_state=made.case.state.value, at=now, effective_on=on, actor=by.id, role=role.value,
            facts=made.facts,
        )  # fmt: skip
        self._log(by.caller, Action(MOVES[name].event), case)
        self.town.done[name] += 1

    def visit(self, case_id: str, finding: str, **more: Any) -> None:
        """Record a visit of today to a case's household."""
        case, on = self.cases[case_id], self.town.clock.day
        by = self.town.official(case.village_code)
        key = f"demo-{self.town.rng.getrandbits(96):024x}"
        document = {"submission_key": key, "visited_on": on.isoformat(), "finding": finding, **more}
        form = read_visit(document, case.household_id, on, region_of(case.village_code))
        number = uuid.uuid4().hex
        self._add(
            visit, id=number, case_id=case_id, household_id=case.household_id, village_code=case.village_code,
            submission_key=key, visited_on=on, received_at=self.town.clock(), visitor=by.id,
            role=by.role.value, is_random=0, finding=finding, body={**form.kept(), "answered": None},
        )  # fmt: skip
        self._log(by.caller, Action.VISIT_RECORDED, case)
        self.town.done[f"visit_{finding}"] += 1
        if form.finding is not Finding.NOT_MET:
            met = self.met[case_id] = Met(on, form.finding is Finding.DIFFICULTY, form.has_gap)
            turn = find_turn(case, met, get_practice(case.practice))
            self._stop(dataclasses.replace(case, last_visited_on=on, owner=turn), Clock.VISIT)

    def help_with(self, case_id: str, document: dict[str, Any]) -> None:
        """Plan a measure."""
        case, on = self.cases[case_id], self.town.clock.day
        by, region = self.town.official(case.village_code), region_of(case.village_code)
        form, number = read_measure(document, on, region), uuid.uuid4().hex
        self.plans[case_id] = number, form
        self._add(
            plan_measure, id=number, case_id=case_id, measure=form.measure.code,
            measure_group=form.measure.group, cause=form.cause,
            department=department_of(form.measure.group, region, on).code, amount_fen=form.amount_fen,
            persons=form.persons, starts_on=form.starts_on, due_on=form.due_on, planned_at=self.town.clock(),
            planner=by.id,
        )  # fmt: skip
        self._log(by.caller, Action.PLAN_CHANGED, case)
        self.town.done["measures"] += 1

    def deliver(self, case_id: str) -> None:
        """Write down that the planned help arrived."""
        case, (number, form) = self.cases[case_id], self.plans[case_id]
        by = self.town.official(case.village_code)
        self._add(
            measure_delivery, id=uuid.uuid4().hex, plan_measure_id=number,
            submission_key=f"demo-{self.town.rng.getrandbits(96):024x}", delivered_on=self.town.clock.day,
            amount_fen=form.amount_fen, recorded_at=self.town.clock(), recorder=by.id,
        )  # fmt: skip
        self._log(by.caller, Action.HELP_DELIVERED, case)
        self.town.done["deliveries"] += 1
        self._stop(case, Clock.FIRST_MEASURE)

    def write(self) -> None:
        """Write what was done since the last time, whole."""
        if not self._told:
            return
        with self.town.engine.execution_options(**WRITES).begin() as connection:
            opened = [row_of(self.cases[one]) for one in sorted(self._opened)]
            if opened:
                connection.execute(case_file.insert(), opened)
            for table in (case_lead, visit, case_move, plan_measure, measure_delivery):
                if rows := self._rows.get(table):
                    connection.execute(table.insert(), rows)
            changed = sorted(self._changed - self._opened)
            if changed:
                names = [one.name for one in case_file.c if one.name != "id"]
                of_id = update(case_file).where(case_file.c.id == bindparam("of"))
                connection.execute(
                    of_id.values({name: bindparam(f"to_{name}") for name in names}),
                    [_renamed(row_of(self.cases[one])) for one in changed],
                )
            touched = sorted(self._opened | self._changed)
            write_clocks_of(connection, {one: self.clocks[one] for one in touched})
            self._mark_visited(connection)
            for (caller, action), group in groupby(self._told, lambda one: one[:2]):
                subjects = [self.town.audit.household(household) for _, _, household in group]
                self.town.audit.append(connection, caller, action, subjects, Outcome.DONE)
        self._rows, self._told = {}, []
        self._opened, self._changed = set(), set()

    def _mark_visited(self, connection: Any) -> None:
        rows = [
            {"whose": one["household_id"], "where": one["village_code"], "by": one["id"]}
            for one in self._rows.get(visit, [])
        ]
        if self.list_id is None or not rows:
            return
        of_list = update(worklist_entry).where(
            worklist_entry.c.worklist_id == self.list_id,
            worklist_entry.c.household_id == bindparam("whose"),
            worklist_entry.c.village_code == bindparam("where"),
            worklist_entry.c.visit_id.is_(None),
            worklist_entry.c.chance.is_(None),
        )
        connection.execute(of_list.values(visit_id=bindparam("by")), rows)

    def _stop(self, case: Case, clock: Clock) -> None:
        clocks = stop_clocks(self.clocks[case.id], [clock], self.town.clock.day)
        self._keep(dataclasses.replace(case, due_on=earliest_due(clocks, case.village_code)), clocks)

    def _keep(self, case: Case, clocks: tuple[CaseClock, ...]) -> None:
        self.cases[case.id], self.clocks[case.id] = case, clocks
        self._changed.add(case.id)

    def _add(self, table: Table, **row: Any) -> None:
        self._rows.setdefault(table, []).append(row)

    def _log(self, caller: Caller, action: Action, case: Case) -> None:
        self._told.append((caller, action, case.household_id))


def _renamed(row: dict[str, Any]) -> dict[str, Any]:
    return {"of" if name == "id" else f"to_{name}": value for name, value in row.items()}
