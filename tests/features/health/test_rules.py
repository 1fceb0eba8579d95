"""The judging rules on small grids: what each says is worked out by hand, in the comment beside it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from features.health.faults import Fault, find_faults
from features.health.grid import NOWHERE, Grid
from features.health.history import History
from features.health.months import first_day, last_day, month_of
from features.health.silences import find_silences
from features.health.statements import Statements
from features.health.usual import Usual
from features.signals import Coverage, Delivery

COUNTY = "500299"
VILLAGES = [f"{COUNTY}{town}{place}" for town in ("001", "002", "003") for place in ("001", "002")]
MONTH = month_of(dt.date(2025, 7, 1))
YEARS = 3
BEFORE = 12 * YEARS
Rows = float | Sequence[float]


def grid_of(
    history: Mapping[str, Rows], month: Mapping[str, Rows], villages: Sequence[str] = VILLAGES
) -> Grid:
    """Name → count of each village (or of every one) in each earlier month, and in the judged one."""
    grid = Grid(range(MONTH - BEFORE, MONTH + 1), villages)
    for name in dict.fromkeys([*history, *month]):
        table = np.zeros((BEFORE + 1, len(villages)))
        table[:-1], table[-1] = history.get(name, 0.0), month.get(name, 0.0)
        grid.put(name, table)
    return grid


def usual_of(grid: Grid) -> Usual:
    history = History(grid, np.ones((len(grid.months), len(grid.villages)), dtype=np.bool_))
    return Usual(history, MONTH, grid.months, np.ones(len(grid.villages), dtype=np.bool_))


def stated(until: int, area: str = COUNTY, feed: str = "income") -> list[Delivery]:
    """Monthly statements about an area, each 30 days after the month."""
    return [
        Delivery(feed, area, first_day(one), last_day(one), last_day(one) + dt.timedelta(days=30))
        for one in range(MONTH - BEFORE, until + 1)
    ]


def faults_of(
    grid: Grid, deliveries: list[Delivery] | None = None, *, is_due: bool = True, feed: str = "income"
) -> list[Fault]:
    coverage = Coverage(stated(MONTH, feed=feed) if deliveries is None else deliveries)
    statements = Statements(coverage, feed, dt.date(2025, 12, 31))
    history = History(grid, statements.matrix(grid.villages, grid.months))
    homes = dict.fromkeys(grid.villages, 50)
    return find_faults(history, MONTH, statements, is_due=is_due, months=grid.months, homes=homes)


def told(faults: list[Fault]) -> list[tuple[str, str, bool]]:
    return [(one.area, one.reason, one.is_whole) for one in faults]


def test_an_area_borrows_twenty_rows_of_its_countys_kind() -> None:
    # A tenth of all villages' rows are zero; of this village's 36 × 10 rows none is.
    history = {"rows": [10, 110], "zero:amount": [0, 12]}
    usual = usual_of(grid_of(history, {}, VILLAGES[:2]))
    # Over all months (0 + 20 × 12/120) / (360 + 20) = 2/380; over the three Julys 2/(30 + 20), which is more.
    assert usual.share("zero:amount", usual.grid.mask(VILLAGES[0])) == pytest.approx(2 / 50)
    # The other one: (36 × 12 + 2)/(36 × 110 + 20) = 0.10904 and (36 + 2)/(330 + 20) = 0.10857.
    assert usual.share("zero:amount", usual.grid.mask(VILLAGES[1])) == pytest.approx(434 / 3_980)


def test_what_should_never_happen_needs_no_history_and_the_rest_six_months() -> None:
    grid = grid_of({"rows": 100}, {})
    for months, known in ((5, None), (6, 0.0)):
        grid.table("rows")[:] = 0
        history = History(grid, np.ones((BEFORE + 1, 6), dtype=np.bool_))
        everywhere = np.ones(6, dtype=np.bool_)
        grid.table("rows")[-months - 1 : -1] = 100
        grid.put("zero:amount", np.zeros((BEFORE + 1, 6)))
        grid.put("copies", np.zeros((BEFORE + 1, 6)))
        usual = Usual(history, MONTH, grid.months[-months - 1 :], everywhere)
        assert usual.share("zero:amount", everywhere) == known
        assert usual.share("copies", everywhere) == 0.0


def test_a_feed_in_bursts_is_held_against_its_worst_month() -> None:
    grid = grid_of({"rows": 20, "zero:amount": 2}, {}, VILLAGES[:2])
    # One empty month makes bursts of it; in another, 15 of 40 rows were zero.
    grid.table("rows")[3] = grid.table("zero:amount")[3] = 0
    grid.table("zero:amount")[4] = [5, 10]
    usual = usual_of(grid)
    assert usual.share("zero:amount", grid.mask(COUNTY)) == pytest.approx(15 / 40)
    assert usual.worst_share("zero:amount", grid.mask(COUNTY)) == pytest.approx(15 / 40)


def test_a_steady_feeds_worst_month_counts_for_the_closer_look_alone() -> None:
    grid = grid_of({"rows": 20, "zero:amount": 2}, {}, VILLAGES[:2])
    grid.table("zero:amount")[4] = [5, 10]
    usual = usual_of(grid)
    # 35 months of 4 and one of 15 zeros, and 20 rows borrowed at that share, which changes nothing of a county.
    assert usual.share("zero:amount", grid.mask(COUNTY)) == pytest.approx((35 * 4 + 15) / (36 * 40))
    assert usual.worst_share("zero:amount", grid.mask(COUNTY)) == pytest.approx(15 / 40)


def test_the_expected_rows_are_the_middle_of_the_same_calendar_month() -> None:
    grid = grid_of({"rows": 30}, {}, VILLAGES[:1])
    julys = [at for at, month in enumerate(grid.months[:-1]) if (MONTH - month) % 12 == 0]
    grid.table("rows")[julys, 0] = [80, 100, 140]
    # All other calendar months are the same every year, so nothing is spread wider than chance.
    assert usual_of(grid).rows_expected(grid.mask(COUNTY)) == (100.0, 1.0)


def test_what_differs_from_year_to_year_is_expected_to_differ() -> None:
    grid = grid_of({"rows": 0}, {}, VILLAGES[:1])
    grid.table("rows")[:-1, 0] = np.repeat([60, 100, 140], 12)
    expected = usual_of(grid).rows_expected(grid.mask(COUNTY))
    # Each month's middle is 100: squares 1600, 0, 1600 over it are 16, 0, 16, times 3/2 for three years: 24, 0,
    # 24, whose median is 24; that of χ² with one degree of freedom is 0.4549.
    assert expected == pytest.approx((100.0, 24 / 0.4549))


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        # One July alone: the least of all months, those of March.
        ({(2, 6): 50.0, (0, 2): 20.0, (1, 2): 20.0, (2, 2): 20.0}, (20.0, 1.0)),
        # A January with rows in one year and none in another: no month owes any.
        ({(1, 0): 0.0}, None),
    ],
)
def test_a_month_that_is_not_known_well_is_expected_with_care(
    seen: dict[tuple[int, int], float], expected: tuple[float, float] | None
) -> None:
    grid = grid_of({"rows": 30}, {}, VILLAGES[:1])
    sound = np.ones((BEFORE + 1, 1), dtype=np.bool_)
    julys = [at for at, month in enumerate(grid.months[:-1]) if month % 12 == 6]
    for (year, calendar), count in seen.items():
        at = next(at for at, one in enumerate(grid.months) if one % 12 == calendar and at >= 12 * year)
        grid.table("rows")[at] = count
        if calendar == 6:
            sound[[one for one in julys if one != at]] = False
    history = History(grid, sound)
    usual = Usual(history, MONTH, grid.months, np.ones(1, dtype=np.bool_))
    assert usual.rows_expected(grid.mask(COUNTY)) == expected


@pytest.mark.parametrize(
    ("before", "now", "is_fault"),
    [
        # Surprise of a count: n·ln(n/e) − n + e, 10 or more. 58 of 100: 42 − 31.59 = 10.41; 59: 9.87.
        (100, 58, True),
        (100, 59, False),
        # Of many rows 70 % are few and 71 % are not, however surprising: 710·ln 0.71 + 290 = 46.8.
        (1_000, 700, True),
        (1_000, 710, False),
        # A tenth of the rows more or less is never a fault, and twice as many are not few.
        (1_000, 900, False),
        (1_000, 2_000, False),
    ],
)
def test_few_rows_are_few_and_no_chance(before: int, now: int, is_fault: bool) -> None:
    faults = faults_of(grid_of({"rows": before}, {"rows": now}, VILLAGES[:1]))
    assert told(faults) == ([(COUNTY, "few_rows", True)] if is_fault else [])
    if is_fault:
        assert (faults[0].rows, faults[0].share) == pytest.approx((before - now, 1 - now / before))


@pytest.mark.parametrize(
    ("name", "whole", "usual", "now", "reason"),
    [
        # The margin of zeros is 10 points over the usual tenth: 199 of 1,000 are within it, 201 beyond.
        ("zero:amount", "rows", 100, 199, None),
        ("zero:amount", "rows", 100, 201, "zeros"),
        # Five points are a fault of keys, copies and categories, of which none is usual.
        ("foreign", "rows", 0, 49, None),
        ("foreign", "rows", 0, 50, "foreign_households"),
        ("strange:kind", "rows", 0, 50, "new_category"),
        ("missing:amount", "rows", 0, 50, "missing_values"),
        ("copies", "rows", 0, 50, "many_rows"),
        ("repeats", "rows", 0, 199, None),
        ("repeats", "rows", 0, 200, "repeated"),
        # Where less than the margin is left, half of it: from 0.94 on 0.97, and not 1.04.
        ("zero:amount", "rows", 940, 969, None),
        ("zero:amount", "rows", 940, 971, "zeros"),
        # A slip of units in a fifth of the amounts is seen by the closer look, which knows the worst month.
        ("large:amount", "positive:amount", 0, 199, None),
        ("large:amount", "positive:amount", 0, 201, "unit_slip"),
        ("high:amount", "positive:amount", 0, 499, None),
        ("high:amount", "positive:amount", 0, 501, "unit_slip"),
        ("low:amount", "positive:amount", 300, 649, None),
        ("low:amount", "positive:amount", 300, 651, "unit_slip"),
        ("same:amount", "positive:amount", 100, 499, None),
        ("same:amount", "positive:amount", 100, 501, "zeros"),
        ("twins", "rows", 100, 299, None),
        ("twins", "rows", 100, 301, "many_rows"),
    ],
)
def test_a_share_is_odd_beyond_its_margin(
    name: str, whole: str, usual: int, now: int, reason: str | None
) -> None:
    before = {"rows": 1_000.0, whole: 1_000.0, name: float(usual)}
    found = faults_of(grid_of(before, {**before, name: now}, VILLAGES[:1]))
    assert told(found) == ([] if reason is None else [(COUNTY, reason, True)])
    if reason is not None:
        (fault,) = found
        assert fault.oddities == (name,)
        assert (fault.rows, fault.share) == pytest.approx((now, now / 1_000))
        assert fault.usual == pytest.approx(usual / 1_000)


def test_rows_with_an_odd_date_are_missing_from_the_whole_they_belong_to() -> None:
    # 60 rows with odd dates beside 1,000 of the month are 60/1,060, above the five points; 50/1,050 are not.
    for odd, reasons in ((50, []), (60, ["shifted_dates"])):
        grid = grid_of({"rows": 1_000}, {"rows": 1_000, "dates": odd}, VILLAGES[:1])
        assert [one.reason for one in faults_of(grid)] == reasons


@pytest.mark.parametrize(("odd", "is_fault"), [(2, False), (3, True)])
def test_two_odd_rows_are_dirt(odd: int, is_fault: bool) -> None:
    grid = grid_of({"rows": 3}, {"rows": 3, "foreign": odd}, VILLAGES[:1])
    assert bool(faults_of(grid)) is is_fault


@pytest.mark.parametrize(
    ("zeros", "expected"),
    [
        ([60, 0, 0, 0, 0, 0], [(VILLAGES[0], False)]),
        ([60, 60, 0, 0, 0, 0], [("500299001", False)]),
        ([60, 60, 0, 60, 0, 0], [("500299001", False), (VILLAGES[3], False)]),
        ([60, 60, 60, 60, 60, 60], [(COUNTY, True)]),
        # The others have it at half the rate of the worst, 120 of 400 to 0.6: it is everybody's.
        ([60, 60, 60, 60, 0, 0], [(COUNTY, True)]),
        # At a third of it, where the others would be at fault by themselves.
        ([60, 60, 21, 21, 21, 21], [(COUNTY, True)]),
        ([60, 60, 19, 19, 19, 19], [(f"{COUNTY}{one}", False) for one in ("001", "002", "003")]),
        ([0, 0, 0, 0, 0, 0], []),
    ],
)
def test_a_fault_belongs_to_the_smallest_area_that_holds_it(
    zeros: list[float], expected: list[tuple[str, bool]]
) -> None:
    grid = grid_of({"rows": 100}, {"rows": 100, "zero:amount": zeros})
    found = faults_of(grid)
    assert [(one.area, one.is_whole) for one in found] == expected
    assert {one.reason for one in found} <= {"zeros"}


@pytest.mark.parametrize(
    ("outside", "expected"), [([7, 6], (COUNTY, True)), ([6, 5], (f"{COUNTY}001", False))]
)
def test_half_the_rate_elsewhere_is_everybodys_though_no_fault_by_itself(
    outside: list[float], expected: tuple[str, bool]
) -> None:
    """A tenth is usual. 10 of 20 rows are 40 points more: 20·(0.5·ln 5 + 0.5·ln 0.556) = 10.2, a fault.

    13 of the other 40 are 22 points more, above half of 40, and a surprise of 7.6, none by itself; 11 are 17.
    """
    towns = [f"{COUNTY}{one}001" for one in ("001", "002", "003")]
    grid = grid_of({"rows": 20, "zero:amount": 2}, {"rows": 20, "zero:amount": [10, *outside]}, towns)
    ((area, is_whole),) = [(one.area, one.is_whole) for one in faults_of(grid)]
    assert (area[: len(expected[0])], is_whole) == expected


def test_rows_of_nobody_are_the_countys() -> None:
    grid = grid_of({"rows": [*[100] * 6, 0]}, {"rows": [*[50] * 6, 300], "foreign": [*[0] * 6, 300]},
                   [*VILLAGES, NOWHERE])  # fmt: skip
    assert told(faults_of(grid)) == [(COUNTY, "foreign_households", True)]


def test_an_area_has_one_reason_the_first_that_explains_it() -> None:
    """Rows without an amount have none that is zero, and few of them are left: one word for all of it."""
    grid = grid_of({"rows": 100}, {"rows": 60, "missing:amount": 60, "zero:amount": 30})
    assert told(faults_of(grid)) == [(COUNTY, "missing_values", True)]
    # The same in one village: 50 of 100 rows would be few, too.
    one = [50, *[100] * 5]
    grid = grid_of({"rows": 100}, {"rows": one, "missing:amount": [50, *[0] * 5]})
    assert told(faults_of(grid)) == [(VILLAGES[0], "missing_values", False)]


def test_of_next_to_no_rows_the_few_that_are_left_say_nothing() -> None:
    # 5 of 100 are next to none, whatever they are; of 6 it is said first what is wrong with them.
    for rows, reason in ((5, "few_rows"), (6, "missing_values")):
        grid = grid_of({"rows": 100}, {"rows": rows, "missing:amount": rows}, VILLAGES[:1])
        assert told(faults_of(grid)) == [(COUNTY, reason, True)]


@pytest.mark.parametrize(
    ("until", "is_due", "expected"),
    [
        (MONTH - 1, True, [(COUNTY, "late", True)]),
        (MONTH - 2, True, [(COUNTY, "silent", True)]),
        (MONTH - 1, False, []),
    ],
)
def test_a_month_that_is_not_stated(until: int, is_due: bool, expected: list[tuple[str, str, bool]]) -> None:
    grid = grid_of({"rows": 100}, {"rows": 0})
    assert told(faults_of(grid, stated(until), is_due=is_due)) == expected


def test_a_month_that_is_stated_of_some_towns_or_in_part() -> None:
    towns = [f"{COUNTY}{one}" for one in ("001", "002", "003")]
    first, second, third = (stated(MONTH, one) for one in towns)
    half = Delivery("income", towns[2], first_day(MONTH), dt.date(2025, 7, 20), dt.date(2025, 8, 30))
    # The rows of what is not stated are not looked at: none of them came.
    grid = grid_of({"rows": 100}, {"rows": [100, 100, 0, 0, 0, 0]})
    found = faults_of(grid, [*first, *second[:-1], *third[:-1], half])
    assert told(found) == [(towns[1], "late", False), (towns[2], "few_rows", False)]
    assert [(one.oddities, one.share) for one in found] == [
        (("statement",), 1.0),
        (("statement",), pytest.approx(11 / 31)),
    ]


def test_a_village_falls_silent_when_a_fifth_of_its_rows_would_be_no_chance() -> None:
    """At five rows a month ten months lack 50, of which a fifth is 10: exp(−10) is the bound. Nine lack 45."""
    grid = grid_of({"rows": [5, *[40] * 5]}, {"rows": [0, *[40] * 5]})
    for empty, lacking in ((8, {}), (9, {0: 50.0}), (10, {0: 55.0})):
        grid.table("rows")[:, 0] = 5
        grid.table("rows")[-1 - empty :, 0] = 0
        usual = usual_of(grid)
        free = np.ones(6, dtype=np.bool_)
        assert find_silences(usual, free, dict.fromkeys(VILLAGES, 50), 10.0) == lacking
        # One month without five rows is chance, exp(−5).
        expected = [(VILLAGES[0], "few_rows", False)] if lacking else []
        assert told(faults_of(grid)) == expected
        # A spell that goes on is there every month: the months without one are one fact told again.
        assert told(faults_of(grid, feed="employment")) == []


def test_a_village_that_was_never_heard_is_held_against_its_neighbours() -> None:
    """A county of 300 households with 40 rows a month owes 50 of them 6.67 a month, in 37 months 246.7."""
    grid = grid_of({"rows": [0, *[8] * 5]}, {"rows": [0, *[8] * 5]})
    usual, free = usual_of(grid), np.ones(6, dtype=np.bool_)
    found = find_silences(usual, free, dict.fromkeys(VILLAGES, 50), 10.0)
    assert found == {0: pytest.approx(40 / 300 * 50 * 37)}
    # Without households, and in a feed of bursts, nobody owes anything.
    assert find_silences(usual, free, dict.fromkeys(VILLAGES[1:], 50), 10.0) == {}
    grid.table("rows")[3] = 0
    assert find_silences(usual_of(grid), free, dict.fromkeys(VILLAGES, 50), 10.0) == {}


def test_what_was_at_fault_is_no_later_months_usual() -> None:
    grid = grid_of({"rows": 100}, {"rows": 100, "zero:amount": 60})
    statements = Statements(Coverage(stated(MONTH)), "income", dt.date(2025, 12, 31))
    history = History(grid, statements.matrix(grid.villages, grid.months))
    everywhere = np.ones(6, dtype=np.bool_)
    find_faults(history, MONTH, statements, is_due=True, months=grid.months, homes={})
    assert not history.is_sound(MONTH, everywhere)
    assert history.total("zero:amount", everywhere).sum() == 0
