"""Draw: households are drawn whole, at the level of all rows, and alike each time."""

from __future__ import annotations

import numpy as np
import pytest

from training.draw import deal_rows, draw_rows, number_groups


def made_rows(households: int = 6_000) -> tuple[np.ndarray, np.ndarray]:
    """Labels and households of rows in no order, one to five a household; some have the outcome twice."""
    rng = np.random.default_rng(3)
    sizes = rng.integers(1, 6, households)
    groups = np.repeat([f"H{at:05d}" for at in range(households)], sizes)
    is_poor = np.repeat(rng.random(households) < 0.03, sizes)
    labels = (is_poor & (rng.random(len(groups)) < 0.4)).astype(np.int64)
    order = rng.permutation(len(groups))
    return labels[order], groups[order].astype(object)


@pytest.mark.parametrize("seed", range(5))
def test_households_are_drawn_whole_at_the_rate_of_all(seed: int) -> None:
    labels, groups = made_rows()
    drawn = draw_rows(labels, number_groups(groups), 6_000, seed)
    inside = set(groups[drawn])
    assert not inside & set(np.delete(groups, drawn))
    assert len(drawn) == pytest.approx(6_000, rel=0.02)
    # Chance alone would move it by a twelfth, one standard deviation.
    assert labels[drawn].mean() == pytest.approx(labels.mean(), rel=0.04)
    assert (np.diff(drawn) > 0).all()


def test_the_seed_decides_who_is_drawn() -> None:
    labels, groups = made_rows()
    numbers = number_groups(groups)
    first, second, other = (draw_rows(labels, numbers, 6_000, seed) for seed in (1, 1, 2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_few_rows_are_all_taken() -> None:
    labels, groups = made_rows()
    assert np.array_equal(draw_rows(labels, number_groups(groups), len(labels), 1), np.arange(len(labels)))


def test_a_household_is_dealt_to_one_part() -> None:
    _, groups = made_rows()
    parts = deal_rows(number_groups(groups), 4, 7)
    assert max(len(set(parts[groups == one])) for one in np.unique(groups)[:500]) == 1
    assert np.bincount(parts).min() > 0.9 * len(groups) / 4
