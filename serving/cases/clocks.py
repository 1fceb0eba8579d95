"""The deadlines of a case: when each is due, and what becomes of it when it is missed (限时清零).

A day is China's (UTC+8, which has no summer time), whatever the machine's zone is.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from features.dates import months_after
from features.errors import PolicyError
from features.policy import DEFAULT_REGION, policy_value
from serving.cases.people import LEVELS
from serving.cases.working_days import CountedDay, working_day_after

CHINA = dt.timezone(dt.timedelta(hours=8))
SOON_DAYS = 3
"""A deadline that is so near is told as near."""


class Clock(StrEnum):
    """What runs against time; the days are `features/policy/case_clock_days.yaml`."""

    IDENTIFICATION = "identification"
    """线索至识别: from the first lead to the county's identification."""
    VISIT = "visit"
    """入户核实."""
    NOTICE = "notice"
    """村内公示: it has to last, and nobody is late with it."""
    RESULT = "result"
    """告知结果和理由."""
    FIRST_MEASURE = "first_measure"
    """落实首项措施."""
    GREEN_LANE = "green_lane"
    """绿色通道补办手续."""
    FOLLOW_UP = "follow_up"
    """跟踪核查: the next look at a household that is helped."""

    def text(self, language: str) -> str:
        """The clock in words, Chinese (``zh``) or English (``en``)."""
        zh, en = _TEXTS[self]
        return zh if language == "zh" else en


_TEXTS = {
    Clock.IDENTIFICATION: ("线索至识别", "lead to identification"),
    Clock.VISIT: ("入户核实", "visit to the household"),
    Clock.NOTICE: ("村内公示", "village notice"),
    Clock.RESULT: ("告知结果", "telling the result"),
    Clock.FIRST_MEASURE: ("落实首项措施", "first measure"),
    Clock.GREEN_LANE: ("绿色通道补办手续", "paperwork after help"),
    Clock.FOLLOW_UP: ("跟踪核查", "follow-up visit"),
}


class CountedIn(StrEnum):
    """What a deadline's length is counted in."""

    CALENDAR_DAYS = "calendar_days"
    WORKING_DAYS = "working_days"
    CALENDAR_MONTHS = "calendar_months"


@dataclass(frozen=True)
class Term:
    """How long a clock runs in a region from a date on. `is_least`: it has to last so long."""

    clock: Clock
    length: int
    kind: CountedIn
    is_least: bool
    is_assumption: bool
    source: str

    def due_on(self, started_on: dt.date) -> CountedDay:
        """The last day; the day it starts on is not counted (《民法典》第二百零一条).

        A last day that is a holiday is not put off, unlike 第二百零三条 allows: sooner is the careful side.
        """
        match self.kind:
            case CountedIn.WORKING_DAYS:
                return working_day_after(started_on, self.length)
            case CountedIn.CALENDAR_MONTHS:
                return CountedDay(months_after(started_on, self.length), is_assumption=False)
            case CountedIn.CALENDAR_DAYS:
                return CountedDay(started_on + dt.timedelta(days=self.length), is_assumption=False)


@dataclass(frozen=True)
class CaseClock:
    """One deadline of a case. It runs until it is stopped; `round` counts how often it was started."""

    clock: Clock
    round: int
    started_on: dt.date
    due_on: dt.date
    stopped_on: dt.date | None = None

    @property
    def is_running(self) -> bool:
        """Whether nobody has done yet what it waits for."""
        return self.stopped_on is None


@dataclass(frozen=True)
class Standing:
    """How a deadline stands on a day: `days_left` is negative where it is overdue.

    `escalated_to` is the highest level that is told of it; `None` while only its owner is.
    """

    days_left: int
    escalated_to: str | None

    @property
    def is_due(self) -> bool:
        """Whether today is the last day."""
        return self.days_left == 0

    @property
    def is_overdue(self) -> bool:
        """Whether the last day is past."""
        return self.days_left < 0


def china_day(moment: dt.datetime) -> dt.date:
    """The day in China at a moment; raises `ValueError` for one without a time zone."""
    if moment.tzinfo is None:
        raise ValueError("a moment needs its time zone")
    return moment.astimezone(CHINA).date()


def china_today() -> dt.date:
    """The day in China by the clock of this machine."""
    return dt.datetime.now(CHINA).date()


def end_of_day(day: dt.date) -> dt.datetime:
    """The moment at which a day in China is over."""
    return dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), CHINA)


def region_of(village_code: str) -> str:
    """The policy region of a village: its province's in China, else the one the software was made for."""
    province = village_code[:2]
    return f"CN-{province}" if len(province) == 2 and province.isdigit() else DEFAULT_REGION


def find_term(clock: Clock, village_code: str, on: dt.date) -> Term:
    """How long a clock that starts on a day runs; raises `PolicyError` where policy does not say it."""
    entry = policy_value("case_clock_days", region_of(village_code), on)
    try:
        said = entry.value[clock.value]
        return Term(
            clock, int(said["length"]), CountedIn(said["kind"]), bool(said.get("is_least", False)),
            said["status"] == "assumption", entry.source,
        )  # fmt: skip
    except (KeyError, TypeError, ValueError):
        raise PolicyError(
            f"case_clock_days for {entry.region} says nothing usable of {clock}: give length, kind and status"
        ) from None


def standing_of(due_on: dt.date, today: dt.date, owner: str, village_code: str) -> Standing:
    """How a deadline of an owner's role stands on a day. A day that was set back makes nothing overdue."""
    days_left = (due_on - today).days
    if days_left >= 0:
        return Standing(days_left, None)
    days = policy_value("case_escalation_days", region_of(village_code), today).value
    overdue = -days_left
    if overdue < days["first"]:
        return Standing(days_left, None)
    steps = 1 + (overdue - days["first"]) // days["each"]
    at = min(_level_of(owner) + steps, len(LEVELS) - 1)
    return Standing(days_left, LEVELS[at])


def escalation_bounds(owner: str, area_code: str, today: dt.date) -> tuple[tuple[str, dt.date], ...]:
    """The levels that an owner's overdue cases are told to, the highest first, each with the last due date of
    those that reach it: what `standing_of` says one by one, for many at once."""
    days = policy_value("case_escalation_days", region_of(area_code), today).value
    own = _level_of(owner)
    steps = {min(own + step, len(LEVELS) - 1): step for step in range(len(LEVELS) - own, 0, -1)}
    return tuple(
        (LEVELS[at], today - dt.timedelta(days=days["first"] + (step - 1) * days["each"]))
        for at, step in sorted(steps.items(), reverse=True)
    )


def _level_of(owner: str) -> int:
    return LEVELS.index(owner) if owner in LEVELS else 0
