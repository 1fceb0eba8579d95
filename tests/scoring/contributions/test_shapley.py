"""Contributions are the Shapley values of the path-dependent game, and add up."""

from __future__ import annotations

import itertools
import math
from typing import Any

import lightgbm as lgb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.contributions import Explainer
from scoring.model import RiskModel
from tests.scoring.conftest import made_vectors


def expected_value(node: dict[str, Any], row: np.ndarray, known: frozenset[int]) -> float:
    """The tree's mean prediction when only the features in `known` are known, by cover (Lundberg 2020)."""
    if "leaf_value" in node:
        return float(node["leaf_value"])
    left, right = node["left_child"], node["right_child"]
    feature = node["split_feature"]
    if feature in known:
        value = row[feature]
        missing = math.isnan(value) if node["missing_type"] == "NaN" else False
        if missing:
            goes_left = node["default_left"]
        else:
            goes_left = (0.0 if math.isnan(value) else value) <= node["threshold"]
        return expected_value(left if goes_left else right, row, known)
    weights = [child.get("internal_count", child.get("leaf_count")) for child in (left, right)]
    parts = [expected_value(child, row, known) for child in (left, right)]
    return float(np.average(parts, weights=weights))


def brute_force(booster: lgb.Booster, row: np.ndarray) -> tuple[np.ndarray, float]:
    """Shapley values over all subsets of features, and the value of knowing nothing."""
    trees = [tree["tree_structure"] for tree in booster.dump_model()["tree_info"]]
    count = len(row)

    def game(known: frozenset[int]) -> float:
        return sum(expected_value(tree, row, known) for tree in trees)

    values = np.zeros(count)
    for feature in range(count):
        others = [one for one in range(count) if one != feature]
        for size in range(count):
            weight = math.factorial(size) * math.factorial(count - size - 1) / math.factorial(count)
            for subset in itertools.combinations(others, size):
                known = frozenset(subset)
                values[feature] += weight * (game(known | {feature}) - game(known))
    return values, game(frozenset())


@settings(max_examples=12, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000), leaves=st.integers(2, 6), trees=st.integers(1, 4), gaps=st.booleans())
def test_brute_force_shapley_agrees(seed: int, leaves: int, trees: int, gaps: bool) -> None:
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(300, 4)).round(1)
    if gaps:
        matrix[rng.random(matrix.shape) < 0.2] = np.nan
    labels = np.nan_to_num(matrix[:, 0]) * np.nan_to_num(matrix[:, 1], nan=1) + rng.normal(0, 0.5, 300) > 0.3
    parameters = {"objective": "binary", "num_leaves": leaves, "min_data_in_leaf": 5, "verbosity": -1,
                  "num_threads": 1, "seed": seed}  # fmt: skip
    booster = lgb.train(parameters, lgb.Dataset(matrix, labels.astype(int)), trees)
    rows = matrix[:4]
    values, base = Explainer(booster).contributions(rows)
    for at, row in enumerate(rows):
        expected, nothing = brute_force(booster, row)
        np.testing.assert_allclose(values[at], expected, atol=1e-9)
        assert base[at] == pytest.approx(nothing, abs=1e-9)


def test_contributions_add_up_to_the_calibrated_log_odds(model: RiskModel) -> None:
    vectors = made_vectors(300, 4)
    found = model.explain(vectors)
    np.testing.assert_allclose(found.base + found.values.sum(axis=1), found.log_odds, atol=1e-6)
    np.testing.assert_allclose(1 / (1 + np.exp(-found.log_odds)), found.scores, atol=1e-12)
    np.testing.assert_array_equal(found.scores, model.score(vectors))


def test_no_rows_no_contributions(model: RiskModel) -> None:
    empty = model.explain(made_vectors(0))
    assert empty.values.shape == (0, len(model.feature_names))
    assert empty.scores.shape == (0,)
