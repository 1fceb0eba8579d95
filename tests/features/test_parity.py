"""Row engine = DuckDB engine = oracle, to the bit, on generated worlds."""

from __future__ import annotations

import datetime as dt
import math
import struct

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from features import FEATURES, Feature, RowEngine, build_vectors, silent_feeds
from features.errors import ContractError
from tests.features import oracle
from tests.features.random_features import random_features
from tests.features.worlds import AS_OF_DATES, REGION, World, make_world

ENGINE = RowEngine()


def bits(value: float | None) -> bytes | None:
    """The exact bits of a value; a missing one is None on every engine."""
    return None if value is None or math.isnan(value) else struct.pack("<d", value)


def check_parity(world: World, as_of: dt.date, features: list[Feature], engine: RowEngine) -> None:
    batch = build_vectors(world.signals(), [as_of], features=features, region=REGION, threads=1)
    cells = batch.to_dict("index")
    silent = silent_feeds(world.signals(), as_of, features=features, region=REGION)
    found = set()
    for household_id in world.rows:
        truth = oracle.Household(world.rows[household_id], world.deliveries, as_of, REGION)
        key = (household_id, pd.Timestamp(as_of))
        if truth.village is None:
            assert key not in batch.index
            with pytest.raises(ContractError):
                engine.vector(world.of_household(household_id), as_of, world.coverage())
            continue
        found.add(key)
        online = engine.vector(world.of_household(household_id), as_of, world.coverage())
        stale = {feed for one in features for feed in one.feeds if truth.covered_span(feed) is None}
        assert set(engine.silent_feeds(world.of_household(household_id), as_of, world.coverage())) == stale
        assert {one for one in silent[household_id].split(",") if one} == stale
        for number, feature in enumerate(features):
            expected = bits(truth.value(feature))
            assert bits(online[number]) == expected, (feature.name, "row")
            assert bits(cells[key][feature.name]) == expected, (feature.name, "duckdb")
    assert set(batch.index) == found


@settings(max_examples=40, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**9), as_of=st.sampled_from(AS_OF_DATES))
def test_all_features_agree_on_every_engine(seed: int, as_of: dt.date) -> None:
    check_parity(make_world(seed, as_of), as_of, list(FEATURES.values()), ENGINE)


# A loss times a count of none, and times a comparison that does not hold: no zero below zero.
@example(seed=91, as_of=AS_OF_DATES[0])
@example(seed=116, as_of=AS_OF_DATES[0])
@settings(max_examples=35, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**9), as_of=st.sampled_from(AS_OF_DATES))
def test_random_expressions_agree_on_every_engine(seed: int, as_of: dt.date) -> None:
    features = random_features(seed, 12)
    check_parity(make_world(seed, as_of, households=4), as_of, features, RowEngine(features))


def test_worlds_reach_values_zeros_and_missing() -> None:
    """The generator is worth its tests: every feature is seen with a value, and missing."""
    seen: dict[str, set[str]] = {name: set() for name in FEATURES}
    for seed in range(50):
        as_of = AS_OF_DATES[seed % len(AS_OF_DATES)]
        frame = build_vectors(make_world(seed, as_of).signals(), [as_of], threads=1)
        for name, column in frame.items():
            kinds = {"missing" if math.isnan(one) else "zero" if one == 0 else "value" for one in column}
            seen[str(name)] |= kinds
    lacking = {name: kinds for name, kinds in seen.items() if not {"missing", "value"} <= kinds}
    assert not lacking


def test_several_dates_are_the_dates_one_by_one() -> None:
    world = make_world(5, AS_OF_DATES[0])
    together = build_vectors(world.signals(), AS_OF_DATES[:3])
    apart = pd.concat([build_vectors(world.signals(), [one]) for one in AS_OF_DATES[:3]])
    pd.testing.assert_frame_equal(together, apart)


def test_vectors_keep_their_shape_without_households() -> None:
    empty = make_world(1, AS_OF_DATES[0], households=0)
    frame = build_vectors(empty.signals(), [AS_OF_DATES[0]])
    assert list(frame.columns) == list(FEATURES)
    assert frame.index.names == ["household_id", "as_of_date"]
    assert len(frame) == 0
