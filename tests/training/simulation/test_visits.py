"""Visits of a county: a chance of their own, findings by the truth, and nothing else of the county moved."""

from __future__ import annotations

import dataclasses
import datetime as dt

import numpy as np
import pandas as pd
import pytest

from scoring.missed import estimate_missed
from training.errors import TrainingError
from training.simulation import County, CountySettings, simulate_county
from training.simulation.visits import NOT_MET_SHARE, RANDOM_SHARE, draw_visits
from training.visits import check_visits

OLD_OUTCOMES = ["household_id", "identified_on", "cause_code", "object_type"]
SMALL = CountySettings(households=4_000, months=12, run_in_months=12, seed=21)


def test_visits_move_nothing_of_the_county(monkeypatch: pytest.MonkeyPatch) -> None:
    first = simulate_county(SMALL)
    monkeypatch.setattr("training.simulation.visits.RANDOM_SHARE", 0.05)
    second = simulate_county(SMALL)
    assert len(second.visits) > len(first.visits)
    for name, frame in first.feeds.items():
        pd.testing.assert_frame_equal(frame, second.feeds[name])
    pd.testing.assert_frame_equal(first.truth, second.truth)
    pd.testing.assert_frame_equal(first.outcomes[OLD_OUTCOMES], second.outcomes[OLD_OUTCOMES])


def test_help_first_takes_outcomes_and_leaves_the_truth() -> None:
    plain = simulate_county(SMALL)
    helped = simulate_county(dataclasses.replace(SMALL, helped_first_share=0.5))
    told = ["identified_on", "helped_on"]
    pd.testing.assert_frame_equal(plain.truth.drop(columns=told), helped.truth.drop(columns=told))
    assert plain.truth["helped_on"].isna().all()
    # Whoever would have been identified is either identified on that day or helped on it.
    pd.testing.assert_series_equal(
        helped.truth["identified_on"].fillna(helped.truth["helped_on"]), plain.truth["identified_on"]
    )
    gone = set(helped.truth.loc[helped.truth["helped_on"].notna(), "household_id"])
    assert len(gone) > 3
    assert set(plain.outcomes["household_id"]) - set(helped.outcomes["household_id"]) == gone
    assert not gone & set(helped.feeds["identification"]["household_id"])
    relief = helped.feeds["assistance"]
    assert gone <= set(relief.loc[relief["kind"] == "temporary_relief", "household_id"])
    with pytest.raises(TrainingError, match="helped_first_share"):
        dataclasses.replace(SMALL, helped_first_share=1.0)


def test_a_random_sample_of_those_not_identified(clean: County) -> None:
    visits = check_visits(clean.visits)
    drawn = visits[visits["is_random"]]
    assert len(drawn) == pytest.approx(36 * RANDOM_SHARE * 6_000, rel=0.06)
    assert drawn["chance"].between(0.9 * RANDOM_SHARE, 1.1 * RANDOM_SHARE).all()
    assert visits.loc[~visits["is_random"], "chance"].isna().all()
    # The sum of one over the chance is how many could be drawn, month by month.
    months = drawn["visited_on"].dt.to_period("M")
    assert (1 / drawn["chance"]).groupby(months).sum().between(5_700, 6_000).all()
    identified = visits["household_id"].map(clean.outcomes.set_index("household_id")["identified_on"])
    assert not (identified <= visits["visited_on"]).any()
    assert (visits["finding"] == "not_met").mean() == pytest.approx(NOT_MET_SHARE, abs=0.03)


def test_findings_are_the_truth_at_the_door(counties: list[County]) -> None:
    found = 0
    for county in counties:
        met = county.visits[county.visits["finding"] != "not_met"]
        spells = met.merge(county.truth, on="household_id")
        inside = (spells["since"] <= spells["visited_on"]) & ~(spells["until"] <= spells["visited_on"])
        current = set(zip(spells["household_id"][inside], spells["visited_on"][inside], strict=True))
        for row in met.itertuples(index=False):
            assert (row.finding == "difficulty") == ((row.household_id, row.visited_on) in current)
        found += len(current)
    assert found > 10


def test_outcomes_tell_channel_and_onset(counties: list[County]) -> None:
    outcomes = pd.concat([one.outcomes for one in counties])
    assert set(outcomes["found_by"]) == {"declaration", "sweep", "screening"}
    known = outcomes[outcomes["began_on"].notna()]
    assert 0.6 < len(known) / len(outcomes) < 0.85
    assert (known["began_on"] <= known["identified_on"]).all()


def test_the_estimate_of_missed_households_covers_the_truth(clean: County) -> None:
    """Visits drawn anew 120 times over one county's year: the interval holds the true stock as it should."""
    after, until, last = dt.date(2025, 1, 31), dt.date(2026, 1, 31), dt.date(2026, 10, 31)
    months = [one for one in clean.settings.month_ends if after < one <= until]
    assert len(months) == 12
    keys = clean.feeds["household"]["household_id"].unique().astype(object)
    bills = pd.DataFrame({
        "household_id": keys[:0],
        "occurred_on": pd.to_datetime([]),
        "self_paid_yuan": np.empty(0),
    })
    identified = clean.truth["household_id"].map(clean.outcomes.set_index("household_id")["identified_on"])
    stocks: dict[int, list[int]] = {0: [], 3: []}
    for end in months:
        day = pd.Timestamp(end)
        current = (clean.truth["since"] <= day) & ~(clean.truth["until"] <= day) & ~(identified <= day)
        later = day + pd.offsets.MonthEnd(3)
        stocks[0].append(int(current.sum()))
        stocks[3].append(int((current & ~(identified <= later)).sum()))
    undetected, missed = (float(np.mean(stocks[grace])) for grace in (0, 3))
    assert undetected > missed > 3
    covered, means = np.zeros(2), np.zeros(2)
    for seed in range(120):
        visits = draw_visits(keys, months, clean.truth, clean.outcomes, bills, np.random.default_rng(seed))
        found = estimate_missed(
            visits, clean.outcomes, after, until, outcomes_until=last, grace_months=3, households=len(keys)
        )
        assert found is not None
        for at, (estimate, true) in enumerate(((found.undetected, undetected), (found.missed, missed))):
            covered[at] += estimate.low <= true <= estimate.high
            means[at] += estimate.value / 120
    assert (covered / 120 >= 0.9).all(), covered
    np.testing.assert_allclose(means, [undetected, missed], rtol=0.25)
