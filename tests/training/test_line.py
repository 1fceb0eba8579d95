"""The fitted line: its optimum, its directions, dropped feeds, and the same digits every time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from features import FEATURES
from training.feed_dropout import drop_feeds, features_by_feed
from training.fit import FitSettings, choose_share, fit
from training.line import MOST_ROWS, RIDGE, fit_line, transforms_of

NAMES = ["debt", "income", "noise"]
FREE = dict.fromkeys(NAMES, 0)
STRAIGHT = dict.fromkeys(NAMES, "identity")


def world(rows: int, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(rows, 3)) * [1.0, 5.0, 0.1] + [0.0, 10.0, 0.0]
    margin = matrix[:, 0] + 0.15 * (matrix[:, 1] - 10) - 2.5
    labels = (rng.random(rows) < 1 / (1 + np.exp(-margin))).astype(np.int64)
    matrix[rng.random(rows) < 0.2, 1] = np.nan
    return matrix, labels


def test_without_directions_it_is_ridge_regression() -> None:
    matrix, labels = world(4_000)
    line = fit_line(matrix, labels, NAMES, FREE, STRAIGHT, 1)  # type: ignore[arg-type]
    is_missing = np.isnan(matrix)
    filled = np.where(is_missing, np.nanmedian(matrix, axis=0), matrix)
    columns = np.c_[
        (filled - filled.mean(0)) / filled.std(0), (is_missing[:, 1] - 0.2) / is_missing[:, 1].std()
    ]
    theirs = LogisticRegression(C=1 / RIDGE, tol=1e-8, max_iter=1_000).fit(columns, labels)
    ours = [one.weight for one in line.terms]
    np.testing.assert_allclose(ours, theirs.coef_[0][:3], atol=1e-3)
    assert line.terms[1].missing_weight * is_missing[:, 1].std() == pytest.approx(
        theirs.coef_[0][3], abs=1e-3
    )
    np.testing.assert_allclose(line.margins(matrix), theirs.decision_function(columns), atol=5e-3)


@pytest.mark.parametrize("income", [-1, 0, 1])
def test_weights_keep_the_directions(income: int) -> None:
    matrix, labels = world(4_000)
    directions = {"debt": -1, "income": income, "noise": 0}
    debt, of_income, _ = fit_line(matrix, labels, NAMES, directions, STRAIGHT, 1).terms  # type: ignore[arg-type]
    assert debt.weight == 0.0
    assert of_income.weight == 0.0 if income < 0 else of_income.weight > 0.3


def test_of_many_rows_negatives_are_sampled_and_weighted() -> None:
    matrix, labels = world(MOST_ROWS * 2)
    line = fit_line(matrix, labels, NAMES, FREE, STRAIGHT, 1)  # type: ignore[arg-type]
    assert (1 / (1 + np.exp(-line.margins(matrix)))).mean() == pytest.approx(labels.mean(), rel=0.03)
    assert line == fit_line(matrix, labels, NAMES, FREE, STRAIGHT, 1)  # type: ignore[arg-type]


@pytest.mark.parametrize("rows", [2_000, MOST_ROWS + 9_999, MOST_ROWS * 2 - 1])
def test_an_empty_and_a_constant_column_add_nothing_known(rows: int) -> None:
    matrix, labels = world(rows)
    matrix[:, 2] = np.nan
    matrix[:, 0] = 7.0
    line = fit_line(matrix, labels, NAMES, FREE, STRAIGHT, 1)  # type: ignore[arg-type]
    assert line.terms[0].weight == line.terms[2].weight == 0.0
    assert np.isfinite(line.margins(matrix)).all()


def test_every_feature_has_a_transform() -> None:
    found = transforms_of(list(FEATURES))
    assert found["illness_self_paid_yuan_12m"] == "signed_log"
    assert {found[name] for name, one in FEATURES.items() if one.unit == "yes/no"} == {"identity"}


def test_a_dropped_row_lacks_one_whole_feed_and_nothing_else() -> None:
    names = list(FEATURES)
    feeds = features_by_feed(names)
    assert "household" not in feeds
    matrix = np.ones((6_000, len(names)))
    dropped = drop_feeds(matrix, names, feeds, 0.3, 5)
    assert not np.isnan(matrix).any()
    patterns = {frozenset(found) for found in feeds.values()}
    hit = 0
    seen = set()
    for row in np.isnan(dropped):
        lost = frozenset(np.array(names)[row].tolist())
        hit += bool(lost)
        assert not lost or lost in patterns
        seen.add(lost)
    assert seen - {frozenset()} == patterns
    assert hit / len(matrix) == pytest.approx(0.3, abs=0.02)
    np.testing.assert_array_equal(drop_feeds(matrix, names, feeds, 0.3, 5), dropped)
    assert not np.isnan(drop_feeds(matrix, names, feeds, 0.0, 5)).any()


def test_a_share_of_the_line_has_to_help_over_all_and_of_late() -> None:
    rng = np.random.default_rng(8)
    margin = rng.normal(-2, 1.5, 20_000)
    labels = (rng.random(20_000) < 1 / (1 + np.exp(-margin))).astype(np.int64)
    noisy = margin + rng.normal(0, 1.5, 20_000)
    other = margin + rng.normal(0, 1.5, 20_000)
    last = np.arange(20_000) >= 15_000
    share, losses = choose_share(noisy, other, labels, last, 0.25)
    assert share == 0.5
    assert [one for one, _ in losses] == [1.0, 0.75, 0.5, 0.25]
    assert choose_share(noisy, other, labels, last, 0.75)[0] == 0.75
    # Of late the line is noise.
    other[last] = rng.normal(-2, 2, 5_000)
    assert choose_share(noisy, other, labels, last, 0.25)[0] == 1.0
    assert choose_share(margin, rng.normal(size=20_000), labels, last, 0.25)[0] == 1.0


def test_a_silent_feed_is_learned() -> None:
    """Without dropout a missing bill reads like no bill; with it, like a bill nobody knows."""
    rng = np.random.default_rng(9)
    rows = 12_000
    bill = rng.gamma(0.5, 1.0, rows)
    labels = (rng.random(rows) < 1 / (1 + np.exp(4.5 - 2 * bill))).astype(np.int64)
    vectors = pd.DataFrame({"bill": bill, "noise": rng.normal(size=rows)})
    silent = vectors.assign(bill=np.nan).to_numpy()
    moved = {}
    for rate in (0.0, 0.3):
        settings = FitSettings(
            max_trees=120, min_rows_in_leaf=30, threads=1, siblings=0, feed_dropout=rate, least_tree_share=1
        )
        found = fit(
            vectors, labels, np.arange(rows), {"bill": 1, "noise": 0}, settings, feeds={"illness": ["bill"]}
        )
        scores = found.calibration.probability(found.booster.predict(silent, raw_score=True))
        moved[rate] = abs(np.log(scores.mean() / labels.mean()))
    assert moved[0.3] < 0.25
    assert moved[0.0] > 2 * moved[0.3]
