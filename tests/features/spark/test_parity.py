"""Spark = oracle, to the bit: all features and random ones, hand-written households, and no look ahead."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from features import FEATURES
from features.engines.plan import Plan
from features.engines.sql import compile_sql
from tests.features.random_features import random_features
from tests.features.spark import cases
from tests.features.spark.counties import Counties, Vectors, differences, on_spark
from tests.features.test_leakage import tamper
from tests.features.test_parity import bits
from tests.features.worlds import AS_OF_DATES, World, make_world

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ALL = tuple(FEATURES.values())
LEAP_DAY = cases.AS_OF


@pytest.fixture(scope="module")
def counties() -> Counties:
    """Generated worlds, and as the last the hand-written households, all as of the leap day."""
    return Counties.of([*(make_world(seed, LEAP_DAY) for seed in range(30)), cases.world()])


@pytest.fixture(scope="module")
def on_leap_day(
    session: SparkSession, counties: Counties, tmp_path_factory: pytest.TempPathFactory
) -> Vectors:
    return on_spark(session, counties.whole, LEAP_DAY, ALL, tmp_path_factory.mktemp("leap-day"))


def test_all_features_are_the_oracles_on_the_leap_day(counties: Counties, on_leap_day: Vectors) -> None:
    assert len(on_leap_day) > 150
    assert differences(on_leap_day, counties.truth(LEAP_DAY, ALL)) == []
    # The worlds are worth the test: every feature is seen with a value, and missing.
    for name in FEATURES:
        values = {vector[name] for vector in on_leap_day.values()}
        assert None in values, name
        assert len(values) > 1, name


@pytest.mark.parametrize("as_of", [dt.date(2025, 2, 28), dt.date(2026, 6, 30)], ids=str)
def test_all_features_are_the_oracles(session: SparkSession, as_of: dt.date, tmp_path: Path) -> None:
    assert as_of in AS_OF_DATES
    counties = Counties.of([make_world(100 + seed, as_of) for seed in range(20)])
    found = on_spark(session, counties.whole, as_of, ALL, tmp_path)
    assert len(found) > 80
    assert differences(found, counties.truth(as_of, ALL)) == []


@pytest.mark.parametrize("case", cases.HOUSEHOLDS)
def test_households_written_by_hand(counties: Counties, on_leap_day: Vectors, case: str) -> None:
    key = f"C{len(counties.worlds)}-{case}"
    assert (key in on_leap_day) == (case in cases.EXPECTED)
    for name, value in cases.EXPECTED.get(case, {}).items():
        assert on_leap_day[key][name] == bits(None if value is None else float(value)), name


def test_random_expressions_are_the_oracles(session: SparkSession, tmp_path: Path) -> None:
    features = [
        replace(one, name=f"{one.name}_of_{seed}") for seed in range(8) for one in random_features(seed, 12)
    ]
    as_of = dt.date(2025, 7, 15)
    counties = Counties.of([make_world(200 + seed, as_of, households=4) for seed in range(30)])
    found = on_spark(session, counties.whole, as_of, features, tmp_path)
    assert len(found) > 80
    assert differences(found, counties.truth(as_of, features)) == []


def test_the_future_changes_no_vector(
    session: SparkSession, counties: Counties, on_leap_day: Vectors, tmp_path: Path
) -> None:
    other = tamper(counties.whole, LEAP_DAY, random.Random(1))
    assert other.rows != counties.whole.rows
    assert differences(on_spark(session, other, LEAP_DAY, ALL, tmp_path), on_leap_day) == []


def test_tables_without_a_row_are_the_oracles(session: SparkSession, tmp_path: Path) -> None:
    """Households are registered, and no department ever delivered a record: zeros where covered, else missing."""
    worlds = []
    for world in (make_world(seed, LEAP_DAY, households=3) for seed in range(10)):
        kept = {
            key: {feed: feeds[feed] if feed == "household" else [] for feed in feeds}
            for key, feeds in world.rows.items()
        }
        worlds.append(World(kept, world.deliveries))
    counties = Counties.of(worlds)
    found = on_spark(session, counties.whole, LEAP_DAY, ALL, tmp_path)
    assert len(found) > 15
    assert differences(found, counties.truth(LEAP_DAY, ALL)) == []
    assert {bits(0.0), None} <= {vector["illness_self_paid_yuan_12m"] for vector in found.values()}


def test_the_text_asks_for_no_order_of_the_whole_cluster() -> None:
    assert "ORDER BY" not in compile_sql(Plan(ALL), LEAP_DAY)
