"""Season: periods by hand, shares against months added up one by one."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from pydantic import ValidationError

from scoring.season import Season

RISING = Season(by_month=tuple(float(one) for one in range(1, 13)))
FLAT = Season(by_month=(1.0,) * 12)


@pytest.mark.parametrize(
    ("as_of", "periods"),
    [
        # November to January, February to April, May to October.
        (dt.date(2025, 10, 31), [(11 + 12 + 1) / 3, (2 + 3 + 4) / 3, (5 + 6 + 7 + 8 + 9 + 10) / 6]),
        (dt.date(2024, 2, 29), [(3 + 4 + 5) / 3, (6 + 7 + 8) / 3, (9 + 10 + 11 + 12 + 1 + 2) / 6]),
        # Half of a month of thirty days is left: each step has half of two months.
        (dt.date(2025, 4, 15), [(4.5 + 5.5 + 6.5) / 3, (7.5 + 8.5 + 9.5) / 3, (10.5 + 11.5 + 6.5 + 1.5 + 2.5 + 3.5) / 6]),
    ],
)  # fmt: skip
def test_periods_by_hand(as_of: dt.date, periods: list[float]) -> None:
    assert RISING.of_periods(as_of, (3, 6, 12)) == pytest.approx(periods)


def test_shares_follow_the_months_to_come() -> None:
    """Even shares of a year without seasons, moved, are the months' own shares, added up one by one."""
    even = np.array([[0.25, 0.5]])
    found = RISING.shift(even, dt.date(2025, 12, 31), (3, 6), 12)
    np.testing.assert_allclose(found, [[(1 + 2 + 3) / 78, (1 + 2 + 3 + 4 + 5 + 6) / 78]])
    autumn = RISING.shift(even, dt.date(2025, 6, 30), (3, 6), 12)
    np.testing.assert_allclose(autumn, [[(7 + 8 + 9) / 78, (7 + 8 + 9 + 10 + 11 + 12) / 78]])


def test_without_a_season_nothing_moves() -> None:
    shares = np.array([[0.1, 0.7], [0.0, 0.0], [1.0, 1.0]])
    np.testing.assert_allclose(FLAT.shift(shares, dt.date(2025, 5, 17), (3, 6), 12), shares, atol=1e-15)


@pytest.mark.parametrize("by_month", [(1.0,) * 11, (1.0,) * 11 + (0.0,), (1.0,) * 11 + (float("nan"),)])
def test_what_is_no_year_is_refused(by_month: tuple[float, ...]) -> None:
    with pytest.raises(ValidationError):
        Season(by_month=by_month)
