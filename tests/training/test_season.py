"""Fitting the season: found where it is, not found where it is not, each identification counted once."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from scoring.season import Season
from training.outlook import without_season
from training.season import FittedSeason, fit_season

DATES = [dt.date(2023, 10, 31), dt.date(2024, 4, 30), dt.date(2024, 10, 31)]
"""Labels of a year each look at 24 months, every calendar month twice."""
BUSY = np.array([0.6, 0.6, 0.7, 0.8, 1.0, 1.2, 1.4, 1.5, 1.5, 1.2, 0.8, 0.7])


def drawn(count: int, by_month: np.ndarray, seed: int) -> pd.DataFrame:
    """Identifications from November 2023 to October 2025, as many a calendar month as `by_month` says."""
    rng = np.random.default_rng(seed)
    months = pd.period_range("2023-11", "2025-10", freq="M")
    chance = np.array([by_month[one.month - 1] for one in months])
    picked = rng.choice(len(months), count, p=chance / chance.sum())
    return pd.DataFrame({
        "household_id": [f"H{at}" for at in range(count)],
        "identified_on": pd.to_datetime([
            months[at].start_time + pd.Timedelta(days=int(rng.integers(0, 28))) for at in picked
        ]),
    })


def fitted(outcomes: pd.DataFrame, dates: list[dt.date] = DATES) -> FittedSeason:
    rows = pd.MultiIndex.from_product(
        [outcomes["household_id"], pd.to_datetime(dates)], names=["household_id", "as_of_date"]
    )
    return fit_season(rows, dates, outcomes, 12)


def test_a_season_is_found_where_it_is() -> None:
    found = fitted(drawn(3_000, BUSY, 1))
    assert (found.identified, found.months) == (3_000, 24)
    assert found.season is not None
    # One wave is not the drawn months themselves, but near them.
    np.testing.assert_allclose(found.season.by_month, BUSY / BUSY.mean(), atol=0.15)
    assert np.mean(found.season.by_month) == pytest.approx(1.0)


def test_chance_is_seldom_taken_for_a_season() -> None:
    kept = sum(fitted(drawn(240, np.ones(12), seed)).season is not None for seed in range(100))
    # 5 in 100 by the test's own level, less for the penalty; 12 is three standard deviations above.
    assert kept <= 12
    assert sum(fitted(drawn(240, BUSY, seed)).season is not None for seed in range(20)) >= 19


def test_a_month_that_nobody_looked_at_tells_of_no_season() -> None:
    outcomes = drawn(500, BUSY, 2)
    rows = pd.MultiIndex.from_product([outcomes["household_id"], pd.to_datetime(DATES[:1])])
    rows = rows.set_names(["household_id", "as_of_date"])
    found = fit_season(rows, DATES[:1], outcomes, 6)
    assert found.season is None
    assert found.months == 6


def test_rows_of_a_busy_period_count_less() -> None:
    season = Season(by_month=tuple(float(one) for one in range(1, 13)))
    index = pd.MultiIndex.from_product([["a", "b", "c"], [pd.Timestamp("2025-12-31")]])
    index = index.set_names(["household_id", "as_of_date"])
    weights = without_season(season, index, np.array([0, 1, 2]), (3, 6, 12))
    # Mean intensities 2, 5 and 9.5 of the three periods.
    expected = np.array([1 / 2, 1 / 5, 1 / 9.5])
    np.testing.assert_allclose(weights, expected / expected.mean())
    assert without_season(None, index, np.array([0, 1, 2]), (3, 6, 12)).tolist() == [1.0] * 3
