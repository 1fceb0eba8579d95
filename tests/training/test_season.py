"""Fitting the season: found where it is, not found where it is not, and nothing later is looked at."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import pandas as pd
import pytest

from scoring.season import Season
from training.evaluation.estimate import plain
from training.outlook import without_season
from training.season import FittedSeason, fit_season

BUSY = np.array([0.6, 0.6, 0.7, 0.8, 1.0, 1.2, 1.4, 1.5, 1.5, 1.2, 0.8, 0.7])
UNTIL = dt.date(2025, 10, 31)


def drawn(count: int, by_month: np.ndarray, seed: int) -> pd.Series:
    """Identifications from November 2021 to October 2025, as many a calendar month as `by_month` says."""
    rng = np.random.default_rng(seed)
    months = pd.period_range("2021-11", "2025-10", freq="M")
    chance = np.array([by_month[one.month - 1] for one in months])
    picked = rng.choice(len(months), count, p=chance / chance.sum())
    days = [months[at].start_time + pd.Timedelta(days=int(rng.integers(0, 28))) for at in picked]
    # Recording began before.
    return pd.Series(pd.to_datetime([*days, pd.Timestamp("2021-10-03")]))


def test_a_season_is_found_where_it_is() -> None:
    found = fit_season(drawn(3_000, BUSY, 1), UNTIL)
    assert (found.identified, found.months) == (3_000, 48)
    assert found.season is not None
    # One wave is not the drawn months themselves, but near them.
    np.testing.assert_allclose(found.season.by_month, BUSY / BUSY.mean(), atol=0.15)
    assert np.mean(found.season.by_month) == pytest.approx(1.0)


def test_chance_is_seldom_taken_for_a_season() -> None:
    kept = sum(fit_season(drawn(240, np.ones(12), seed), UNTIL).season is not None for seed in range(100))
    # 5 in 100 by the test's own level, less for the penalty; 12 is three standard deviations above.
    assert kept <= 12
    assert sum(fit_season(drawn(240, BUSY, seed), UNTIL).season is not None for seed in range(20)) >= 19


@pytest.mark.parametrize(
    ("until", "months"),
    [
        (dt.date(2025, 10, 31), 48),
        # The month that is not over is not counted, and years are whole.
        (dt.date(2025, 10, 30), 36),
        (dt.date(2024, 3, 31), 24),
        (dt.date(2022, 8, 31), 0),
        (dt.date(2020, 1, 31), 0),
    ],
)
def test_only_whole_years_up_to_the_day_are_looked_at(until: dt.date, months: int) -> None:
    days = drawn(400, BUSY, 2)
    found = fit_season(days, until)
    assert found.months == months
    end = pd.Timestamp(until) if pd.Timestamp(until).is_month_end else pd.Timestamp(until).replace(day=1)
    first = end - pd.DateOffset(months=months)
    expected = ((days > first + pd.offsets.MonthEnd(0)) & (days <= pd.Timestamp(until))).sum()
    if pd.Timestamp(until).is_month_end:
        assert found.identified == expected
    later = days.where(days <= pd.Timestamp(until), days + pd.Timedelta(days=200))
    assert fit_season(later, until) == found


def test_without_identifications_there_is_none() -> None:
    assert fit_season(pd.Series([], dtype="datetime64[ns]"), UNTIL).season is None


def test_rows_of_a_busy_period_count_less() -> None:
    season = Season(by_month=tuple(float(one) for one in range(1, 13)))
    index = pd.MultiIndex.from_product([["a", "b", "c"], [pd.Timestamp("2025-12-31")]])
    index = index.set_names(["household_id", "as_of_date"])
    weights = without_season(season, index, np.array([0, 1, 2]), (3, 6, 12))
    # Mean intensities 2, 5 and 9.5 of the three periods.
    expected = np.array([1 / 2, 1 / 5, 1 / 9.5])
    np.testing.assert_allclose(weights, expected / expected.mean())
    assert without_season(None, index, np.array([0, 1, 2]), (3, 6, 12)).tolist() == [1.0] * 3


def test_a_season_that_is_kept_is_plain_data_in_the_report() -> None:
    season = Season(by_month=(1.2, *[1.0] * 10, 0.8))
    told = json.loads(json.dumps(plain(FittedSeason(300, 24, 9.5, season)), allow_nan=False))
    assert told == {
        "identified": 300,
        "months": 24,
        "gain": 9.5,
        "season": {"by_month": list(season.by_month)},
    }
    assert "season" not in plain(FittedSeason(3, 12, 0.1, None))
