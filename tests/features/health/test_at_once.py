"""All villages judged at once: verdicts, counts and households are those of one village after the other."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from features import CONTRACTS
from features.health import Deliveries, check_health
from features.health.grid import NOWHERE
from features.health.surprise import of_count, of_counts, of_share, of_shares
from tests.features.health.faulty import deliveries_of, feed_check
from tests.features.health.one_by_one.checkup import check_health as check_one_by_one
from tests.features.health.one_by_one.checkup import feed_check as feed_check_one_by_one
from tests.features.worlds import AS_OF_DATES, make_world
from training.errors import TrainingError
from training.simulation import County, CountySettings, simulate_county
from training.simulation.faults import FAULT_KINDS, Fault, inject

FEEDS = ("household", "member", "income", "illness", "employment", "accident", "assistance", "insurance")
"""Spells and events, of many rows a village and of few."""

SETTINGS = CountySettings(households=700, months=20, run_in_months=26)


def dirtied(county: County, rng: random.Random, faults: int) -> Deliveries:
    """A county with faults of any kind in feeds, areas and months drawn at random."""
    feeds = {feed: county.feeds[feed] for feed in FEEDS}
    coverage = county.coverage[county.coverage["feed"].isin(FEEDS)].reset_index(drop=True)
    villages = sorted(county.feeds["household"]["village_code"].unique())
    made = 0
    while made < faults:
        feed, kind = rng.choice(FEEDS), rng.choice(sorted(FAULT_KINDS))
        stated = coverage[coverage["feed"] == feed]["complete_until"].drop_duplicates()
        month = pd.Timestamp(rng.choice(sorted(stated)[-26:])).date()
        area = rng.choice(villages)[: rng.choice((6, 9, 12, 12))]
        try:
            injected = inject(feeds, coverage, Fault(kind, feed, area, month), seed=made)
        except TrainingError:
            continue
        feeds, coverage = {**feeds, **injected.feeds}, injected.coverage
        made += 1
    return deliveries_of(feeds, coverage)


@pytest.mark.parametrize(("seed", "faults"), [(1, 0), (2, 6), (3, 25)])
def test_faults_are_those_of_one_village_after_the_other(seed: int, faults: int) -> None:
    county = simulate_county(replace(SETTINGS, seed=seed))
    given = dirtied(county, random.Random(seed), faults)
    as_of = SETTINGS.ends_on - dt.timedelta(days=seed % 3)
    found = check_health(given, as_of, feeds=FEEDS)
    assert found == check_one_by_one(given, as_of, feeds=FEEDS)
    if faults:
        assert {one.state for one in found.verdicts} > {"fine"}
    if faults > 6:
        assert any(one.households for one in found.flagged)


@pytest.mark.parametrize("seed", range(4))
def test_worlds_with_moves_gaps_and_two_counties(seed: int) -> None:
    """Coverage that begins late, ends early, or is of villages alone; households that move between counties."""
    signals = make_world(seed, AS_OF_DATES[seed % len(AS_OF_DATES)], 60).signals()
    as_of = AS_OF_DATES[seed % len(AS_OF_DATES)]
    feeds = [one for one in CONTRACTS if one in signals.tables]
    assert check_health(signals, as_of, feeds=feeds) == check_one_by_one(signals, as_of, feeds=feeds)


@pytest.fixture(scope="module")
def dirty() -> Deliveries:
    return dirtied(simulate_county(replace(SETTINGS, seed=9)), random.Random(9), 12)


@pytest.mark.parametrize("feed", FEEDS)
def test_every_count_is_equal(dirty: Deliveries, feed: str) -> None:
    """Spells counted by where they begin and end are those that a join with every month finds."""
    given, as_of = dirty, SETTINGS.ends_on
    with feed_check(given, feed, as_of) as check, feed_check_one_by_one(given, feed, as_of) as plain:
        assert (check.due, check.is_due, check.age) == (plain.due, plain.is_due, plain.age)
        months = list(range(check.due - 40, check.due + 1))
        reference = check.records.learn(check.due - 5)
        assert reference == plain.records.learn(check.due - 5)
        found = check.records.count(months, check.age, reference)
        wanted = plain.records.count(months, check.age, reference)
        assert set(found.villages) | {NOWHERE} == set(wanted.villages) | {NOWHERE}
        assert found.names == wanted.names
        for name in wanted.names:
            np.testing.assert_array_equal(found.table(name), wanted.table(name), err_msg=name)
    assert found.table("rows").any()


def test_many_surprises_are_those_of_one() -> None:
    rng = np.random.default_rng(3)
    counts, expected = rng.integers(0, 60, 500).astype(float), rng.choice([0.0, 0.4, 7.0, 55.0], 500)
    whole = counts + rng.integers(0, 40, 500).astype(float)
    usual = rng.choice([0.0, 1e-5, 0.03, 0.5, 0.99, 1.0], 500)
    assert of_counts(counts, expected) == pytest.approx(
        [of_count(*one) for one in zip(counts, expected, strict=True)], rel=1e-9
    )
    assert of_shares(counts, whole, usual) == pytest.approx(
        [of_share(*one) for one in zip(counts, whole, usual, strict=True)], rel=1e-9
    )
    assert of_counts(np.array([3.0]), np.array([np.inf])).tolist() == [np.inf]
