"""Experiment files: every bad value is refused by name, with what is allowed."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
import yaml

from features import FEATURES
from training.errors import ExperimentError
from training.experiment import load_experiment
from training.fit import FitSettings

GOOD: dict[str, Any] = {
    "name": "trial",
    "region": "CN-50",
    "horizon_months": 12,
    "train": [dt.date(2023, 10, 31), dt.date(2024, 10, 31)],
    "test": [dt.date(2025, 10, 31)],
    "capacity": {"share": 0.01},
}


def written(folder: Path, settings: Any) -> Path:
    path = folder / "trial.yaml"
    path.write_text(settings if isinstance(settings, str) else yaml.safe_dump(settings), encoding="utf-8")
    return path


def test_a_file_becomes_settings(tmp_path: Path) -> None:
    chosen = list(FEATURES)[:3]
    found = load_experiment(written(tmp_path, {**GOOD, "features": chosen, "fit": {"num_leaves": 7}}))
    assert found.features == tuple(chosen)
    assert found.fit == FitSettings(num_leaves=7)
    assert found.split.test == (dt.date(2025, 10, 31),)


def test_all_features_unless_some_are_chosen(tmp_path: Path) -> None:
    assert load_experiment(written(tmp_path, GOOD)).features == tuple(FEATURES)


def test_the_experiment_of_the_demo_loads() -> None:
    found = load_experiment(Path(__file__).parents[2] / "training" / "experiments" / "county.yaml")
    assert found.capacity.quota.share == 0.01


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"leafs": 3}, "unknown: leafs.*Allowed are ablation"),
        ({"name": "../elsewhere"}, "name is at most 40"),
        ({"name": ""}, "name is at most 40"),
        ({"name": 7}, "name is at most 40"),
        ({"horizon_months": True}, "from 1 to 36"),
        ({"horizon_months": 0}, "from 1 to 36"),
        ({"horizon_months": "12"}, "from 1 to 36"),
        ({"horizon_months": 12.0}, "from 1 to 36"),
        ({"capacity": {"share": 1}}, "between 0 and 1"),
        ({"capacity": {"share": True}}, "from 0 to 1"),
        ({"capacity": {"share": float("nan")}}, "from 0 to 1"),
        ({"train": dt.date(2023, 10, 31)}, "train is a list of as-of dates"),
        ({"train": ["2023-10-31x"]}, "train is a list of as-of dates"),
        ({"train": []}, "train is a list of as-of dates"),
        ({"train": [dt.date(2024, 10, 31), dt.date(2023, 10, 31)]}, "in order, each once"),
        ({"train": [dt.date(2023, 10, 31)] * 2}, "in order, each once"),
        ({"test": [dt.date(2025, 6, 30)]}, "gap of the whole horizon"),
        ({"features": []}, "list of feature names"),
        ({"features": ["no_such_feature"]}, "features has no_such_feature"),
        ({"features": [next(iter(FEATURES))] * 2}, "doubled"),
        ({"features": [["x"]]}, r"features has \['x'\]"),
        ({"fit": [1]}, "fit holds settings by name"),
        ({"fit": {"leaves": 1}}, "unknown: leaves.*num_leaves"),
        ({"fit": {"num_leaves": 7.5}}, "fit.num_leaves is a whole number from 2 to 1024"),
        ({"fit": {"l2": -1}}, "fit.l2 is a number from"),
        ({"fit": {"l2": float("nan")}}, "fit.l2 is a number from"),
        ({"fit": {"l2": float("inf")}}, "fit.l2 is a number from"),
        ({"fit": {"row_share": 1.5}}, "fit.row_share"),
        ({"fit": {"num_leaves": 1}}, "fit.num_leaves"),
        ({"fit": {"folds": 1}}, "fit.folds"),
    ],
)
def test_bad_values_are_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ExperimentError, match=message):
        load_experiment(written(tmp_path, {**GOOD, **change}))


@pytest.mark.parametrize("key", list(GOOD))
def test_missing_keys_are_named(tmp_path: Path, key: str) -> None:
    rest = {name: value for name, value in GOOD.items() if name != key}
    with pytest.raises(ExperimentError, match=f"missing: {key}"):
        load_experiment(written(tmp_path, rest))


@pytest.mark.parametrize("text", ["", "[1, 2]", "just words"])
def test_a_file_without_settings_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ExperimentError, match="holds no settings"):
        load_experiment(written(tmp_path, text))


def test_broken_yaml_names_the_line(tmp_path: Path) -> None:
    with pytest.raises(ExperimentError, match="not YAML, line 3"):
        load_experiment(written(tmp_path, "name: a\ntrain: [1,\n"))


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ExperimentError, match="no experiment file"):
        load_experiment(tmp_path / "nowhere.yaml")
