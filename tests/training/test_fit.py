"""Fit: directions hold, folds keep groups, the same data give the same model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import StratifiedGroupKFold

from training.errors import DataError
from training.fit import FitSettings, _folds, fit, fit_calibration

SETTINGS = FitSettings(max_trees=60, patience=20, min_rows_in_leaf=20, threads=1)
DIRECTIONS = {"debt": 1, "income": -1, "noise": 0}


@pytest.fixture(scope="module")
def data() -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Risk falls, then rises again with income: a free model would follow it, a directed one must not."""
    rng = np.random.default_rng(1)
    n = 3_000
    vectors = pd.DataFrame({
        "debt": rng.normal(size=n),
        "income": rng.normal(size=n),
        "noise": rng.normal(size=n),
    })
    margin = vectors["debt"] + 0.8 * vectors["income"] ** 2 - 3
    labels = (rng.random(n) < 1 / (1 + np.exp(-margin))).astype(np.int64)
    vectors.loc[rng.random(n) < 0.1, "debt"] = np.nan
    return vectors, labels, np.repeat(np.arange(n // 3), 3)


def test_risk_never_moves_against_a_direction(data: tuple[Any, Any, Any]) -> None:
    booster = fit(*data, DIRECTIONS, SETTINGS).booster
    grid = np.linspace(-4, 4, 60)
    for name, direction in DIRECTIONS.items():
        if direction:
            for household in data[0].head(20).to_numpy():
                rows = np.tile(household, (60, 1))
                rows[:, data[0].columns.get_loc(name)] = grid
                steps = np.diff(booster.predict(rows, raw_score=True)) * direction
                assert steps.min() >= 0
                assert booster.num_trees() > 0


def test_the_same_data_give_the_same_model(data: tuple[Any, Any, Any]) -> None:
    first, second = (fit(*data, DIRECTIONS, SETTINGS) for _ in range(2))
    assert first.booster.model_to_string() == second.booster.model_to_string()
    assert first.calibration == second.calibration


def test_folds_never_part_a_household(data: tuple[Any, Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    search = lgb.cv

    def watched(*arguments: Any, **options: Any) -> Any:
        seen.extend(options["folds"])
        return search(*arguments, **options)

    monkeypatch.setattr(lgb, "cv", watched)
    fit(*data, DIRECTIONS, SETTINGS)
    groups = data[2]
    assert len(seen) == SETTINGS.folds
    for learned, held in seen:
        assert not set(groups[learned]) & set(groups[held])
    assert sorted(np.concatenate([held for _, held in seen])) == list(range(len(groups)))


@pytest.mark.parametrize("seed", [0, 7])
def test_folds_are_those_of_the_library_for_the_groups_by_name(seed: int) -> None:
    """Folds are dealt once for the same rows; other labels, groups, counts and seeds have folds of their own."""
    rng = np.random.default_rng(3)
    names = np.array([f"H{rng.integers(0, 10**6)}" for _ in range(150)], dtype=object)
    asked = []
    for count in (3, 4):
        for _ in range(2):
            groups = names[rng.integers(0, len(names), 400)]
            asked.append((count, groups, (rng.random(400) < 0.3).astype(np.int64)))
    for count, groups, labels in asked * 2:
        settings = replace(SETTINGS, folds=count, seed=seed)
        _, folds, _ = _folds(labels, groups, settings)
        splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
        theirs = list(splitter.split(np.empty((400, 0)), labels, groups))
        assert len(folds) == len(theirs) == count
        for ours, one in zip(folds, theirs, strict=True):
            np.testing.assert_array_equal(ours[0], one[0])
            np.testing.assert_array_equal(ours[1], one[1])


def test_out_of_fold_margins_know_nothing_of_noise() -> None:
    rng = np.random.default_rng(2)
    vectors = pd.DataFrame(rng.normal(size=(2_000, 3)), columns=list(DIRECTIONS))
    labels = (rng.random(2_000) < 0.3).astype(np.int64)
    eager = FitSettings(max_trees=80, patience=80, min_rows_in_leaf=2, num_leaves=31, l2=0.1, threads=1)
    fitted = fit(vectors, labels, np.arange(2_000), dict.fromkeys(DIRECTIONS, 0), eager)
    probabilities = fitted.calibration.probability(fitted.out_of_fold)
    # Calibrated on what it had learned by heart, it would be sure of itself.
    assert probabilities.std() < 0.05
    assert probabilities.mean() == pytest.approx(labels.mean(), abs=0.02)


def test_of_many_rows_folds_learn_from_some_and_judge_all(
    data: tuple[Any, Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors, labels, groups = data
    seen: list[Any] = []
    boosters: list[lgb.Booster] = []
    search = lgb.cv

    def watched(*arguments: Any, **options: Any) -> Any:
        seen.extend(options["folds"])
        found = search(*arguments, **options)
        boosters.extend(found["cvbooster"].boosters)
        return found

    monkeypatch.setattr(lgb, "cv", watched)
    settings = replace(SETTINGS, search_rows=1_200, row_share=1.0, least_tree_share=1.0, siblings=1)
    fitted = fit(vectors, labels, groups, DIRECTIONS, settings)
    drawn = np.concatenate([held for _, held in seen])
    assert len(drawn) == pytest.approx(1_200, rel=0.02)
    assert fitted.out_of_fold.shape == (3_000,)
    judged_by = np.array([
        booster.predict(vectors, raw_score=True, num_iteration=fitted.trees) == fitted.out_of_fold
        for booster in boosters
    ])
    for (learned, held), is_judge in zip(seen, judged_by, strict=True):
        assert set(learned) | set(held) == set(drawn)
        assert not set(groups[learned]) & set(groups[held])
        assert is_judge[held].all()
    assert judged_by.any(axis=0).all()
    assert np.bincount(judged_by.argmax(axis=0)).min() > 500
    # Released trees learned from every row, the sibling from the drawn ones.
    roots = [one.trees_to_dataframe()["count"].iloc[0] for one in (fitted.booster, *fitted.siblings)]
    assert roots == [3_000, len(drawn)]


def test_probabilities_stay_honest_where_folds_learn_from_some() -> None:
    rng = np.random.default_rng(8)
    vectors = pd.DataFrame(rng.normal(size=(80_000, 3)), columns=list(DIRECTIONS))
    margin = 0.9 * vectors["debt"] - 0.6 * vectors["income"] - 4
    labels = (rng.random(len(vectors)) < 1 / (1 + np.exp(-margin))).astype(np.int64)
    past, fresh = np.arange(20_000), np.arange(20_000, 80_000)
    settings = replace(SETTINGS, search_rows=5_000, siblings=0)
    fitted = fit(vectors.iloc[past], labels[past], past // 2, DIRECTIONS, settings)
    margins = fitted.booster.predict(vectors.iloc[fresh], raw_score=True)
    if fitted.blend:
        margins = fitted.blend.margins(margins, vectors.iloc[fresh].to_numpy())
    probabilities = fitted.calibration.probability(margins)
    # With the penalties of the whole, folds of a fifth of the rows made it one and a half times as much.
    assert probabilities.mean() == pytest.approx(labels[past].mean(), rel=0.05)
    again = fit_calibration(fitted.calibration.log_odds(margins), labels[fresh])
    assert again.slope == pytest.approx(1.0, abs=0.1)


def test_where_few_drawn_households_have_the_outcome_all_rows_are_taken() -> None:
    rng = np.random.default_rng(9)
    vectors = pd.DataFrame(rng.normal(size=(1_500, 3)), columns=list(DIRECTIONS))
    labels = np.zeros(1_500, dtype=np.int64)
    labels[::300] = 1
    settings = replace(SETTINGS, search_rows=1_000, folds=4, siblings=1, max_trees=5)
    fitted = fit(vectors, labels, np.arange(1_500), DIRECTIONS, settings)
    whole = fit(vectors, labels, np.arange(1_500), DIRECTIONS, replace(settings, search_rows=2_000))
    assert np.array_equal(fitted.out_of_fold, whole.out_of_fold)


def test_calibration_finds_the_line() -> None:
    rng = np.random.default_rng(4)
    margins = rng.normal(-1, 2, 40_000)
    labels = (rng.random(40_000) < 1 / (1 + np.exp(-(0.5 * margins - 1)))).astype(np.int64)
    found = fit_calibration(margins, labels)
    assert found.slope == pytest.approx(0.5, abs=0.03)
    assert found.intercept == pytest.approx(-1, abs=0.05)


def test_margins_that_mislead_only_set_the_level() -> None:
    rng = np.random.default_rng(6)
    margins = rng.normal(size=2_000)
    labels = (rng.random(2_000) < 1 / (1 + np.exp(2 * margins + 1))).astype(np.int64)
    found = fit_calibration(margins, labels)
    probabilities = found.probability(margins)
    assert found.slope > 0
    assert probabilities == pytest.approx(np.full(2_000, labels.mean()), rel=1e-4)


def test_too_few_outcomes_are_refused() -> None:
    vectors = pd.DataFrame(np.zeros((50, 1)), columns=["debt"])
    labels = np.zeros(50, dtype=np.int64)
    labels[:6] = 1
    groups = np.zeros(50, dtype=np.int64)
    with pytest.raises(DataError, match="use more data"):
        fit(vectors, labels, groups, {"debt": 1}, SETTINGS)
