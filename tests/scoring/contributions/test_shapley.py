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
from tests.scoring.contributions.boosters import Recipe, edge_rows

NEAR_ZERO = float(np.float32(1e-35))
"""What LightGBM reads as zero, on both sides of it."""


def goes_left(node: dict[str, Any], value: float) -> bool:
    """LightGBM's rule for one value, written from its documentation and `tree.h`, apart from ours."""
    if node["decision_type"] == "==":
        # Cut to a whole number, so that −0.5 is 0; what is unknown, negative or not listed goes right.
        if math.isnan(value) or not -1 < value < 2**31:
            return False
        return str(int(value)) in node["threshold"].split("||")
    assert node["decision_type"] == "<="
    kind = node["missing_type"]
    is_zero = (math.isnan(value) and kind != "NaN") or abs(value) <= NEAR_ZERO
    if (kind == "Zero" and is_zero) or (kind == "NaN" and math.isnan(value)):
        return bool(node["default_left"])
    return (0.0 if is_zero else value) <= float(node["threshold"])


def expected_value(node: dict[str, Any], row: np.ndarray, known: frozenset[int]) -> float:
    """The tree's mean prediction when only the features in `known` are known, by cover (Lundberg 2020)."""
    if "leaf_value" in node:
        return float(node["leaf_value"])
    left, right = node["left_child"], node["right_child"]
    feature = node["split_feature"]
    if feature in known:
        branch = "left_child" if goes_left(node, float(row[feature])) else "right_child"
        return expected_value(node[branch], row, known)
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


def check_against_brute_force(recipe: Recipe, rows: int) -> set[tuple[str, str]]:
    """Compare contributions with all subsets; returns the kinds of decision and of missing value met."""
    booster, matrix = recipe.make()
    chosen = edge_rows(booster, matrix, np.random.default_rng(recipe.seed), rows)
    explainer = Explainer(booster)
    values, base = explainer.contributions(chosen)
    assert explainer.fallback is None
    for at, row in enumerate(chosen):
        expected, nothing = brute_force(booster, row)
        np.testing.assert_allclose(values[at], expected, rtol=0, atol=1e-10)
        assert base[at] == pytest.approx(nothing, abs=1e-10)
        alone, _ = explainer.contributions(row[np.newaxis])
        np.testing.assert_allclose(alone[0], expected, rtol=0, atol=1e-10)
    trees = [tree["tree_structure"] for tree in booster.dump_model()["tree_info"]]
    return {kind for tree in trees for kind in kinds(tree)}


def kinds(node: dict[str, Any]) -> set[tuple[str, str]]:
    """(decision, missing value) of all nodes of a tree."""
    if "leaf_value" in node:
        return set()
    own = {(str(node["decision_type"]), str(node["missing_type"]))}
    return own | kinds(node["left_child"]) | kinds(node["right_child"])


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    recipe=st.builds(
        Recipe,
        seed=st.integers(0, 10_000),
        columns=st.just(5),
        rows=st.just(300),
        trees=st.integers(1, 3),
        leaves=st.integers(2, 7),
        gaps=st.sampled_from([0.0, 0.2]),
        zeros=st.sampled_from([0.0, 0.3]),
        zero_as_missing=st.booleans(),
        use_missing=st.booleans(),
        categories=st.booleans(),
        copies=st.booleans(),
    )
)
def test_brute_force_shapley_agrees(recipe: Recipe) -> None:
    check_against_brute_force(recipe, rows=3)


@pytest.mark.parametrize(
    ("recipe", "kind"),
    [
        (Recipe(seed=1, columns=5, leaves=7, trees=3, categories=True, gaps=0.2), "=="),
        (Recipe(seed=2, columns=5, leaves=7, trees=3, zero_as_missing=True, zeros=0.3, gaps=0.2), "Zero"),
        (Recipe(seed=3, columns=5, leaves=7, trees=3, gaps=0.2), "NaN"),
        (Recipe(seed=4, columns=5, leaves=7, trees=3, use_missing=False, gaps=0.2), "None"),
    ],
)
def test_brute_force_agrees_on_every_kind_of_node(recipe: Recipe, kind: str) -> None:
    met = check_against_brute_force(recipe, rows=8)
    assert any(kind in pair for pair in met), met


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
