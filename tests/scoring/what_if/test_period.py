"""Which days a plan counts on."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.what_if.period import Period

DAYS = st.dates(dt.date(2020, 1, 1), dt.date(2100, 12, 31))


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


@pytest.mark.parametrize(
    ("as_of", "counted_from", "planned_from", "planned_until"),
    [
        ("2025-06-30", "2024-07-01", "2025-07-01", "2026-06-30"),
        ("2026-10-31", "2025-11-01", "2026-11-01", "2027-10-31"),
        ("2028-02-29", "2027-03-01", "2028-03-01", "2029-02-28"),
        ("2027-02-28", "2026-03-01", "2027-03-01", "2028-02-28"),
    ],
)
def test_the_two_years(as_of: str, counted_from: str, planned_from: str, planned_until: str) -> None:
    period = Period(day(as_of))
    assert period.counted_from == day(counted_from)
    assert period.counted_until == day(as_of)
    assert (period.planned_from, period.planned_until) == (day(planned_from), day(planned_until))


@pytest.mark.parametrize(
    ("as_of", "planned", "counts_on"),
    [
        ("2025-06-30", "2025-07-01", "2024-07-01"),
        ("2025-06-30", "2026-06-30", "2025-06-30"),
        ("2027-06-30", "2028-02-29", "2027-02-28"),
        # A year before 29 February lies before the window: it counts on the window's first day.
        ("2028-02-28", "2028-02-29", "2027-03-01"),
    ],
)
def test_a_planned_day_counts_a_year_earlier(as_of: str, planned: str, counts_on: str) -> None:
    assert Period(day(as_of)).laid(day(planned)) == day(counts_on)


def test_payments() -> None:
    period = Period(day("2025-06-30"))
    assert len(period.monthly(day("2025-07-01"), period.planned_until)) == 12
    assert period.monthly(day("2025-12-31"), day("2026-04-29")) == [
        day("2025-12-31"), day("2026-01-31"), day("2026-02-28"), day("2026-03-31"),
    ]  # fmt: skip
    assert period.monthly(day("2026-06-30"), period.planned_until) == [day("2026-06-30")]
    terms = ("03-01", "09-01")
    assert period.each_term(day("2025-07-01"), period.planned_until, terms) == [
        day("2025-09-01"),
        day("2026-03-01"),
    ]
    assert period.each_term(day("2025-09-01"), day("2025-09-01"), terms) == [day("2025-09-01")]
    assert period.each_term(day("2025-09-02"), day("2026-02-28"), terms) == []


@given(as_of=DAYS, offset=st.integers(0, 365))
def test_every_planned_day_falls_in_the_window(as_of: dt.date, offset: int) -> None:
    period = Period(as_of)
    planned = period.planned_from + dt.timedelta(days=offset)
    if period.has(planned):
        assert period.counted_from <= period.laid(planned) <= period.counted_until


@given(DAYS)
def test_a_month_of_help_each_month_of_the_year(as_of: dt.date) -> None:
    period = Period(as_of)
    assert len(period.monthly(period.planned_from, period.planned_until)) == 12
    assert len(period.each_term(period.planned_from, period.planned_until, ("03-01", "09-01"))) == 2
