"""The blend: sizes and weights out of fold, directions, codes, missing values, and trust over the rule."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from training.blend import Blend, BlendSettings, Rows, fit_blend
from training.blend.blend import tells_label
from training.blend.learners import Trees
from training.blend.rows import build_rows, normal_scores
from training.blend.weights import find_trust, find_weights
from training.errors import DataError

FAST = BlendSettings(folds=2)


def make_rows(seed: int, n: int, rule_tells: float, other_tells: float) -> tuple[Rows, np.ndarray]:
    rng = np.random.default_rng(seed)
    income, debt = rng.normal(size=n), rng.normal(size=n)
    crop = rng.integers(0, 4, n)
    lean = -rule_tells * income + other_tells * (debt + (crop == 2)) - 1.5
    labels = (rng.random(n) < 1 / (1 + np.exp(-lean))).astype(np.int64)
    vectors = pd.DataFrame({"income": income, "debt": debt, "crop": crop.astype(float)})
    vectors.loc[rng.random(n) < 0.1, "debt"] = np.nan
    return build_rows(vectors, -income, np.zeros(n), codes=["crop"]), labels


@pytest.fixture(scope="module")
def fitted() -> tuple[Blend, Rows, np.ndarray]:
    rows, labels = make_rows(1, 600, 0.5, 1.5)
    return fit_blend(rows, labels, np.arange(600) // 2, directions=(0, 1, 0), settings=FAST), rows, labels


def test_probabilities_are_calibrated_on_other_rows(fitted: tuple[Blend, Rows, np.ndarray]) -> None:
    blend, _, _ = fitted
    rows, labels = make_rows(2, 4_000, 0.5, 1.5)
    found = blend.probability(rows)
    assert ((found > 0) & (found < 1)).all()
    assert found.mean() == pytest.approx(labels.mean(), abs=0.04)
    riskier = found >= np.quantile(found, 0.8)
    assert labels[riskier].mean() == pytest.approx(found[riskier].mean(), abs=0.08)


def test_unseen_codes_and_missing_values_have_a_probability(fitted: tuple[Blend, Rows, np.ndarray]) -> None:
    blend, rows, _ = fitted
    strange = Rows(np.full((3, 3), np.nan), np.full((3, 3), np.nan), np.zeros(3), rows.codes)
    strange.values[0] = [1e30, -1e30, 99]
    assert np.isfinite(blend.probability(strange)).all()


def test_trees_keep_to_directions(fitted: tuple[Blend, Rows, np.ndarray]) -> None:
    blend, rows, _ = fitted
    trees = next(one for one in blend.learners if one.name == "trees, 7 leaves")
    values = np.repeat(rows.values[:1], 50, axis=0)
    values[:, 1] = np.linspace(-3, 3, 50)
    margins = trees.margins(Rows(values, values, np.zeros(50), rows.codes))
    assert (np.diff(margins) >= -1e-12).all()
    assert margins[-1] > margins[0]


def test_the_same_rows_give_the_same_blend(fitted: tuple[Blend, Rows, np.ndarray]) -> None:
    blend, rows, labels = fitted
    again = fit_blend(rows, labels, np.arange(600) // 2, directions=(0, 1, 0), settings=FAST)
    np.testing.assert_array_equal(again.probability(rows), blend.probability(rows))


def test_progress_ends_at_its_total() -> None:
    rows, labels = make_rows(3, 200, 1.0, 1.0)
    steps: list[tuple[int, int]] = []
    fit_blend(rows, labels, np.arange(200), settings=FAST, progress=lambda *at: steps.append(at))
    assert steps[-1][0] == steps[-1][1]
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)


def test_many_rows_are_judged_on_some_and_fitted_on_all() -> None:
    rows, labels = make_rows(4, 900, 0.5, 1.5)
    blend = fit_blend(rows, labels, np.arange(900), settings=BlendSettings(many_rows=300))
    assert blend.probability(rows).mean() == pytest.approx(labels.mean(), abs=0.05)


def test_outcomes_in_one_group_are_refused() -> None:
    rows, labels = make_rows(5, 60, 1.0, 1.0)
    with pytest.raises(DataError, match="use more data"):
        fit_blend(rows, labels, np.where(labels == 1, -1, np.arange(60)))


def test_few_outcomes_leave_weights_equal_and_many_speak() -> None:
    rng = np.random.default_rng(6)
    truth = rng.normal(size=20_000)
    labels = (rng.random(20_000) < 1 / (1 + np.exp(-truth))).astype(np.int64)
    margins = np.column_stack([truth, rng.normal(size=20_000)])
    few = find_weights(margins[:30], labels[:30], 1e4)
    many = find_weights(margins, labels, 1.0)
    assert few == pytest.approx([0.5, 0.5], abs=0.01)
    assert many == pytest.approx([1.0, 0.0], abs=0.1)
    assert (find_weights(-margins, labels, 1.0) >= 0).all()


def test_a_blend_without_gain_is_not_trusted() -> None:
    rng = np.random.default_rng(7)
    truth = rng.normal(size=2_000)
    labels = (rng.random(2_000) < 1 / (1 + np.exp(-truth))).astype(np.int64)
    noisy = truth + rng.normal(size=2_000)
    groups = np.arange(2_000)
    assert find_trust(noisy, truth, labels, groups) == 0
    assert find_trust(truth, noisy, labels, groups) == 1
    assert find_trust(truth, truth, labels, groups) == 1
    # As good as the rule, in other households: half each.
    other = truth + rng.normal(size=2_000)
    assert 0.2 < find_trust(noisy, other, labels, groups) < 0.8


def test_normal_scores_by_hand() -> None:
    scores = normal_scores(np.array([3.0, np.nan, 1.0, 1.0]))
    # Ranks 3, 1.5, 1.5 of three known values: quantiles 5/6, 1/3, 1/3 of the normal distribution.
    assert scores[[0, 2, 3]] == pytest.approx([0.96742, -0.43073, -0.43073], abs=1e-5)
    assert np.isnan(scores[1])


def test_places_are_within_the_wave() -> None:
    vectors = pd.DataFrame({"income": [1.0, 2.0, 3.0, 100.0, 200.0, 300.0], "flag": [0.0, 1.0, 1.0] * 2})
    rows = build_rows(vectors, -vectors["income"].to_numpy(), np.repeat([0, 1], 3))
    np.testing.assert_allclose(rows.places[:3, 0], rows.places[3:, 0])
    np.testing.assert_array_equal(rows.places[:, 1], vectors["flag"])
    np.testing.assert_allclose(rows.naive, -rows.places[:, 0])


def graded_rows(n: int) -> tuple[Rows, np.ndarray]:
    """The label is that the income of the next wave is among the lowest fifth, and it follows the debt."""
    rng = np.random.default_rng(8)
    income, debt = rng.normal(size=n), rng.normal(size=n)
    later = 0.3 * -income + debt + rng.normal(size=n)
    vectors = pd.DataFrame({"income": income, "debt": debt})
    labels = (later > np.quantile(later, 0.8)).astype(np.int64)
    later[rng.random(n) < 0.1] = np.nan
    return build_rows(vectors, -income, np.zeros(n), later=later), labels


def test_a_label_that_is_a_later_value_below_a_line_is_learned_by_how_far_it_fell() -> None:
    rows, labels = graded_rows(500)
    assert rows.later is not None
    assert tells_label(rows.later, labels)
    blend = fit_blend(rows, labels, np.arange(500), settings=FAST)
    assert "trees of the rule later" in blend.weights
    # Rows to be told of have no later value, and none is looked at.
    told, _ = graded_rows(800)
    blind = Rows(told.values, told.places, told.naive, told.codes)
    np.testing.assert_array_equal(blend.probability(blind), blend.probability(told))
    trees = Trees("of the rule later", is_placed=True, foresees_rule=True, bags=1)
    foreseen = trees.fit(rows, labels, 7)(blind)
    other = trees.fit(rows, 1 - labels, 7)(blind)
    np.testing.assert_array_equal(foreseen, other)
    assert np.corrcoef(foreseen, told.values[:, 1])[0, 1] > 0.8


def test_another_label_or_little_that_is_known_later_is_learned_as_it_is() -> None:
    rows, labels = graded_rows(500)
    assert rows.later is not None
    assert not tells_label(None, labels)
    assert not tells_label(np.random.default_rng(0).permutation(rows.later), labels)
    few = rows.later.copy()
    few[: len(few) * 6 // 10] = np.nan
    assert not tells_label(few, labels)
    assert not tells_label(np.full(len(labels), np.nan), labels)
    assert not tells_label(rows.later, np.zeros_like(labels))
