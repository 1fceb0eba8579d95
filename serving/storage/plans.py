"""Stored plans: the measures of a case, and the ledger of what arrived of them."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Engine, select, update

from serving.access import Caller
from serving.cases.case import Case
from serving.cases.clocks import china_day, region_of
from serving.cases.plan import PlannedHelp, department_of
from serving.cases.plan_form import DeliveryForm, MeasureForm
from serving.errors import FieldError, Problem
from serving.storage.audit import AuditLog
from serving.storage.audit_actions import Action, Outcome
from serving.storage.case_notes import note_measure
from serving.storage.case_rows import case_of, counts_in, hold_cases
from serving.storage.case_tables import case_file, measure_delivery, plan_measure
from serving.storage.database import WRITES
from serving.storage.keys import utc_now
from serving.storage.planned_help import measures_of
from serving.storage.transactions import logged

MOST_MEASURES = 200
"""Of one case: its plan is one page, read whole."""
MOST_DELIVERIES = 400
"""Of one measure: one a day for a year, and some."""


@dataclass(frozen=True)
class CasePlan:
    """A case with its measures, in the order in which they were planned."""

    case: Case
    measures: tuple[PlannedHelp, ...]


class PlanStore:
    """The plans of one database. Raises `Problem` (503) when it does not answer or cannot log.

    Every method answers `None` for a case, or a measure, that the caller may not see.
    """

    def __init__(self, engine: Engine, audit: AuditLog, now: Callable[[], dt.datetime] = utc_now) -> None:
        self.writer = engine.execution_options(**WRITES)
        self.audit = audit
        self.now = now

    @property
    def today(self) -> dt.date:
        """The day in China."""
        return china_day(self.now())

    def find(self, caller: Caller, case_id: str) -> CasePlan | None:
        """The plan of a case."""
        with logged(self.writer) as connection:
            case = self._case(connection, caller, case_id, Action.HOUSEHOLD_READ)
            if case is None:
                return None
            self._log(connection, caller, Action.HOUSEHOLD_READ, case)
            return CasePlan(case, measures_of(connection, case_id))

    def add(
        self, caller: Caller, account_id: str, case_id: str, form: MeasureForm
    ) -> tuple[PlannedHelp, bool] | None:
        """Plan a measure; and whether it is new: the same measure planned again is the one there is.

        Raises `Problem` (409) for a case that is closed, (422) for a start of before its first lead and for
        more than `MOST_MEASURES`.
        """
        with logged(self.writer) as connection:
            hold_cases(connection)
            case = self._case(connection, caller, case_id, Action.PLAN_CHANGED)
            if case is None:
                return None
            _check_open(case)
            if form.starts_on < case.opened_on:
                raise _refused("/starts_on", "before_lead", "give a day on or after the case's first lead")
            there = measures_of(connection, case_id)
            for one in there:
                if one.ended_on is None and _said(one) == (
                    form.measure.code, form.cause, form.amount_fen, form.persons, form.starts_on, form.due_on
                ):  # fmt: skip
                    self._log(connection, caller, Action.HOUSEHOLD_READ, case)
                    return one, False
            if len(there) >= MOST_MEASURES:
                raise _refused("/measure", "too_many", f"a case has at most {MOST_MEASURES} measures")
            region = region_of(case.village_code)
            department = department_of(form.measure.group, region, self.today)
            number = uuid.uuid4().hex
            connection.execute(
                plan_measure.insert().values(
                    id=number, case_id=case_id, measure=form.measure.code, measure_group=form.measure.group,
                    cause=form.cause, department=department.code, amount_fen=form.amount_fen,
                    persons=form.persons, starts_on=form.starts_on, due_on=form.due_on,
                    planned_at=self.now(), planner=account_id,
                )
            )  # fmt: skip
            self._log(connection, caller, Action.PLAN_CHANGED, case, Outcome.DONE)
            made = _measure(connection, case_id, number)
            assert made is not None
            return made, True

    def end(self, caller: Caller, case_id: str, measure_id: str, ended_on: dt.date) -> PlannedHelp | None:
        """Say that a measure goes on until a day and no longer; what arrived of it stays.

        Raises `Problem` (422) for a day of before its start or after its last day.
        """
        with logged(self.writer) as connection:
            hold_cases(connection)
            case = self._case(connection, caller, case_id, Action.PLAN_CHANGED)
            found = _measure(connection, case_id, measure_id) if case is not None else None
            if case is None or found is None:
                return None
            _check_open(case)
            if not found.starts_on <= ended_on <= found.due_on:
                raise _refused("/ended_on", "out_of_range", "give a day of the measure's own time")
            changed = update(plan_measure).where(plan_measure.c.id == measure_id)
            connection.execute(changed.values(ended_on=ended_on))
            self._log(connection, caller, Action.PLAN_CHANGED, case, Outcome.DONE)
            return replace(found, ended_on=ended_on)

    def deliver(
        self, caller: Caller, account_id: str, case_id: str, measure_id: str, form: DeliveryForm
    ) -> tuple[PlannedHelp, bool] | None:
        """Write down what arrived, once; and whether it is new.

        Raises `Problem` (422): another delivery under the same key (`submission_key_reused`), a day of before
        the case's first lead, more than was planned without saying so, and more than `MOST_DELIVERIES`.
        """
        with logged(self.writer) as connection:
            hold_cases(connection)
            case = self._case(connection, caller, case_id, Action.HELP_DELIVERED)
            found = _measure(connection, case_id, measure_id) if case is not None else None
            if case is None or found is None:
                return None
            former = connection.execute(
                select(measure_delivery).where(measure_delivery.c.submission_key == form.submission_key)
            ).first()
            if former is not None:
                said = (former.plan_measure_id, former.delivered_on, former.amount_fen)
                if said != (measure_id, form.delivered_on, form.amount_fen):
                    raise Problem("submission_key_reused")
                self._log(connection, caller, Action.HOUSEHOLD_READ, case)
                return found, False
            if form.delivered_on < case.opened_on:
                raise _refused("/delivered_on", "before_lead", "give a day on or after the case's first lead")
            if len(found.deliveries) >= MOST_DELIVERIES:
                way_out = f"a measure has at most {MOST_DELIVERIES} deliveries: plan another"
                raise _refused("/delivered_on", "too_many", way_out)
            excess = found.excess_fen(region_of(case.village_code), form.amount_fen or 0)
            if excess and not form.is_above_plan:
                way_out = "plan more, or say is_above_plan where more than planned was really given"
                raise _refused("/amount_yuan", "more_than_planned", way_out)
            connection.execute(
                measure_delivery.insert().values(
                    id=uuid.uuid4().hex, plan_measure_id=measure_id, submission_key=form.submission_key,
                    delivered_on=form.delivered_on, amount_fen=form.amount_fen, recorded_at=self.now(),
                    recorder=account_id,
                )
            )  # fmt: skip
            helped = counts_in(connection, case, form.delivered_on)
            note_measure(connection, helped, form.delivered_on, self.now())
            self._log(connection, caller, Action.HELP_DELIVERED, case, Outcome.DONE)
            made = _measure(connection, case_id, measure_id)
            assert made is not None
            return made, True

    def _case(self, connection: Connection, caller: Caller, case_id: str, action: Action) -> Case | None:
        row = connection.execute(
            select(case_file).where(
                case_file.c.id == case_id, caller.scope.condition(case_file.c.village_code)
            )
        ).first()
        if row is None:
            # What was asked for may be anything, and is not repeated in the log.
            self.audit.append(connection, caller, action, [self.audit.household("")], Outcome.NOT_FOUND)
            return None
        return case_of(row)

    def _log(
        self,
        connection: Connection,
        caller: Caller,
        action: Action,
        case: Case,
        outcome: Outcome = Outcome.SHOWN,
    ) -> None:
        self.audit.append(connection, caller, action, [self.audit.household(case.household_id)], outcome)


def _measure(connection: Connection, case_id: str, measure_id: str) -> PlannedHelp | None:
    return next((one for one in measures_of(connection, case_id) if one.id == measure_id), None)


def _said(one: PlannedHelp) -> tuple[Any, ...]:
    return one.measure, one.cause, one.amount_fen, one.persons, one.starts_on, one.due_on


def _check_open(case: Case) -> None:
    if case.is_closed:
        raise Problem("case_closed")


def _refused(pointer: str, code: str, way_out: str) -> Problem:
    return Problem("request_invalid", errors=[FieldError(pointer, code, way_out)])
