"""What a verdict does: a blocked feed is missing and named, a local fault names its households."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from features import CONTRACTS, FEATURES, Signals, build_vectors
from features.dates import months_before
from features.health import Health, Verdict, apply_health, check_health, flagged_households
from features.health.months import last_day, month_of
from features.signals import Coverage, Delivery
from tests.features.health.faulty import FaultyCounty
from training.simulation.faults import Fault, inject

AS_OF = dt.date(2025, 8, 20)
VILLAGE = "500299001001"


def health(*blocked: dt.date, area: str = "500299", judged: dt.date | None = None) -> Health:
    verdicts = [Verdict("income", area, one, "blocked", "unit_slip") for one in blocked]
    if judged:
        verdicts.append(Verdict("income", area, judged, "fine"))
    return Health(AS_OF, tuple(verdicts))


def applied(deliveries: list[Delivery], found: Health) -> Coverage:
    row = CONTRACTS["household"].schema.empty_table().to_pylist()
    places = [VILLAGE, "500298001001"]
    row = [
        {
            "household_id": f"H{at}", "occurred_on": dt.date(2020, 1, 1), "known_on": dt.date(2020, 1, 1),
            "is_known_on_estimated": False, "ended_on": None, "ended_known_on": None,
            "village_code": place, "background": "other", "land_mu": 1,
        }
        for at, place in enumerate(places)
    ]  # fmt: skip
    import pyarrow as pa

    table = pa.Table.from_pylist(row, schema=CONTRACTS["household"].schema)
    return apply_health(Signals({"household": table}, Coverage(deliveries)), found).coverage


WHOLE = Delivery("income", "50", dt.date(2023, 1, 1), dt.date(2025, 7, 31), dt.date(2025, 8, 15))


def test_the_last_month_blocked_makes_the_feed_stale() -> None:
    coverage = applied([WHOLE], health(dt.date(2025, 7, 1)))
    found = coverage.covered("income", VILLAGE, AS_OF, "CN-50")
    assert found is not None
    assert found.is_stale
    # The next county's statement is left as it was.
    other = coverage.covered("income", "500298001001", AS_OF, "CN-50")
    assert other == Coverage([WHOLE]).covered("income", VILLAGE, AS_OF, "CN-50")


def test_an_earlier_month_blocked_is_a_gap() -> None:
    coverage = applied([WHOLE], health(dt.date(2025, 3, 1), judged=dt.date(2025, 7, 1)))
    found = coverage.covered("income", VILLAGE, AS_OF, "CN-50")
    assert found is not None
    assert not found.is_stale
    assert dt.date(1970, 1, 1) + dt.timedelta(days=found.since_day) == dt.date(2025, 4, 1)


@pytest.mark.parametrize("area", [VILLAGE, "500299001", "500299"])
def test_statements_of_smaller_areas_are_cut_too(area: str) -> None:
    own = Delivery("income", area, WHOLE.complete_from, WHOLE.complete_until, WHOLE.known_on)
    other = Delivery("illness", area, WHOLE.complete_from, WHOLE.complete_until, WHOLE.known_on)
    coverage = applied([own, other], health(dt.date(2025, 7, 1)))
    assert max(
        one.complete_until for one in coverage.deliveries if one.feed == "income"
    ) < AS_OF - dt.timedelta(days=62)
    assert other in coverage.deliveries


def test_a_fine_check_up_changes_nothing() -> None:
    assert applied([WHOLE], health(judged=dt.date(2025, 7, 1))).deliveries == (WHOLE,)


def test_the_state_of_any_area_follows_from_the_faults() -> None:
    month = dt.date(2025, 7, 1)
    local = Verdict("income", "500299001", month, "flagged", "zeros", households=("H1",))
    found = Health(AS_OF, (local, Verdict("illness", "500299", month, "fine")))
    states = [found.of("income", area, month) for area in ("500299", "500299001", VILLAGE, "500299002")]
    assert states == ["flagged", "flagged", "flagged", "fine"]
    assert found.of("illness", VILLAGE, month) == "fine"
    assert flagged_households(found) == {"H1": (local,)}
    assert [list(found.concerning(one)) for one in ("H1", "H2")] == [[local], []]


def test_a_blocked_feed_is_missing_in_every_vector(faulty: FaultyCounty) -> None:
    """The whole way: a county in 万元, judged, applied, and not one feature made of it."""
    place = faulty.place("illness")
    fault = Fault("unit_slip", "illness", place.areas["county"], place.month)
    injected = inject(faulty.feeds, faulty.coverage, fault)
    from tests.features.health.faulty import deliveries_of

    given = deliveries_of(injected.feeds, injected.coverage)
    found = check_health(given, place.as_of, feeds=["illness", "employment"], periods=1)
    assert [one.reason for one in found.blocked] == ["unit_slip"]
    chosen = [one for one in FEATURES.values() if set(one.feeds) & {"illness", "employment"}]
    chosen = [one for one in chosen if set(one.feeds) <= {"illness", "employment", "member"}]
    before, after = (
        build_vectors(one, [place.as_of], features=chosen)
        for one in (given.signals, apply_health(given.signals, found))
    )
    for one in chosen:
        if "illness" in one.feeds:
            assert np.isnan(after[one.name]).all(), one.name
        else:
            assert after[one.name].equals(before[one.name]), one.name
    assert before[[one.name for one in chosen if one.feeds == ("illness",)]].notna().any().any()
    months = dict.fromkeys(("illness", "employment"), 3)
    coverage = apply_health(given.signals, found).coverage
    village = place.areas["village"]
    states = coverage.freshness(village, place.as_of, "CN-50", months)
    assert states == {"illness": "stale", "employment": "fresh"}


def test_the_cut_reaches_back_to_the_blocked_month() -> None:
    coverage = applied([WHOLE], health(dt.date(2025, 2, 1)))
    assert max(one.complete_until for one in coverage.deliveries if one.area_code == "500299") == last_day(
        month_of(months_before(dt.date(2025, 2, 1), 1))
    )
