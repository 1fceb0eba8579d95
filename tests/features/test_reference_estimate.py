"""The departments' estimate of reference income: worked out by hand, and the same number as the feature."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import CONTRACTS, RowEngine
from features.dates import months_after, months_before
from features.definitions import FEATURES
from features.errors import ContractError
from features.reference_estimate import find_estimate
from features.signals import complete
from tests.features.test_reference_income import household, stored
from tests.features.worlds import AS_OF_DATES, REGION, make_world

AS_OF = dt.date(2026, 6, 30)
COVERAGE = complete(CONTRACTS, "50", dt.date(2020, 1, 1), AS_OF)
FEATURE = "income_reference_per_person_yuan_12m"
KNOWN = {"known_on": "2026-06-20"}


def test_worked_out_by_hand() -> None:
    rows = household() | {
        "income": [
            stored("income", source="wages", amount_yuan=18_000, cost_yuan=0, occurred_on="2026-01-31", **KNOWN),
            stored("income", source="business", amount_yuan=9_000, cost_yuan=3_500.5, occurred_on="2025-09-30", **KNOWN),
            # Before the window, and known too late.
            stored("income", source="wages", amount_yuan=7_777, cost_yuan=0, occurred_on="2025-06-30", **KNOWN),
            stored("income", source="wages", amount_yuan=7_777, cost_yuan=0, occurred_on="2026-06-01", known_on="2026-07-01"),
        ],
        "accident": [stored("accident", compensated_yuan=1_200, occurred_on="2026-02-01", **KNOWN)],
        "illness": [
            stored("illness", total_yuan=9_000, reimbursed_yuan=2_000, self_paid_yuan=6_000, occurred_on="2026-03-01", **KNOWN)
        ],
        "schooling": [
            stored("schooling", cost_yuan=3_000, aid_yuan=1_000, occurred_on="2026-03-01", **KNOWN),
            # Aid beyond the cost is no income.
            stored("schooling", cost_yuan=500, aid_yuan=900, occurred_on="2025-09-01", **KNOWN),
        ],
    }  # fmt: skip
    found = find_estimate(rows, AS_OF, COVERAGE)
    assert found is not None
    assert found.part_fen == {
        "wages": 1_800_000, "business": 900_000, "property": 0, "transfers": 0, "costs": 350_050,
        "compensation": 120_000, "self_paid_medical": 600_000, "self_paid_schooling": 200_000,
    }  # fmt: skip
    # 18,000 + 9,000 − 3,500.50 + 1,200 − 6,000 − 2,000
    assert found.total_fen == 1_669_950
    assert found.members == 3


def test_a_silent_feed_or_nobody_is_no_estimate() -> None:
    for feed in ("income", "accident", "illness", "schooling", "member"):
        spoken = [one for one in CONTRACTS if one != feed]
        assert find_estimate(household(), AS_OF, complete(spoken, "50", dt.date(2020, 1, 1), AS_OF)) is None
    assert find_estimate(household(members=0), AS_OF, COVERAGE) is None
    with pytest.raises(ContractError, match="no household record is open"):
        find_estimate({}, AS_OF, COVERAGE)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), as_of=st.sampled_from(AS_OF_DATES))
def test_the_feature_is_the_same_number(seed: int, as_of: dt.date) -> None:
    world = make_world(seed, as_of)
    engine = RowEngine([FEATURES[FEATURE]], REGION)
    coverage = complete(CONTRACTS, "50", dt.date(2015, 1, 1), as_of)
    for household_id in world.rows:
        rows = world.of_household(household_id)
        try:
            (value,) = engine.vector(rows, as_of, coverage)
        except ContractError:
            continue
        found = find_estimate(rows, as_of, coverage, REGION)
        if value is None:
            assert found is None
        else:
            assert found is not None
            assert found.total_fen / found.members / 100 == pytest.approx(value, rel=1e-12, abs=1e-12)


@given(st.dates(dt.date(2020, 1, 1), dt.date(2100, 1, 1)), st.integers(0, 40))
def test_months_after_is_months_before_the_other_way(day: dt.date, months: int) -> None:
    later = months_after(day, months)
    assert (later.year * 12 + later.month) - (day.year * 12 + day.month) == months
    assert later.day <= day.day
    assert months_before(later, months).day == min(day.day, later.day)
