"""A covered window without rows is a zero, an uncovered one is missing; a silent feed is never a zero."""

from __future__ import annotations

import datetime as dt
import math
import random
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import CONTRACTS, FEATURES, Coverage, RowEngine, Signals, build_vectors
from features.engines.row import stored_row
from features.errors import ContractError, CoverageError
from features.signals import Delivery
from features.signals.coverage import MOST_STATES
from tests.features.oracle import policy
from tests.features.worlds import make_world

AS_OF = dt.date(2025, 6, 30)
VILLAGE = "500299001001"
INCOME = "income_wages_yuan_12m"
WAGES = [FEATURES[INCOME], FEATURES["income_wages_yuan_3m"], FEATURES["composition_members_count"]]


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def delivery(
    first: str, last: str, *, feed: str = "income", area: str = VILLAGE, known: str = "2025-06-01"
) -> Delivery:
    return Delivery(feed, area, day(first), day(last), day(known))


def vector(*deliveries: Delivery, as_of: dt.date = AS_OF) -> list[float | None]:
    """Wages of 12 and of 3 months and the members of a household without any record but its own."""
    household = CONTRACTS["household"].generate(random.Random(1)) | {
        "occurred_on": day("2015-01-01"),
        "known_on": day("2015-01-01"),
        "ended_on": None,
        "ended_known_on": None,
        "village_code": VILLAGE,
    }
    row: Any = CONTRACTS["household"].parse_row(household)
    coverage = Coverage(deliveries)
    by_row = RowEngine(WAGES).vector({"household": [stored_row(row)]}, as_of, coverage)
    table = pa.Table.from_pylist([row], schema=CONTRACTS["household"].schema)
    frame = build_vectors(Signals({"household": table}, coverage), [as_of], features=WAGES)
    by_sql = [None if math.isnan(one) else float(one) for one in frame.iloc[0]]
    assert by_row == by_sql
    return by_row


@pytest.mark.parametrize(
    ("deliveries", "twelve", "three"),
    [
        ([], None, None),
        ([delivery("2024-07-01", "2025-06-30")], 0, 0),
        ([delivery("2024-07-02", "2025-06-30")], None, 0),
        ([delivery("2025-03-31", "2025-06-30")], None, 0),
        ([delivery("2025-04-01", "2025-06-30")], None, None),
        # Stale after 62 days.
        ([delivery("2024-01-01", "2025-04-29")], 0, 0),
        ([delivery("2024-01-01", "2025-04-28")], None, None),
        # Two that touch are one; a day between them ends the stretch.
        ([delivery("2024-01-01", "2024-12-31"), delivery("2025-01-01", "2025-06-30")], 0, 0),
        ([delivery("2024-01-01", "2024-12-30"), delivery("2025-01-01", "2025-06-30")], None, 0),
        (
            [
                delivery("2024-01-01", "2024-12-30"),
                delivery("2025-01-01", "2025-06-30"),
                delivery("2024-12-31", "2024-12-31"),
            ],
            0,
            0,
        ),
        # The longer one bridges what looks like a gap between the ends.
        (
            [
                delivery("2025-05-01", "2025-06-30"),
                delivery("2025-05-03", "2025-05-04"),
                delivery("2024-01-01", "2025-05-02"),
            ],
            0,
            0,
        ),
        # Late knowledge, other feeds, other places, higher areas.
        ([delivery("2024-01-01", "2025-06-30", known="2025-06-30")], 0, 0),
        ([delivery("2024-01-01", "2025-06-30", known="2025-07-01")], None, None),
        ([delivery("2024-01-01", "2025-06-30", feed="illness")], None, None),
        ([delivery("2024-01-01", "2025-06-30", area="500299001002")], None, None),
        ([delivery("2024-01-01", "2025-06-30", area="500299002")], None, None),
        ([delivery("2024-01-01", "2025-06-30", area="500299001")], 0, 0),
        ([delivery("2024-01-01", "2025-06-30", area="50")], 0, 0),
        ([delivery("2024-01-01", "2024-12-31", area="50"), delivery("2025-01-01", "2025-06-30")], 0, 0),
        # A promise about later days says nothing about earlier ones.
        ([delivery("2025-07-01", "2025-12-31")], None, None),
        ([delivery("2024-01-01", "2025-06-20"), delivery("2025-07-01", "2025-12-31")], 0, 0),
        ([delivery("2024-01-01", "2025-12-31")], 0, 0),
    ],
)
def test_zero_or_missing(deliveries: list[Delivery], twelve: float | None, three: float | None) -> None:
    assert vector(*deliveries) == [twelve, three, None]


@pytest.mark.parametrize(
    ("deliveries", "members"),
    [
        # What began before the first covered day was never delivered: a state needs a year.
        ([delivery("2024-06-01", "2025-06-01", feed="member")], 0),
        ([delivery("2025-03-22", "2025-03-22", feed="member")], None),
        ([delivery("2020-01-01", "2025-03-21", feed="member")], None),
        ([delivery("2025-07-01", "2026-07-01", feed="member", known="1970-01-01")], None),
    ],
)
def test_a_state_needs_a_fresh_feed(deliveries: list[Delivery], members: float | None) -> None:
    assert vector(*deliveries)[2] == members


@given(
    st.lists(
        st.tuples(
            st.sampled_from(("5002", "500299", "500299001", VILLAGE, "500299001002")),
            st.integers(-20, 30),
            st.integers(0, 12),
            st.integers(-8, 8),
        ),
        max_size=7,
    ),
    st.integers(-8, 8),
)
@settings(max_examples=300)
def test_the_covered_stretch_is_the_run_of_covered_days(
    spans: list[tuple[str, int, int, int]], today: int
) -> None:
    as_of = AS_OF + dt.timedelta(days=today)
    deliveries = [
        Delivery(
            "disaster",
            area,
            AS_OF + dt.timedelta(days=first),
            AS_OF + dt.timedelta(days=first + length),
            AS_OF + dt.timedelta(days=known),
        )
        for area, first, length, known in spans
    ]
    days = {
        AS_OF + dt.timedelta(days=first + n)
        for area, first, length, known in spans
        for n in range(length + 1)
        if VILLAGE.startswith(area) and known <= today and first <= today
    }
    found = Coverage(deliveries).covered("disaster", VILLAGE, as_of, "CN-50")
    if not days:
        assert found is None
        return
    assert found is not None
    last = first = max(days)
    while first - dt.timedelta(days=1) in days:
        first -= dt.timedelta(days=1)
    epoch = dt.date(1970, 1, 1)
    assert (found.since_day, found.until_day) == ((first - epoch).days, (last - epoch).days)
    assert found.is_stale == ((as_of - last).days > 46)
    assert found.covers(found.since_day) == (not found.is_stale)
    assert not found.covers(found.since_day - 1)


@given(st.integers(0, 10**6), st.sets(st.sampled_from(sorted(CONTRACTS))))
@settings(max_examples=10)
def test_a_silent_feed_is_never_a_zero(seed: int, silent: set[str]) -> None:
    """Whatever its rows say: a feature of a feed without coverage is missing in every vector."""
    world = make_world(seed, AS_OF)
    heard = [one for one in world.deliveries if one[0] not in silent]
    signals = Signals(world.signals().tables, Coverage(Delivery(*one) for one in heard))
    frame = build_vectors(signals, [AS_OF])
    for name, one in FEATURES.items():
        if silent & set(one.feeds):
            assert np.isnan(frame[name]).all(), name


def test_freshness_in_words() -> None:
    coverage = Coverage([
        delivery("2024-01-01", "2025-06-01"),
        delivery("2024-01-01", "2025-01-01", feed="disaster"),
        delivery("2024-01-01", "2025-06-01", feed="illness", known="2025-08-01"),
    ])
    months = {"income": 12, "disaster": 12, "illness": 12, "loan": 12}
    assert coverage.freshness(VILLAGE, AS_OF, "CN-50", months | {"income": 24}) == {
        "income": "partial",
        "disaster": "stale",
        "illness": "missing",
        "loan": "missing",
    }
    assert coverage.freshness(VILLAGE, AS_OF, "CN-50", months) == {
        "loan": "missing",
        "income": "fresh",
        "disaster": "stale",
        "illness": "missing",
    }
    assert policy("feed_delay_days", "CN-50", AS_OF)["disaster"] == 46


def test_stretches_are_what_is_covered_and_not_stale() -> None:
    other = "500299001002"
    coverage = Coverage([
        delivery("2024-01-01", "2025-06-01"),
        delivery("2023-05-01", "2023-12-31", area=other),
        delivery("2024-01-01", "2025-01-01", feed="disaster"),
        delivery("2024-01-01", "2025-06-01", feed="illness", known="2025-08-01"),
    ])
    feeds = ("income", "disaster", "illness", "loan")
    nothing = dict.fromkeys(feeds)
    first, last = ((day(one) - day("1970-01-01")).days for one in ("2024-01-01", "2025-06-01"))
    # Twice, as what was found is kept; and of others in between.
    for _ in range(2):
        assert coverage.stretches(feeds, VILLAGE, AS_OF, "CN-50") == (
            nothing | {"income": first}, nothing | {"income": last},
        )  # fmt: skip
        assert coverage.stretches(feeds, other, AS_OF, "CN-50") == (nothing, nothing)
        assert coverage.stretches(feeds, VILLAGE, day("2023-06-30"), "CN-50") == (nothing, nothing)
        assert coverage.stretches(("loan",), VILLAGE, AS_OF, "CN-50") == ({"loan": None}, {"loan": None})
    for number in range(MOST_STATES + 5):
        assert coverage.stretches(feeds, f"5003{number:08}", AS_OF, "CN-50") == (nothing, nothing)
        assert len(coverage._stretches) <= MOST_STATES


GOOD = {
    "feed": "income",
    "area_code": VILLAGE,
    "complete_from": "2024-01-01",
    "complete_until": "2024-12-31",
    "known_on": "2025-01-01",
}


def test_coverage_leads_through_frames_and_back() -> None:
    coverage = Coverage.from_rows([GOOD, {**GOOD, "area_code": "50"}], CONTRACTS)
    assert Coverage.from_frame(coverage.to_frame(), CONTRACTS).deliveries == coverage.deliveries
    assert Coverage.from_frame(Coverage().to_frame(), CONTRACTS).deliveries == ()


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"feed": "horoscope"}, "feed is one of"),
        ({"area_code": "5002990"}, "area code"),
        ({"area_code": 500299}, "area code"),
        ({"area_code": None}, "area code"),
        ({"known_on": "2025-02-30"}, "known_on"),
        ({"complete_from": ""}, "complete_from"),
        ({"complete_until": "2023-12-31"}, "after complete_until"),
        ({"note": "x"}, "exactly"),
    ],
)
def test_coverage_rows_that_are_not_right(change: dict[str, Any], match: str) -> None:
    with pytest.raises(CoverageError, match=match):
        Coverage.from_rows([GOOD | change], CONTRACTS)


def test_a_coverage_table_without_its_columns() -> None:
    with pytest.raises(CoverageError, match="lacks area_code"):
        Coverage.from_frame(pd.DataFrame([GOOD]).drop(columns="area_code"), CONTRACTS)


def test_a_household_that_is_not_registered_has_no_vector() -> None:
    with pytest.raises(ContractError, match="occurred_on and known_on"):
        RowEngine(WAGES).vector({}, AS_OF, Coverage())
