"""A small county, taken in as the demo does it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
import yaml

from features.signals.delivery import take_in_folder
from training.pipeline import FinishedRun, run_experiment
from training.simulation import CountySettings, simulate_county

ENDS_ON = dt.date(2026, 10, 31)


@pytest.fixture(scope="session")
def county_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the raw feeds, ``signals/`` and ``outcomes.parquet`` of 3,000 households."""
    folder = tmp_path_factory.mktemp("county")
    simulate_county(CountySettings(households=3_000, ends_on=ENDS_ON, seed=11)).save(folder)
    take_in_folder(folder, folder / "signals", region="CN-50", on=ENDS_ON)
    return folder


@pytest.fixture(scope="session")
def experiment_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An experiment small enough for a test."""
    path = tmp_path_factory.mktemp("experiment") / "small.yaml"
    path.write_text(
        yaml.safe_dump({
            "name": "small",
            "region": "CN-50",
            "horizon_months": 12,
            "train": [dt.date(2023, 10, 31), dt.date(2024, 10, 31)],
            "test": [dt.date(2025, 10, 31)],
            "capacity": {"share": 0.05},
            "fit": {"max_trees": 60, "folds": 3, "threads": 1},
        })
    )
    return path


@pytest.fixture(scope="session")
def finished(
    county_folder: Path, experiment_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> FinishedRun:
    """That experiment on that county, evaluated, written and recorded. Not to be altered."""
    out = tmp_path_factory.mktemp("runs")
    return run_experiment(experiment_file, county_folder, out, outcomes_until=ENDS_ON)
