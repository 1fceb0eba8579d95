"""Chinese working days: weekends, public holidays, and the weekends worked in exchange (调休).

The holidays are those that the State Council announced each year, as `chinesecalendar` has them.
In a year that it does not have yet Monday to Friday are worked, and what was counted so is an assumption.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import chinese_calendar

COVERED_YEARS = range(min(chinese_calendar.holidays).year, max(chinese_calendar.holidays).year + 1)
"""Years whose holidays are known."""
_WEEKEND = 5


@dataclass(frozen=True)
class CountedDay:
    """A day that was counted to. `is_assumption`: some of the days between lie in a year without holidays."""

    day: dt.date
    is_assumption: bool


def is_covered(day: dt.date) -> bool:
    """Whether the holidays of the day's year are known."""
    return day.year in COVERED_YEARS


def is_working_day(day: dt.date) -> bool:
    """Whether offices work on a day; Monday to Friday where its year's holidays are not known."""
    if is_covered(day):
        return bool(chinese_calendar.is_workday(day))
    return day.weekday() < _WEEKEND


def working_day_after(day: dt.date, count: int) -> CountedDay:
    """The `count`-th working day after a day, which is not counted itself (《民法典》第二百零一条)."""
    if count < 1:
        raise ValueError("at least one working day is counted")
    reached, left, is_assumption = day, count, False
    while left:
        reached += dt.timedelta(days=1)
        is_assumption = is_assumption or not is_covered(reached)
        left -= is_working_day(reached)
    return CountedDay(reached, is_assumption)
