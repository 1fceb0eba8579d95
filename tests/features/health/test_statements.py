"""What is stated of a month, when it is due, and what a missing statement is called."""

from __future__ import annotations

import datetime as dt

import pytest

from features.health.months import first_day, last_day, month_of
from features.health.statements import Statements
from features.signals import Coverage, Delivery

VILLAGES = ["500299001001", "500299001002", "500299002001"]
JULY = month_of(dt.date(2025, 7, 1))


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def monthly(until: int, delay: int = 30, area: str = "500299", count: int = 12) -> list[Delivery]:
    return [
        Delivery("income", area, first_day(one), last_day(one), last_day(one) + dt.timedelta(days=delay))
        for one in range(until - count + 1, until + 1)
    ]


def test_months_are_counted() -> None:
    assert (first_day(JULY), last_day(JULY)) == (day("2025-07-01"), day("2025-07-31"))
    assert last_day(month_of(day("2024-02-10"))) == day("2024-02-29")
    assert first_day(JULY - 7) == day("2024-12-01")


@pytest.mark.parametrize(
    ("deliveries", "as_of", "expected"),
    [
        (monthly(JULY), "2025-09-10", (JULY, True)),
        # Stated, and judged, before the feed's usual day and its grace are over.
        (monthly(JULY), "2025-08-31", (JULY, False)),
        # Not there yet: due five days after the usual day, not earlier.
        (monthly(JULY - 1), "2025-09-03", (JULY - 1, True)),
        (monthly(JULY - 1), "2025-09-04", (JULY, True)),
        # One town is no county.
        ([*monthly(JULY - 1), *monthly(JULY, area="500299002", count=1)], "2025-09-03", (JULY - 1, True)),
        # Nothing for two years.
        (monthly(JULY - 30), "2025-09-10", (JULY + 1, True)),
    ],
)
def test_the_month_that_is_due(deliveries: list[Delivery], as_of: str, expected: tuple[int, bool]) -> None:
    assert Statements(Coverage(deliveries), "income", day(as_of)).due_month(VILLAGES) == expected


def test_a_month_may_be_stated_in_parts_and_by_any_area_above() -> None:
    parts = [
        Delivery("income", "50", day("2025-07-01"), day("2025-07-10"), day("2025-07-12")),
        Delivery("income", "500299001", day("2025-07-11"), day("2025-07-20"), day("2025-07-22")),
        Delivery("income", "500299001001", day("2025-07-15"), day("2025-08-05"), day("2025-08-06")),
        Delivery("illness", "50", day("2025-07-01"), day("2025-07-31"), day("2025-08-01")),
    ]
    statements = Statements(Coverage(parts), "income", day("2025-09-01"))
    assert [statements.of(one, JULY).on for one in VILLAGES] == [day("2025-08-06"), None, None]
    assert [round(statements.of(one, JULY).share * 31) for one in VILLAGES] == [31, 20, 10]
    assert Statements(Coverage(parts), "income", day("2025-08-05")).of(VILLAGES[0], JULY).on is None
    assert Statements(Coverage(parts), "disaster", day("2025-08-05")).is_empty
    assert statements.first_month == JULY


def test_one_missed_month_is_late_two_are_silent() -> None:
    statements = Statements(Coverage(monthly(JULY)), "income", day("2025-12-31"))
    assert [statements.missed(VILLAGES[0], JULY + late) for late in range(4)] == [0, 1, 2, 3]
    assert Statements(Coverage(), "income", day("2025-12-31")).missed(VILLAGES[0], JULY) == 24
