"""A plan: measures of the catalogue chosen for one household, checked against policy and the calendar."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from features import policy_value
from features.policy.measures import Measure, MeasureEntry, measures
from features.signals.fields import FEN_PER_YUAN
from scoring.errors import ScoringError
from scoring.what_if.period import Period

MOST_MEASURES = 20
MOST_PERSONS = 20


@dataclass(frozen=True)
class Choice:
    """One measure as somebody asks for it; what is left out (`None`) comes from the catalogue.

    `amount_fen` is one payment to one household or person, as the measure has it; without dates it begins
    the day after the as-of date and goes on.
    """

    code: str
    starts_on: dt.date | None = None
    ends_on: dt.date | None = None
    amount_fen: int | None = None
    persons: int | None = None


@dataclass(frozen=True)
class PlanFault:
    """What is wrong with one choice: which (its number), which part, under which code, and the way out."""

    number: int
    part: str
    code: str
    way_out: str


class PlanError(ScoringError):
    """A plan that cannot be worked out; `faults` has every reason, none with a submitted value."""

    def __init__(self, faults: Sequence[PlanFault]) -> None:
        super().__init__("; ".join(f"measure {one.number}, {one.part}: {one.way_out}" for one in faults))
        self.faults = tuple(faults)


@dataclass(frozen=True)
class PlannedMeasure:
    """One measure of a plan with all that working it out needs.

    `payments` are the planned days of payment; `amount_fen` is one payment to the household, all persons
    together. A measure in kind has one day, the day from which it holds, and no amount.
    """

    measure: Measure
    entry: MeasureEntry
    starts_on: dt.date
    ends_on: dt.date | None
    payments: tuple[dt.date, ...]
    amount_fen: int
    persons: int
    is_amount_given: bool
    number: int = field(default=0, compare=False)
    """Which of the choices asked for it was."""

    def overlaps(self, other: PlannedMeasure) -> bool:
        """Whether both are given on one day."""
        first, last = max(self.starts_on, other.starts_on), min(self._last, other._last)
        return first <= last

    @property
    def _last(self) -> dt.date:
        return self.ends_on or (dt.date.max if _lasts(self.measure) else self.starts_on)

    @property
    def is_assumption(self) -> bool:
        """Whether the amount is the catalogue's and no published document gives it."""
        return self.entry.is_assumption and not self.is_amount_given


@dataclass(frozen=True)
class Plan:
    """The checked measures, in the catalogue's order: in which order they were asked for changes nothing."""

    period: Period
    region: str
    measures: tuple[PlannedMeasure, ...]


def make_plan(choices: Iterable[Choice], as_of: dt.date, region: str) -> Plan:
    """The plan of these choices.

    Raises `PlanError` with all of its faults: an unknown measure, one twice or too many, a start outside the
    coming 12 months or outside the dates on which the measure is in force, an amount or a number of persons
    out of bounds or where there is none, and two at one time that policy says exclude each other.
    """
    maker = _Maker(Period(as_of), region)
    chosen = list(choices)
    if len(chosen) > MOST_MEASURES:
        way_out = f"give at most {MOST_MEASURES} measures"
        raise PlanError([PlanFault(MOST_MEASURES, "code", "too_many_measures", way_out)])
    made = [maker.make(number, one) for number, one in enumerate(chosen)]
    maker.check_exclusive([one for one in made if one is not None])
    if maker.faults:
        raise PlanError(maker.faults)
    order = {code: place for place, code in enumerate(measures())}
    planned = sorted((one for one in made if one is not None), key=lambda one: order[one.measure.code])
    return Plan(maker.period, region, tuple(planned))


class _Maker:
    """Makes the measures of one plan and collects what is wrong with them."""

    def __init__(self, period: Period, region: str) -> None:
        self.period = period
        self.region = region
        self.faults: list[PlanFault] = []
        self.seen: set[str] = set()

    def make(self, number: int, choice: Choice) -> PlannedMeasure | None:
        measure = measures().get(choice.code)
        if measure is None:
            self._add(number, "code", "unknown_measure", f"give one of {', '.join(measures())}")
            return None
        if measure.code in self.seen:
            self._add(number, "code", "repeated_measure", "give each measure once; add its amounts together")
        self.seen.add(measure.code)
        starts_on = choice.starts_on or self.period.planned_from
        if not self.period.has(starts_on):
            way_out = (
                "give a day of the 12 months after as_of_date; what the household has been given before is a "
                "fact and belongs in its signals"
            )
            self._add(number, "starts_on", "outside_period", way_out)
            return None
        entry = measure.find_entry(self.region, starts_on)
        if entry is None:
            way_out = f"on the day it starts the measure must be in force: {measure.validity(self.region)}"
            self._add(number, "starts_on", "not_in_force", way_out)
        before = len(self.faults)
        ends_on = self._ends_on(number, choice, measure, starts_on)
        amount = self._amount(number, choice, measure, entry)
        persons = self._persons(number, choice, measure)
        if entry is None or len(self.faults) > before:
            return None
        lasts_until = min(ends_on or dt.date.max, entry.effective_until or dt.date.max)
        payments = self._payments(measure, starts_on, min(lasts_until, self.period.planned_until))
        return PlannedMeasure(
            measure=measure,
            entry=entry,
            starts_on=starts_on,
            ends_on=lasts_until if _lasts(measure) and lasts_until < self.period.planned_until else None,
            payments=tuple(payments),
            amount_fen=amount * persons,
            persons=persons,
            is_amount_given=choice.amount_fen is not None,
            number=number,
        )

    def check_exclusive(self, made: Sequence[PlannedMeasure]) -> None:
        """Note every measure that excludes an earlier one on the days on which both are planned."""
        if not made:
            return
        for codes in policy_value("exclusive_measures", self.region, self.period.planned_from).value:
            for one, other in combinations([each for each in made if each.measure.code in codes], 2):
                if one.measure.code != other.measure.code and one.overlaps(other):
                    way_out = (
                        f"{one.measure.code} and {other.measure.code} exclude each other: leave one out, or "
                        "let one end before the other starts"
                    )
                    self._add(other.number, "code", "exclusive_measures", way_out)

    def _ends_on(self, number: int, choice: Choice, measure: Measure, starts_on: dt.date) -> dt.date | None:
        if choice.ends_on is None:
            return None
        if not _lasts(measure):
            way_out = "leave ends_on out: the measure is given once"
            self._add(number, "ends_on", "not_taken", way_out)
        elif choice.ends_on < starts_on:
            self._add(number, "ends_on", "ended_before_start", "give a day on or after starts_on")
        return choice.ends_on

    def _amount(self, number: int, choice: Choice, measure: Measure, entry: MeasureEntry | None) -> int:
        if measure.paid == "in_kind":
            if choice.amount_fen is not None:
                way_out = "leave amount_yuan out: the measure pays nothing"
                self._add(number, "amount_yuan", "not_taken", way_out)
            return 0
        if choice.amount_fen is None:
            return 0 if entry is None or entry.value_yuan is None else entry.value_yuan * FEN_PER_YUAN
        if not 0 < choice.amount_fen <= measure.at_most_yuan * FEN_PER_YUAN:
            way_out = f"give an amount above 0 and at most {measure.at_most_yuan} yuan"
            self._add(number, "amount_yuan", "out_of_range", way_out)
        return choice.amount_fen

    def _persons(self, number: int, choice: Choice, measure: Measure) -> int:
        if choice.persons is None:
            return 1
        if measure.per == "household":
            way_out = "leave persons out: the measure is for the whole household"
            self._add(number, "persons", "not_taken", way_out)
        elif not 1 <= choice.persons <= MOST_PERSONS:
            self._add(number, "persons", "out_of_range", f"give from 1 to {MOST_PERSONS} persons")
        return choice.persons

    def _payments(self, measure: Measure, first: dt.date, last: dt.date) -> list[dt.date]:
        if measure.paid == "monthly":
            return self.period.monthly(first, last)
        if measure.paid == "each_term":
            starts = policy_value("term_starts", self.region, self.period.as_of).value
            return self.period.each_term(first, last, starts)
        return [first]

    def _add(self, number: int, part: str, code: str, way_out: str) -> None:
        self.faults.append(PlanFault(number, part, code, way_out))


def _lasts(measure: Measure) -> bool:
    return measure.paid in ("monthly", "each_term")
