"""Limits of features: what engines make of records that reach the ends of their contracts lies within."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import CONTRACTS, FEATURES, Feature, RowEngine
from features.errors import ContractError
from features.signals.fields import Money
from tests.features.random_features import random_features
from tests.features.worlds import AS_OF_DATES, make_world

ENGINE = RowEngine()


def clipped(feed: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows with amounts that their contract takes; worlds have larger ones, too."""
    most = {one.column: one.maximum_yuan * 100 for one in CONTRACTS[feed].fields if isinstance(one, Money)}
    return [
        {
            name: min(value, most[name]) if name in most and value is not None else value
            for name, value in row.items()
        }
        for row in rows
    ]


def check_limits(seed: int, as_of: dt.date, features: list[Feature], engine: RowEngine) -> int:
    """How many values there were."""
    world, seen = make_world(seed, as_of, households=4), 0
    for household_id in world.rows:
        try:
            rows = {feed: clipped(feed, some) for feed, some in world.of_household(household_id).items()}
            values = engine.vector(rows, as_of, world.coverage())
        except ContractError:
            continue
        for feature, value in zip(features, values, strict=True):
            if value is not None and not any(map(math.isnan, feature.limits)):
                low, high = feature.limits
                assert low <= value <= high, feature.name
                seen += 1
    return seen


@settings(max_examples=60, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**9), as_of=st.sampled_from(AS_OF_DATES))
def test_no_vector_of_signals_is_out_of_limits(seed: int, as_of: dt.date) -> None:
    check_limits(seed, as_of, list(FEATURES.values()), ENGINE)


def test_no_value_of_a_random_expression_is_out_of_limits() -> None:
    seen = 0
    for seed in range(150):
        features = random_features(seed, 12)
        seen += check_limits(seed, AS_OF_DATES[seed % len(AS_OF_DATES)], features, RowEngine(features))
    assert seen > 1_000


@pytest.mark.parametrize(
    ("name", "limits"),
    [
        ("composition_members_count", (0, 100_000)),
        # Below 0 where people of weak ability work too.
        ("employment_idle_workers_count", (-100_000, 100_000)),
        ("composition_is_without_labour", (0, 1)),
        ("production_worst_loss_percent_12m", (0, 100)),
        ("declaration_days_since_last", (0, 12 * 31)),
        ("illness_largest_self_paid_yuan_12m", (0, 10_000_000)),
        ("illness_self_paid_yuan_12m", (0, 100_000 * 10_000_000)),
        ("income_net_yuan_12m", (-100_000 * 10_000_000, 100_000 * 10_000_000)),
    ],
)
def test_limits_are_those_of_the_contracts(name: str, limits: tuple[float, float]) -> None:
    assert FEATURES[name].limits == limits


@pytest.mark.parametrize("name", FEATURES)
def test_every_feature_has_limits(name: str) -> None:
    low, high = FEATURES[name].limits
    assert -1e15 < low < high < 1e15
