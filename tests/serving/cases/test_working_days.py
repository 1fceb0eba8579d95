"""Working days, against the State Council's notices as they were published."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.cases.working_days import COVERED_YEARS, is_covered, is_working_day, working_day_after

RESTED = {
    # 2025: New Year, Spring Festival, Tomb Sweeping, May Day, Dragon Boat, National Day with Mid-Autumn.
    *(dt.date(2025, 1, 1), dt.date(2025, 4, 4), dt.date(2025, 6, 2)),
    *(dt.date(2025, 1, 28) + dt.timedelta(days=n) for n in range(8)),
    *(dt.date(2025, 5, 1) + dt.timedelta(days=n) for n in range(5)),
    *(dt.date(2025, 10, 1) + dt.timedelta(days=n) for n in range(8)),
}
WORKED_WEEKENDS = {
    dt.date(2025, 1, 26), dt.date(2025, 2, 8), dt.date(2025, 4, 27), dt.date(2025, 9, 28), dt.date(2025, 10, 11),
}  # fmt: skip


def test_the_year_2025_is_as_it_was_announced() -> None:
    day = dt.date(2025, 1, 1)
    while day.year == 2025:
        wanted = day in WORKED_WEEKENDS or (day.weekday() < 5 and day not in RESTED)
        assert is_working_day(day) == wanted, day
        day += dt.timedelta(days=1)


def test_the_library_covers_the_years_that_are_worked_in() -> None:
    assert {2020, 2023, 2025, 2026} <= set(COVERED_YEARS)


@pytest.mark.parametrize("year", [min(COVERED_YEARS) - 1, max(COVERED_YEARS) + 1, 2099])
def test_a_year_without_holidays_is_monday_to_friday_and_says_so(year: int) -> None:
    monday = dt.date(year, 6, 1) + dt.timedelta(days=-dt.date(year, 6, 1).weekday() % 7)
    assert not is_covered(monday)
    counted = working_day_after(monday, 5)
    assert (counted.day, counted.is_assumption) == (monday + dt.timedelta(days=7), True)


def test_the_last_days_of_the_last_covered_year_lead_into_an_assumption() -> None:
    last = dt.date(max(COVERED_YEARS), 12, 31)
    assert not working_day_after(last - dt.timedelta(days=20), 3).is_assumption
    assert working_day_after(last, 1).is_assumption


def test_a_holiday_is_stepped_over_and_a_worked_sunday_is_not() -> None:
    # Friday before the Sunday that is worked for the National Day, which begins on a Wednesday.
    assert working_day_after(dt.date(2025, 9, 26), 1).day == dt.date(2025, 9, 28)
    assert working_day_after(dt.date(2025, 9, 30), 2).day == dt.date(2025, 10, 10)
    with pytest.raises(ValueError, match="at least one"):
        working_day_after(dt.date(2025, 9, 30), 0)


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(st.dates(dt.date(2003, 1, 1), dt.date(2035, 12, 31)), st.integers(1, 20))
def test_so_many_working_days_lie_between(start: dt.date, count: int) -> None:
    reached = working_day_after(start, count).day
    between = [start + dt.timedelta(days=n) for n in range(1, (reached - start).days + 1)]
    assert sum(map(is_working_day, between)) == count
    assert is_working_day(reached)
