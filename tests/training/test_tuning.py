"""Tuning: inside the past, parted households, the same choice every time, and the experiment's own settings first."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest

from training.errors import DataError, ExperimentError
from training.experiment import load_experiment
from training.fit import FitSettings
from training.matrix import Matrix
from training.trials import Tuning
from training.tuning import PARTS, RANGES, draw_learned, find_folds, tune

FIRST, SECOND, LATER = dt.date(2023, 10, 31), dt.date(2024, 1, 31), dt.date(2024, 10, 31)
PAIRS = [((FIRST,), LATER)]
DIRECTIONS = {"debt": 1, "noise": 0}
SETTINGS = FitSettings(
    max_trees=30, patience=5, min_rows_in_leaf=30, threads=1, tuning_trials=8, learning_rate=0.1
)


@pytest.fixture(scope="module")
def train() -> Matrix:
    rng = np.random.default_rng(4)
    n = 1_500
    households = [f"H{at}" for at in range(n)]
    index = pd.MultiIndex.from_product(
        [pd.to_datetime([FIRST, SECOND, LATER]), households], names=["as_of_date", "household_id"]
    ).swaplevel()
    vectors = pd.DataFrame({"debt": rng.normal(size=3 * n), "noise": rng.normal(size=3 * n)}, index=index)
    labels = (rng.random(3 * n) < 1 / (1 + np.exp(2.5 - 1.5 * vectors["debt"]))).to_numpy().astype(np.int64)
    return Matrix(vectors, labels)


@pytest.fixture(scope="module")
def tuned(train: Matrix) -> tuple[FitSettings, Tuning]:
    return tune(train, PAIRS, SETTINGS, DIRECTIONS, {"loan": ["debt"]})


def test_folds_look_forward_and_part_households(train: Matrix) -> None:
    dates = train.vectors.index.get_level_values("as_of_date")
    held_rows = []
    for learn, held in find_folds(train, PAIRS, 7):
        assert set(dates[learn]) == {pd.Timestamp(FIRST)}
        assert set(dates[held]) == {pd.Timestamp(LATER)}
        assert not set(train.households[learn]) & set(train.households[held])
        held_rows += held.tolist()
    assert sorted(held_rows) == np.flatnonzero(dates == pd.Timestamp(LATER)).tolist()


def test_the_best_whole_trial_is_chosen_and_the_experiments_settings_are_the_first(
    tuned: tuple[FitSettings, Tuning],
) -> None:
    settings, tuning = tuned
    assert len(tuning.trials) == SETTINGS.tuning_trials
    assert tuning.folds == PARTS
    first = tuning.trials[0]
    assert all(getattr(first, name) == getattr(SETTINGS, name) for name in RANGES)
    chosen = tuning.trials[tuning.chosen]
    whole = [one for one in tuning.trials if not one.is_broken_off]
    assert chosen.log_loss == min(one.log_loss for one in whole) <= first.log_loss
    assert all(getattr(settings, name) == getattr(chosen, name) for name in RANGES)
    assert settings.learning_rate == SETTINGS.learning_rate
    for one in tuning.trials:
        assert one.folds == PARTS or one.is_broken_off
        assert all(low <= getattr(one, name) <= high for name, (low, high) in RANGES.items())


def test_the_same_seed_chooses_the_same_and_another_tries_others(
    train: Matrix, tuned: tuple[FitSettings, Tuning]
) -> None:
    again = tune(train, PAIRS, SETTINGS, DIRECTIONS, {"loan": ["debt"]})
    assert again == tuned
    other = FitSettings(**{**vars(SETTINGS), "seed": 8, "tuning_trials": 2})
    assert tune(train, PAIRS, other, DIRECTIONS, {})[1].trials[1] != tuned[1].trials[1]


def test_above_so_many_rows_a_fold_learns_from_households_drawn_whole(train: Matrix) -> None:
    pairs = [((FIRST, SECOND), LATER)]
    learn, _ = next(iter(find_folds(train, pairs, 7)))
    few = draw_learned(train, learn, replace(SETTINGS, search_rows=600))
    assert len(few) == pytest.approx(600, abs=60)
    assert set(few) <= set(learn)
    is_whole = pd.Series(np.isin(learn, few)).groupby(train.households[learn]).nunique() == 1
    assert is_whole.all()
    assert train.labels[few].mean() == pytest.approx(train.labels[learn].mean(), abs=0.02)
    # One row with the outcome would be drawn away: all rows are learned from.
    rare = Matrix(train.vectors, (np.arange(len(train.labels)) == learn[0]).astype(np.int64))
    assert len(draw_learned(rare, learn, replace(SETTINGS, search_rows=600))) == len(learn)


def test_a_draw_changes_the_trials_and_no_draw_changes_nothing(
    train: Matrix, tuned: tuple[FitSettings, Tuning], monkeypatch: pytest.MonkeyPatch
) -> None:
    learned: list[int] = []
    build = lgb.Dataset

    def counted(rows: np.ndarray, *arguments: object, **named: object) -> lgb.Dataset:
        if "reference" not in named:
            learned.append(len(rows))
        return build(rows, *arguments, **named)

    monkeypatch.setattr("training.tuning.lgb.Dataset", counted)
    fewer = tune(train, PAIRS, replace(SETTINGS, search_rows=400, tuning_trials=1), DIRECTIONS, {})
    assert learned
    assert max(learned) <= 420
    assert fewer[1].trials[0].log_loss != tuned[1].trials[0].log_loss
    same = replace(SETTINGS, search_rows=len(train.labels))
    assert tune(train, PAIRS, same, DIRECTIONS, {"loan": ["debt"]})[1] == tuned[1]


def test_what_happens_after_the_pairs_changes_nothing(
    train: Matrix, tuned: tuple[FitSettings, Tuning]
) -> None:
    between = train.vectors.index.get_level_values("as_of_date") == pd.Timestamp(SECOND)
    changed = Matrix(train.vectors, np.where(between, 1 - train.labels, train.labels))
    assert tune(changed, PAIRS, SETTINGS, DIRECTIONS, {"loan": ["debt"]}) == tuned


def test_nothing_to_tune_on_is_said(train: Matrix) -> None:
    with pytest.raises(DataError, match="tuning_trials to 0"):
        tune(train, [], SETTINGS, DIRECTIONS, {})


def test_an_experiment_without_a_past_is_refused(experiment_file: Path, tmp_path: Path) -> None:
    text = experiment_file.read_text()
    asking = tmp_path / "asking.yaml"
    asking.write_text(text.replace("max_trees: 60", "max_trees: 60\n  tuning_trials: 3"))
    assert load_experiment(asking).fit.tuning_trials == 3
    asking.write_text(asking.read_text().replace("- 2023-10-31\n", ""))
    with pytest.raises(ExperimentError, match=r"fit\.tuning_trials chooses on past dates"):
        load_experiment(asking)
