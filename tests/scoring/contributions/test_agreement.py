"""The tables agree with LightGBM's own prediction: margins to the last bit, contributions to rounding."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from typing import Any

import lightgbm as lgb
import numpy as np
import pytest
from hypothesis import given, settings

from scoring.contributions import Explainer, ExplainerSettings
from tests.scoring.contributions.boosters import EDGES, Floats, Recipe, edge_rows, recipes

TOLERANCE = 1e-10


def check_agreement(
    booster: lgb.Booster, rows: Floats, settings: ExplainerSettings | None = None
) -> Explainer:
    """Margins, contributions, base values and strongest features of rows, against LightGBM."""
    explainer = Explainer(booster, settings or ExplainerSettings(threads=1))
    assert explainer.fallback is None
    theirs = np.asarray(booster.predict(rows, pred_contrib=True))
    raw = np.asarray(booster.predict(rows, raw_score=True))
    margins, values, base = explainer.explain(rows)
    np.testing.assert_array_equal(margins, raw)
    np.testing.assert_array_equal(explainer.margins(rows), raw)
    np.testing.assert_allclose(values, theirs[:, :-1], rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(base, theirs[:, -1], rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(base + values.sum(axis=1), raw, rtol=0, atol=TOLERANCE)
    count = min(3, rows.shape[1])
    strongest_margins, columns, strongest = explainer.strongest(rows, count)
    np.testing.assert_array_equal(strongest_margins, raw)
    sizes = -np.sort(-np.abs(values), axis=1)[:, :count]
    np.testing.assert_array_equal(np.abs(strongest), sizes)
    np.testing.assert_array_equal(
        np.take_along_axis(values, columns, axis=1)[sizes > 0], strongest[sizes > 0]
    )
    return explainer


def exact_contributions(booster: lgb.Booster, row: Floats) -> list[float]:
    """Shapley values of a model with numeric splits and nothing missing, in rational numbers.

    Leaf by leaf: the weight of all subsets of size s of the other features is an elementary symmetric sum.
    """
    found = [Fraction(0)] * len(row)
    for tree in booster.dump_model()["tree_info"]:
        waiting: list[tuple[dict[str, Any], dict[int, tuple[bool, Fraction]]]] = [
            (tree["tree_structure"], {})
        ]
        while waiting:
            node, path = waiting.pop()
            if "leaf_value" in node:
                for feature, (met, share) in path.items():
                    sums = [Fraction(1)] + [Fraction(0)] * (len(path) - 1)
                    unknown = Fraction(1)
                    for other, (known, part) in path.items():
                        if other != feature:
                            unknown *= part
                            ratio = known / part
                            sums = [sums[0], *(b + ratio * a for a, b in itertools.pairwise(sums))]
                    orders = math.factorial(len(path))
                    weighted = sum(
                        Fraction(math.factorial(size) * math.factorial(len(path) - size - 1), orders) * one
                        for size, one in enumerate(sums)
                    )
                    found[feature] += Fraction(node["leaf_value"]) * (met - share) * unknown * weighted
                continue
            feature = node["split_feature"]
            left = row[feature] <= node["threshold"]
            for child, goes in ((node["left_child"], left), (node["right_child"], not left)):
                count = child.get("internal_count", child.get("leaf_count"))
                met, share = path.get(feature, (True, Fraction(1)))
                kept = share * Fraction(count, node["internal_count"])
                waiting.append((child, {**path, feature: (met and bool(goes), kept)}))
    return [float(one) for one in found]


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(recipe=recipes())
def test_generated_models_agree_on_known_rows_and_on_every_border(recipe: Recipe) -> None:
    booster, matrix = recipe.make()
    check_agreement(
        booster, np.vstack([matrix[:50], edge_rows(booster, matrix, np.random.default_rng(1), 250)])
    )


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(trees=200, leaves=31, columns=20, rows=2_000, digits=3, gaps=0.1, categories=True),
        Recipe(trees=60, leaves=63, columns=30, rows=3_000, digits=3, gaps=0.1),
        Recipe(trees=20, leaves=150, columns=25, rows=4_000, digits=3, categories=True),
        Recipe(trees=200, leaves=15, columns=4, rows=4_000, digits=6, bins=1_000),
        Recipe(trees=100, leaves=31, columns=8, rows=3_000, digits=6, bins=1_000, categories=True, gaps=0.2),
        Recipe(trees=1, leaves=2),
        Recipe(trees=40, leaves=12, zero_as_missing=True, zeros=0.4, gaps=0.2, categories=True),
    ],
    ids=[
        "slim",
        "deep",
        "over 64 leaves",
        "1,000 bins",
        "1,000 bins, categories",
        "a stump",
        "zero as missing",
    ],
)
def test_large_models_agree(recipe: Recipe) -> None:
    booster, matrix = recipe.make()
    rows = np.vstack([matrix[:100], edge_rows(booster, matrix, np.random.default_rng(2), 200)])
    check_agreement(booster, rows)


def test_more_than_255_cuts_of_a_feature_are_told_apart() -> None:
    booster, matrix = Recipe(trees=200, leaves=15, columns=4, rows=4_000, digits=6, bins=1_000).make()
    explainer = check_agreement(booster, edge_rows(booster, matrix, np.random.default_rng(3), 1_000))
    assert explainer._model is not None
    assert max(map(len, explainer._model.bins.ends)) > 257
    assert explainer._model.bins.wide


def test_paths_of_many_features_are_split_or_integrated() -> None:
    """Chains as long as LightGBM makes them: each leaf's path asks for up to 30 features."""
    rng = np.random.default_rng(4)
    matrix = rng.normal(size=(4_000, 30))
    labels = np.where((matrix > -1.6).all(axis=1), 5.0, 0.0) + matrix @ rng.normal(0, 0.01, 30)
    parameters = {
        "objective": "regression",
        "num_leaves": 40,
        "min_data_in_leaf": 1,
        "verbosity": -1,
        "num_threads": 1,
    }
    booster = lgb.train(parameters, lgb.Dataset(matrix, labels), 3)
    explainer = Explainer(booster, ExplainerSettings(threads=1))
    margins, values, base = explainer.explain(matrix[:300])
    np.testing.assert_array_equal(margins, booster.predict(matrix[:300], raw_score=True))
    np.testing.assert_allclose(base + values.sum(axis=1), margins, rtol=0, atol=1e-12)
    # On paths this long pred_contrib itself is off by some 1e-9, so rational numbers are the judge.
    theirs = np.asarray(booster.predict(matrix[:300], pred_contrib=True))[:, :-1]
    np.testing.assert_allclose(values, theirs, rtol=0, atol=1e-7)
    for at in (0, 6):
        np.testing.assert_allclose(values[at], exact_contributions(booster, matrix[at]), rtol=0, atol=1e-12)
    assert explainer._pieces is not None
    tables, leaves = explainer._pieces.tables, explainer._pieces.leaves
    assert len(tables.order) > tables.singles > 0
    assert len(leaves.value) > 0


def test_constant_trees_and_models_without_splits() -> None:
    rng = np.random.default_rng(5)
    matrix = rng.normal(size=(50, 4))
    parameters = {"objective": "regression", "min_data_in_leaf": 40, "verbosity": -1, "num_threads": 1}
    constant = lgb.train(parameters, lgb.Dataset(matrix, np.full(50, 3.0)), 3)
    check_agreement(constant, matrix)
    grown, known = Recipe(trees=4).make()
    text = grown.model_to_string()
    stump = text.index("Tree=2\n"), text.index("Tree=3\n")
    one_leaf = "Tree=2\nnum_leaves=1\nnum_cat=0\nleaf_value=0.25\nshrinkage=1\n\n\n"
    mixed = text[: stump[0]] + one_leaf + text[stump[1] :]
    # Without its sizes LightGBM finds trees by their headings.
    lines = [line for line in mixed.splitlines(keepends=True) if not line.startswith("tree_sizes=")]
    check_agreement(lgb.Booster(model_str="".join(lines)), known[:60])


def test_categories_that_are_negative_fractional_unseen_missing_or_huge() -> None:
    booster, matrix = Recipe(trees=30, leaves=16, categories=True, gaps=0.2, rows=1_000).make()
    rows = np.repeat(matrix[:20], len(EDGES), axis=0)
    for column in (matrix.shape[1] - 2, matrix.shape[1] - 1):
        tried = rows.copy()
        tried[:, column] = np.tile(EDGES, 20)
        check_agreement(booster, tried)


@pytest.mark.parametrize("zero_as_missing", [False, True])
def test_values_near_zero_are_read_as_lightgbm_reads_them(zero_as_missing: bool) -> None:
    recipe = Recipe(trees=20, zeros=0.4, gaps=0.1, zero_as_missing=zero_as_missing, leaves=12)
    booster, matrix = recipe.make()
    text = booster.model_to_string()
    # Thresholds on both sides of zero, nearer than LightGBM itself would put them.
    lines = []
    for line in text.splitlines(keepends=True):
        if line.startswith("threshold="):
            given = line.removeprefix("threshold=").split()
            near = ["5e-36", "-5e-36", "0", "1e-35", "-1e-35", "1.0000000180025095e-35"]
            given = [near[at % 6] if at % 2 else one for at, one in enumerate(given)]
            line = "threshold=" + " ".join(given) + "\n"
        if not line.startswith("tree_sizes="):
            lines.append(line)
    changed = lgb.Booster(model_str="".join(lines))
    rows = np.repeat(matrix[:30], len(EDGES), axis=0)
    for column in range(3):
        tried = rows.copy()
        tried[:, column] = np.tile(EDGES, 30)
        check_agreement(changed, tried)


def test_a_booster_keeps_its_best_iteration() -> None:
    booster, matrix = Recipe(trees=12).make()
    booster.best_iteration = 5
    check_agreement(booster, matrix[:50])
