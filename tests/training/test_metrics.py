"""Metrics against brute force: every order of ties is tried, every interval is counted by hand."""

from __future__ import annotations

import itertools
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.metrics import at_capacity, bootstrap_auc, calibration_error, measure, reliability, visits_at

RANKED = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 2)), min_size=1, max_size=7)


def arrays(rows: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    labels, ranks = zip(*rows, strict=True)
    return np.array(labels, dtype=np.int64), np.array(ranks, dtype=np.float64)


@given(RANKED, st.data())
def test_tie_range_is_that_of_all_orders(rows: list[tuple[int, int]], data: st.DataObject) -> None:
    visits = data.draw(st.integers(1, len(rows)))
    labels, ranks = arrays(rows)
    hits = []
    for order in itertools.permutations(range(len(rows))):
        if all(ranks[one] >= ranks[other] for one, other in itertools.pairwise(order)):
            hits.append(int(labels[list(order[:visits])].sum()))
    found = at_capacity(labels, ranks, visits)
    assert found.precision.worst == pytest.approx(min(hits) / visits)
    assert found.precision.best == pytest.approx(max(hits) / visits)
    assert found.precision.mean == pytest.approx(fmean(hits) / visits)
    positives = max(1, labels.sum())
    assert found.recall.mean == pytest.approx(fmean(hits) / positives)


@pytest.mark.parametrize(("share", "n", "visits"), [(0.01, 20_000, 200), (0.01, 10, 1), (0.1, 1641, 164)])
def test_capacity_is_rounded_and_never_empty(share: float, n: int, visits: int) -> None:
    assert visits_at(share, n) == visits


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=4, max_size=40))
def test_auc_is_the_share_of_ordered_pairs(rows: list[tuple[bool, int]]) -> None:
    labels, ranks = arrays([(int(one), rank) for one, rank in rows])
    if len(set(labels.tolist())) < 2:
        with pytest.raises(ValueError, match="both outcomes"):
            measure(labels, ranks, 0.1, is_probability=False)
        return
    pairs = [
        1.0 if plus > minus else 0.5 if plus == minus else 0.0
        for plus in ranks[labels == 1]
        for minus in ranks[labels == 0]
    ]
    found = measure(labels, ranks, 0.1, is_probability=False, resamples=20)
    assert found.roc_auc == pytest.approx(fmean(pairs))
    assert found.brier is None
    assert found.ece is None


def test_interval_holds_the_value_and_shrinks_with_more_households() -> None:
    rng = np.random.default_rng(3)

    def width(n: int) -> float:
        labels = (rng.random(n) < 0.2).astype(np.int64)
        ranks = np.round(labels + rng.normal(0, 1.2, n), 1)
        found = measure(labels, ranks, 0.1, is_probability=False)
        low, high = found.roc_auc_interval
        assert low < found.roc_auc < high
        return high - low

    assert width(4_000) < 0.6 * width(400)


def test_interval_is_that_of_a_plain_bootstrap() -> None:
    rng = np.random.default_rng(5)
    labels = (rng.random(300) < 0.3).astype(np.int64)
    ranks = np.round(labels * 0.8 + rng.normal(0, 1, 300), 1)
    plus, minus = ranks[labels == 1], ranks[labels == 0]
    drawn = []
    for _ in range(2_000):
        one, other = rng.choice(plus, len(plus)), rng.choice(minus, len(minus))
        drawn.append(np.mean((one[:, None] > other) + 0.5 * (one[:, None] == other)))
    assert bootstrap_auc(labels, ranks, 2_000, 1) == pytest.approx(
        np.quantile(drawn, [0.025, 0.975]), abs=0.01
    )


def test_calibration_error_by_hand() -> None:
    labels = np.array([0, 0, 1, 1], dtype=np.int64)
    probabilities = np.array([0.1, 0.3, 0.6, 0.8])
    # Two bins: |0 − 0.2| and |1 − 0.7|, equally heavy.
    assert calibration_error(labels, probabilities, bins=2) == pytest.approx(0.25)
    assert calibration_error(labels, labels.astype(float)) == 0
    first, second = reliability(labels, probabilities, bins=2)
    assert first == pytest.approx({"households": 2, "predicted": 0.2, "observed": 0})
    assert second == pytest.approx({"households": 2, "predicted": 0.7, "observed": 1})
