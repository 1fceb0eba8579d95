"""All villages judged at once: verdicts, counts and households are those of one village after the other."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from features import CONTRACTS
from features.health import Deliveries, check_health
from features.health.faults import FEWER, NEXT_TO_NONE, FewRowsTest, _ShareTest
from features.health.grid import NOWHERE, Grid, Mask
from features.health.history import History
from features.health.surprise import of_count, of_counts, of_share, of_shares
from features.health.usual import Usual
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


def judged_by_lot(rng: np.random.Generator) -> tuple[Usual, Mask]:
    """A feed with its seasons, gaps and months that were left out, and a last month that is odd in places."""
    villages = [f"500299{town:03}{place:03}" for town in (1, 2, 3) for place in range(1, rng.integers(2, 5))]
    grid = Grid(range(24_000, 24_037), [*villages, NOWHERE])
    shape = len(grid.months), len(grid.villages)
    rates = rng.choice([0.0, 1.0, 6.0, 40.0], shape[1]) * (
        1 + (rng.random(12) < 0.3)[np.arange(37) % 12, None]
    )
    rates[:-1] *= rng.random() > 0.05
    rates[-1] *= rng.choice([1.0, 0.5, 0.2, 0.0], shape[1], p=[0.4, 0.3, 0.2, 0.1])
    shares = np.full(shape, rng.choice([0.0, 0.05, 0.5, 0.9]))
    shares[-1] += (1 - shares[-1]) * rng.choice([0.0, 0.2, 0.4, 0.9], shape[1])
    rows = rng.poisson(rates).astype(float)
    grid.put("rows", rows)
    for name in ("zero:amount", "copies", "dates"):
        grid.put(name, rng.binomial(rows.astype(int), shares).astype(float))
    history = History(grid, rng.random(shape) < rng.choice([1.0, 0.9, 0.6]))
    for month in rng.choice(grid.months[:-1], rng.integers(0, 8)).tolist():
        history.leave_out(month, rng.random(shape[1]) < 0.5)
    free = grid.is_place & (rng.random(shape[1]) < 0.9)
    return Usual(history, grid.months[-1], grid.months, free), free


def test_no_area_is_passed_over_in_which_a_test_fires() -> None:
    rng = np.random.default_rng(11)
    fired: Counter[str] = Counter()
    for _ in range(400):
        usual, free = judged_by_lot(rng)
        tests: dict[str, FewRowsTest | _ShareTest] = {
            "few rows": FewRowsTest(usual, FEWER),
            "next to none": FewRowsTest(usual, NEXT_TO_NONE),
            "worst": _ShareTest(usual, "zero:amount", 0.2, is_worst=True),
            "most": _ShareTest(usual, "zero:amount", 0.6),
            **{name: _ShareTest(usual, name, 0.1) for name in ("zero:amount", "copies", "dates")},
        }
        for parts in (usual.grid.parts(digits, free) for digits in (6, 9, 12)):
            for name, test in tests.items():
                may = test.may_fire_in(parts)
                for at in range(len(parts)):
                    if test.fires(parts.mask(at)):
                        assert may[at], (name, parts.codes[at])
                        fired[name] += 1
    # Of every test enough areas were at fault for something to be passed over.
    assert min(fired[name] for name in tests) > 50, fired


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
