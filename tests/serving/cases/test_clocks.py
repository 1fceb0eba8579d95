"""Deadlines: when they are due, whose day it is, and who is told of what is missed."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import PolicyError
from serving.access import Role
from serving.cases.clocks import Clock, china_day, find_term, region_of, standing_of
from serving.cases.people import LEVELS, MOVERS, role_text

CHONGQING, ANHUI, GANSU, HUNAN = "500119100201", "340121100201", "620102001001", "430121100201"
MONDAY = dt.date(2026, 11, 2)


def test_people_are_roles_that_see_households() -> None:
    for one in (*MOVERS, *LEVELS):
        assert Role(one).sees_households
        assert role_text(one, "zh") != role_text(one, "en")
    assert not {"platform", "scientist", "monitor", "auditor", "accounts"} & set(MOVERS)


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2026-11-01T15:59:59.999999+00:00", "2026-11-01"),
        ("2026-11-01T16:00:00+00:00", "2026-11-02"),
        ("2026-11-01T23:59:59-05:00", "2026-11-02"),
        ("2026-11-02T00:00:00+08:00", "2026-11-02"),
        ("2028-02-28T16:00:00+00:00", "2028-02-29"),
        # Summer time, of 1991 the last, is none of this service's.
        ("1991-07-01T15:30:00+00:00", "1991-07-01"),
    ],
)
def test_a_day_is_chinas(moment: str, day: str) -> None:
    assert china_day(dt.datetime.fromisoformat(moment)) == dt.date.fromisoformat(day)


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        china_day(dt.datetime(2026, 11, 2))


@pytest.mark.parametrize(
    ("village", "clock", "start", "due"),
    [
        # 15 days from the clue; Anhui has 20.
        (CHONGQING, Clock.IDENTIFICATION, MONDAY, dt.date(2026, 11, 17)),
        (HUNAN, Clock.IDENTIFICATION, MONDAY, dt.date(2026, 11, 17)),
        (GANSU, Clock.IDENTIFICATION, MONDAY, dt.date(2026, 11, 17)),
        (ANHUI, Clock.IDENTIFICATION, MONDAY, dt.date(2026, 11, 22)),
        # Working days: 5 in Gansu, 2 in Anhui.
        (GANSU, Clock.VISIT, MONDAY, dt.date(2026, 11, 9)),
        (ANHUI, Clock.VISIT, MONDAY, dt.date(2026, 11, 4)),
        (ANHUI, Clock.VISIT, dt.date(2026, 11, 6), dt.date(2026, 11, 10)),
        # A notice of five days hangs on the sixth day from its first for the last time.
        (CHONGQING, Clock.NOTICE, MONDAY, dt.date(2026, 11, 7)),
        # A month from the last of January ends with February.
        (CHONGQING, Clock.FIRST_MEASURE, dt.date(2028, 1, 31), dt.date(2028, 2, 29)),
        (CHONGQING, Clock.FIRST_MEASURE, dt.date(2027, 1, 31), dt.date(2027, 2, 28)),
        (CHONGQING, Clock.FIRST_MEASURE, dt.date(2028, 2, 29), dt.date(2028, 3, 29)),
        (CHONGQING, Clock.FOLLOW_UP, dt.date(2027, 11, 30), dt.date(2028, 2, 29)),
    ],
)
def test_when_a_clock_is_due(village: str, clock: Clock, start: dt.date, due: dt.date) -> None:
    assert find_term(clock, village, start).due_on(start).day == due


def test_what_no_document_gives_is_an_assumption() -> None:
    assert not find_term(Clock.VISIT, GANSU, MONDAY).is_assumption
    assert not find_term(Clock.VISIT, ANHUI, MONDAY).is_assumption
    assert find_term(Clock.VISIT, CHONGQING, MONDAY).is_assumption
    assert not find_term(Clock.IDENTIFICATION, CHONGQING, MONDAY).is_assumption
    assert find_term(Clock.NOTICE, CHONGQING, MONDAY).is_least


@pytest.mark.parametrize("village", [CHONGQING, ANHUI, GANSU, HUNAN, "AB0000000000"])
@pytest.mark.parametrize("clock", list(Clock))
def test_every_clock_has_its_term_and_its_words(village: str, clock: Clock) -> None:
    term = find_term(clock, village, MONDAY)
    assert term.length >= 1
    assert term.source
    assert clock.text("zh") != clock.text("en")
    with pytest.raises(PolicyError, match="nothing is in force"):
        find_term(clock, village, dt.date(2019, 12, 31))


def test_a_village_beyond_china_has_the_region_the_software_was_made_for() -> None:
    assert (region_of(GANSU), region_of("AB0000000000"), region_of("")) == ("CN-62", "CN-50", "CN-50")


@pytest.mark.parametrize(
    ("days_late", "owner", "told"),
    [
        (-1, Role.VILLAGE_OFFICIAL, None),
        (0, Role.VILLAGE_OFFICIAL, None),
        (1, Role.VILLAGE_OFFICIAL, Role.TOWNSHIP_OFFICIAL),
        (1, Role.HELPER, Role.TOWNSHIP_OFFICIAL),
        (3, Role.VILLAGE_OFFICIAL, Role.TOWNSHIP_OFFICIAL),
        (4, Role.VILLAGE_OFFICIAL, Role.COUNTY_OFFICIAL),
        (7, Role.VILLAGE_OFFICIAL, Role.PROVINCE_OFFICIAL),
        (400, Role.VILLAGE_OFFICIAL, Role.PROVINCE_OFFICIAL),
        (1, Role.TOWNSHIP_OFFICIAL, Role.COUNTY_OFFICIAL),
        (1, Role.COUNTY_OFFICIAL, Role.PROVINCE_OFFICIAL),
    ],
)
def test_who_is_told_of_what_is_overdue(days_late: int, owner: Role, told: Role | None) -> None:
    stands = standing_of(MONDAY, MONDAY + dt.timedelta(days=days_late), owner.value, CHONGQING)
    assert stands.escalated_to == told
    assert stands.is_overdue == (days_late > 0)
    assert stands.is_due == (days_late == 0)


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(st.dates(dt.date(2020, 1, 1), dt.date(2029, 12, 31)), st.integers(-400, 400), st.integers(0, 400))
def test_a_day_that_was_set_back_makes_nothing_more_overdue(due: dt.date, at: int, back: int) -> None:
    today = max(due + dt.timedelta(days=at), dt.date(2021, 6, 1))
    then = max(today - dt.timedelta(days=back), dt.date(2020, 1, 1))
    late, earlier = (standing_of(due, one, Role.VILLAGE_OFFICIAL.value, CHONGQING) for one in (today, then))
    assert earlier.days_left >= late.days_left
    levels = [None, *LEVELS]
    assert levels.index(earlier.escalated_to) <= levels.index(late.escalated_to)
