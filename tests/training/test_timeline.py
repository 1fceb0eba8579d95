"""The split in time: no training label may look past the first test date."""

from __future__ import annotations

import calendar
import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.dates import horizon_end
from training.errors import LeakError
from training.timeline import Split

DATES = st.dates(dt.date(2019, 1, 1), dt.date(2027, 12, 31))


@pytest.mark.parametrize(
    ("as_of", "months", "end"),
    [
        ("2024-01-31", 1, "2024-02-29"),
        ("2023-01-31", 1, "2023-02-28"),
        ("2024-02-29", 12, "2025-02-28"),
        ("2023-02-28", 12, "2024-02-29"),
        ("2023-11-30", 3, "2024-02-29"),
        ("2024-10-15", 12, "2025-10-15"),
        ("2024-01-30", 1, "2024-02-29"),
        ("2024-12-31", 6, "2025-06-30"),
    ],
)
def test_horizon_ends_at_month_ends(as_of: str, months: int, end: str) -> None:
    assert horizon_end(dt.date.fromisoformat(as_of), months) == dt.date.fromisoformat(end)


@given(DATES, st.integers(1, 36))
def test_horizon_ends_in_the_right_month(as_of: dt.date, months: int) -> None:
    end = horizon_end(as_of, months)
    assert (end.year * 12 + end.month) - (as_of.year * 12 + as_of.month) == months
    last = calendar.monthrange(end.year, end.month)[1]
    assert (
        end.day == last if as_of.day == calendar.monthrange(as_of.year, as_of.month)[1] else end.day <= last
    )


@given(st.lists(DATES, min_size=1, max_size=4), st.lists(DATES, min_size=1, max_size=3), st.integers(1, 24))
def test_no_split_overlaps(train: list[dt.date], test: list[dt.date], months: int) -> None:
    overlaps = any(horizon_end(one, months) > other for one in train for other in test)
    if overlaps:
        with pytest.raises(LeakError, match="gap of the whole horizon"):
            Split(tuple(train), tuple(test), months)
    else:
        assert str(min(test)) in Split(tuple(train), tuple(test), months).describe()


def test_windows_may_touch() -> None:
    Split((dt.date(2024, 10, 31),), (dt.date(2025, 10, 31),), 12)
    with pytest.raises(LeakError):
        Split((dt.date(2024, 10, 31),), (dt.date(2025, 10, 30),), 12)


@pytest.mark.parametrize(("train", "test"), [((), (dt.date(2025, 1, 1),)), ((dt.date(2025, 1, 1),), ())])
def test_a_split_needs_both_sides(train: tuple[dt.date, ...], test: tuple[dt.date, ...]) -> None:
    with pytest.raises(LeakError, match="at least one"):
        Split(train, test, 12)
