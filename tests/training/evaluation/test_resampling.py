"""Weighted passes against households written out as often as they were drawn, and sklearn's measures."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from scoring.capacity import Areas
from tests.training.evaluation.test_lists import areas_of
from training.evaluation.lists import cut
from training.evaluation.resampling import (
    BRIER,
    ECE,
    FOUND,
    POSITIVES,
    PR_AUC,
    ROC_AUC,
    VISITS,
    draw_weights,
    measure_once,
    measure_weighted,
    resample,
    sort_ranking,
)
from training.metrics import calibration_error

ROWS = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 6), st.integers(0, 1), st.integers(0, 3)),
    min_size=3,
    max_size=30,
)


@settings(max_examples=150, deadline=None)
@given(ROWS, st.integers(1, 4), st.integers(0, 4))
def test_a_weight_is_a_household_written_so_often(
    rows: list[tuple[int, int, int, int]], first: int, second: int
) -> None:
    labels, ranks, index, weights = (np.array(one) for one in zip(*rows, strict=True))
    probabilities = (ranks + 1) / 10
    areas = areas_of(index.tolist(), [first, second])
    ranking = sort_ranking(labels, probabilities, areas, is_probability=True)
    found = measure_weighted(ranking, weights.astype(np.uint8).reshape(1, -1))[0]
    many = np.repeat(np.arange(len(rows)), weights)
    often_labels, often = labels[many], probabilities[many]
    assert found[POSITIVES] == often_labels.sum()
    if 0 < often_labels.sum() < len(often_labels):
        assert found[ROC_AUC] == pytest.approx(roc_auc_score(often_labels, often))
        assert found[PR_AUC] == pytest.approx(average_precision_score(often_labels, often))
    if len(many):
        assert found[BRIER] == pytest.approx(np.mean((often - often_labels) ** 2))
    # Each area visits in proportion to how large it was drawn; what is left of a visit is a part of one.
    hits = visits = 0.0
    for area in range(2):
        seats = areas.visits[area] * weights[index == area].sum() / max(1, areas.households[area])
        visits += seats
        for rank in sorted(set(ranks[index == area].tolist()), reverse=True):
            group = (ranks == rank) & (index == area)
            size = weights[group].sum()
            if size and seats > 0:
                taken = min(1.0, seats / size)
                hits += taken * weights[group & (labels == 1)].sum()
                seats -= taken * size
    assert found[FOUND] == pytest.approx(hits)
    assert found[VISITS] == pytest.approx(visits)


def test_everybody_once_is_what_the_plain_measures_say() -> None:
    rng = np.random.default_rng(0)
    n = 3_000
    labels = (rng.random(n) < 0.1).astype(np.int64)
    probabilities = np.round(1 / (1 + np.exp(2 - labels - rng.normal(size=n))), 2)
    areas = areas_of(rng.integers(0, 3, n).tolist(), [30, 10, 5])
    found = measure_once(sort_ranking(labels, probabilities, areas, is_probability=True))
    assert found[ROC_AUC] == pytest.approx(roc_auc_score(labels, probabilities))
    assert found[PR_AUC] == pytest.approx(average_precision_score(labels, probabilities))
    assert found[BRIER] == pytest.approx(brier_score_loss(labels, probabilities))
    assert found[ECE] == pytest.approx(calibration_error(labels, probabilities))
    assert found[FOUND] == pytest.approx(cut(probabilities, areas).found(labels)[1])
    assert found[VISITS] == 45


def test_mere_ranks_have_no_calibration() -> None:
    ranking = sort_ranking(
        np.array([0, 1, 0]), np.array([3.0, 2.0, 1.0]), areas_of([0, 0, 0], [1]), is_probability=False
    )
    assert np.isnan(measure_once(ranking)[[BRIER, ECE]]).all()


def naive(
    labels: np.ndarray, ranks: np.ndarray, visits: int, households: np.ndarray, resamples: int
) -> np.ndarray:
    """Households drawn with replacement, their rows written out, the list cut anew."""
    rng = np.random.default_rng(99)
    names = np.unique(households)
    rows_of = {name: np.flatnonzero(households == name) for name in names}
    drawn = []
    for _ in range(resamples):
        rows = np.concatenate([rows_of[name] for name in rng.choice(names, len(names))])
        top = np.argsort(-ranks[rows], kind="stable")[: round(visits * len(rows) / len(labels))]
        drawn.append((
            roc_auc_score(labels[rows], ranks[rows]),
            average_precision_score(labels[rows], ranks[rows]),
            labels[rows][top].mean(),
        ))
    return np.array(drawn)


def test_intervals_are_those_of_an_ordinary_bootstrap_of_households() -> None:
    rng = np.random.default_rng(5)
    people = 400
    # Each household stands on two rows with nearly the same label: drawing rows would be too sure of itself.
    households = np.repeat(np.arange(people), 2)
    labels = np.repeat((rng.random(people) < 0.25).astype(np.int64), 2)
    ranks = np.asarray(labels * 0.9 + np.repeat(rng.normal(0, 1, people), 2), dtype=np.float64)
    visits = 80
    areas = Areas(("",), np.zeros(2 * people, dtype=np.int64), np.array([2 * people]), np.array([visits]))
    ranking = sort_ranking(labels, ranks, areas, is_probability=False)
    [[found]] = resample([[ranking]], [households], people, seed=1, resamples=3_000, threads=2)
    ends = np.quantile(
        np.column_stack([found[:, ROC_AUC], found[:, PR_AUC], found[:, FOUND] / found[:, VISITS]]),
        [0.025, 0.975],
        axis=0,
    )
    expected = np.quantile(naive(labels, ranks, visits, households, 1_500), [0.025, 0.975], axis=0)
    width = expected[1] - expected[0]
    assert (np.abs(ends - expected) < 0.08 * width + 0.004).all()
    rows_drawn = resample(
        [[ranking]], [np.arange(2 * people)], 2 * people, seed=1, resamples=1_000, threads=1
    )
    too_sure = np.diff(np.quantile(rows_drawn[0][0][:, ROC_AUC], [0.025, 0.975]))[0]
    assert too_sure < 0.85 * width[0]


def test_resamples_depend_on_seed_and_number_alone() -> None:
    whole = np.concatenate(list(draw_weights(3, 45, 50)))
    assert whole.shape == (45, 50)
    assert np.array_equal(np.concatenate(list(draw_weights(3, 7, 50))), whole[:7])
    assert not np.array_equal(np.concatenate(list(draw_weights(4, 7, 50))), whole[:7])
    assert whole.mean() == pytest.approx(1, abs=0.06)
    assert whole.var() == pytest.approx(1, abs=0.12)


def test_threads_change_nothing() -> None:
    rng = np.random.default_rng(1)
    labels = (rng.random(300) < 0.2).astype(np.int64)
    areas = areas_of([0] * 300, [30])
    rankings = [sort_ranking(labels, rng.normal(size=300), areas, is_probability=False) for _ in range(5)]
    one, two = (
        resample([rankings], [np.arange(300)], 300, seed=0, resamples=60, threads=threads)
        for threads in (1, 2)
    )
    for first, second in zip(one[0], two[0], strict=True):
        assert np.array_equal(first, second, equal_nan=True)
