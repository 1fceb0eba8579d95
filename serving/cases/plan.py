"""一户一策: the plan of measures of one case, what of it arrived, and what is wrong with it.

What is wrong is shown and forbids nothing: whoever knows the household may have a reason. Amounts are one
payment to one household or person, in whole fen, as the help catalogue has them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from features.dates import months_after
from features.policy import policy_value
from features.policy.measures import Measure, get_measure
from features.signals.fields import FEN_PER_YUAN
from scoring.what_if import Choice
from scoring.what_if.matching import match_measures
from scoring.what_if.period import Period
from serving.cases.case import Case
from serving.cases.clocks import Clock, find_term, region_of

MONTHS = 12
"""A plan looks a year ahead at most; what goes on longer is planned anew."""

Severity = Literal["error", "notice"]


@dataclass(frozen=True)
class Department:
    """Whose a group of measures is (归口)."""

    code: str
    zh: str
    en: str
    is_assumption: bool


@dataclass(frozen=True)
class DeliveredHelp:
    """One entry of the delivery ledger; without an amount it is help in kind."""

    id: str
    delivered_on: dt.date
    amount_fen: int | None
    recorder: str
    recorded_at: dt.datetime


@dataclass(frozen=True)
class PlannedHelp:
    """One measure of a case's plan: the cause it answers, whose it is, its days, and what arrived.

    `amount_fen` is one payment to the household or to each of `persons`; `None` for help in kind.
    """

    id: str
    case_id: str
    measure: str
    cause: str
    department: str
    amount_fen: int | None
    persons: int
    starts_on: dt.date
    due_on: dt.date
    planner: str
    planned_at: dt.datetime
    ended_on: dt.date | None = None
    deliveries: tuple[DeliveredHelp, ...] = field(default=())

    @cached_property
    def entry(self) -> Measure:
        """The measure as the catalogue has it."""
        return get_measure(self.measure)

    @property
    def until(self) -> dt.date:
        """The last day on which something of it is to arrive."""
        return self.due_on if self.ended_on is None else min(self.due_on, self.ended_on)

    def payments(self, region: str) -> tuple[dt.date, ...]:
        """The planned days of payment, or the one day of help that is given once."""
        period = Period(self.starts_on - dt.timedelta(days=1))
        match self.entry.paid:
            case "monthly":
                return tuple(period.monthly(self.starts_on, self.until))
            case "each_term":
                starts = policy_value("term_starts", region, self.starts_on).value
                return tuple(period.each_term(self.starts_on, self.until, starts))
            case _:
                return (self.starts_on,) if self.starts_on <= self.until else ()

    def planned_fen(self, region: str) -> int | None:
        """All payments together; `None` for help in kind."""
        if self.amount_fen is None:
            return None
        return self.amount_fen * self.persons * len(self.payments(region))

    @property
    def delivered_fen(self) -> int:
        """What arrived, all deliveries together."""
        return sum(one.amount_fen or 0 for one in self.deliveries)

    def excess_fen(self, region: str, further_fen: int = 0) -> int:
        """By how much what arrived, and `further_fen` more, is above what was planned; 0 if it is not."""
        planned = self.planned_fen(region)
        return 0 if planned is None else max(0, self.delivered_fen + further_fen - planned)


@dataclass(frozen=True)
class PlanProblem:
    """One thing that is not as it should be: an error, or something to look at.

    `measure_id` is the measure that it is about, `cause` the cause, `groups` what would answer it.
    """

    code: str
    severity: Severity
    measure_id: str | None = None
    cause: str | None = None
    groups: tuple[str, ...] = ()
    is_assumption: bool = False

    def as_json(self) -> dict[str, Any]:
        """As plain JSON."""
        return {**vars(self), "groups": list(self.groups)}


def department_of(group: str, region: str, on: dt.date) -> Department:
    """Whose a group of measures is; raises `PolicyError` where nothing is in force."""
    said = policy_value("measure_departments", region, on)
    return Department(**said.value[group], is_assumption=said.is_assumption)


def amount_bounds(measure: Measure) -> tuple[int, int] | None:
    """The least and most of one payment in fen; `None` for help in kind."""
    return None if measure.paid == "in_kind" else (1, measure.at_most_yuan * FEN_PER_YUAN)


def plan_problems(case: Case, plan: Sequence[PlannedHelp], on: dt.date) -> list[PlanProblem]:
    """Everything that is wrong with a case's plan on a day, errors first.

    An identified household without a measure after its month is an error (DOMAIN §2); so is one with a plan
    of which nothing has arrived by then. A measure that answers no cause, a cause that none answers, and
    labour without work are shown.
    """
    region = region_of(case.village_code)
    open_now = [one for one in plan if one.ended_on is None or one.ended_on > on]
    found = [*_late(case, plan, on)]
    rule = policy_value("measure_match", region, on)
    known = [one for one in case.causes if one in rule.value["causes"]]
    has_labour = not case.is_without_labour
    matching = match_measures([one.entry for one in open_now], known, has_labour, on, region)
    if open_now:
        unmatched = set(matching.unmatched)
        found += [
            PlanProblem("measure_without_cause", "notice", one.id, is_assumption=rule.is_assumption)
            for one in open_now
            if one.measure in unmatched
        ]
    found += [
        PlanProblem("cause_without_measure", "notice", None, one.cause, one.groups, one.is_assumption)
        for one in matching.causes
        if not one.measures
    ]
    if matching.labour.state == "missing":
        labour = matching.labour
        found.append(
            PlanProblem("labour_without_work", "notice", None, None, labour.groups, labour.is_assumption)
        )
    found += _exclusive(open_now, region, on)
    for one in plan:
        if one.excess_fen(region):
            found.append(PlanProblem("more_than_planned", "notice", one.id))
    return sorted(found, key=lambda one: one.severity != "error")


def _late(case: Case, plan: Sequence[PlannedHelp], on: dt.date) -> list[PlanProblem]:
    found = []
    if case.identified_on is not None and not case.is_closed:
        due = find_term(Clock.FIRST_MEASURE, case.village_code, case.identified_on).due_on(case.identified_on)
        if on > due.day:
            if not plan:
                found.append(PlanProblem("no_measure", "error"))
            elif not any(one.deliveries for one in plan):
                found.append(PlanProblem("nothing_delivered", "error"))
    found += [
        PlanProblem("measure_overdue", "error", one.id, one.cause)
        for one in plan
        if one.ended_on is None and one.due_on < on and not one.deliveries
    ]
    return found


def _exclusive(plan: Sequence[PlannedHelp], region: str, on: dt.date) -> list[PlanProblem]:
    rule = policy_value("exclusive_measures", region, on)
    found = []
    for codes in rule.value:
        of_set = sorted((one for one in plan if one.measure in codes), key=lambda one: one.starts_on)
        for at, later in enumerate(of_set):
            if any(one.measure != later.measure and later.starts_on <= one.until for one in of_set[:at]):
                found.append(
                    PlanProblem("exclusive_measures", "notice", later.id, is_assumption=rule.is_assumption)
                )
    return found


def what_if_choices(plan: Sequence[PlannedHelp], as_of: dt.date, region: str) -> list[Choice]:
    """The plan as `scoring.what_if` takes it: what of it is still to come after a date, each measure once.

    What arrived by then is a fact and belongs in the signals. Of a measure that is planned several times it
    is the earliest that is still to come; one that is no longer in force then is left out.
    """
    period = Period(as_of)
    made: dict[str, Choice] = {}
    for one in sorted(plan, key=lambda each: each.starts_on):
        is_over = one.until <= as_of
        is_once = one.entry.paid in ("once", "in_kind")
        is_given = is_once and any(each.delivered_on <= as_of for each in one.deliveries)
        starts_on = max(one.starts_on, period.planned_from)
        if is_over or is_given or one.measure in made or not period.has(starts_on):
            continue
        if one.entry.find_entry(region, starts_on) is None:
            continue
        lasts = one.entry.paid in ("monthly", "each_term")
        made[one.measure] = Choice(
            one.measure,
            starts_on,
            one.until if lasts else None,
            one.amount_fen,
            one.persons if one.entry.per == "person" else None,
        )
    return list(made.values())


def what_if_measures(plan: Sequence[PlannedHelp], as_of: dt.date, region: str) -> list[dict[str, Any]]:
    """The same as `POST /v1/what-if` takes it under `measures`."""
    made = []
    for one in what_if_choices(plan, as_of, region):
        told: dict[str, Any] = {"code": one.code}
        for name, day in (("starts_on", one.starts_on), ("ends_on", one.ends_on)):
            if day is not None:
                told[name] = day.isoformat()
        if one.amount_fen is not None:
            told["amount_yuan"] = one.amount_fen / FEN_PER_YUAN
        if one.persons is not None:
            told["persons"] = one.persons
        made.append(told)
    return made


def last_due_on(starts_on: dt.date) -> dt.date:
    """The last day that a measure which starts on a day may be planned for."""
    return months_after(starts_on, MONTHS) - dt.timedelta(days=1)
