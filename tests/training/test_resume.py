"""A killed run goes on where it was, and ends with the very bytes of an unbroken one."""

from __future__ import annotations

import datetime as dt
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest
import yaml

from scoring.calibration import Calibration
from scoring.grades import GradeBorders
from scoring.model import RiskModel
from tests.training.conftest import ENDS_ON
from training.candidate import Candidate
from training.errors import TrainingError
from training.evaluation.estimate import plain
from training.fit import FitSettings, Fitted
from training.matrix import Matrix
from training.pipeline import KEPT, FinishedRun
from training.stages import Stages, named_by, reachable

ROOT = Path(__file__).parents[2]
KILLS = 3


@pytest.fixture(scope="module")
def quick_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("quick") / "quick.yaml"
    settings: dict[str, Any] = {
        "name": "quick",
        "region": "CN-50",
        "horizon_months": 12,
        "train": [dt.date(2023, 10, 31), dt.date(2024, 10, 31)],
        "test": [dt.date(2024, 10, 31), dt.date(2025, 10, 31)],
        "refit": "each",
        "capacity": {"share": 0.05, "level": "township"},
        "features": ["theme:illness", "theme:composition"],
        "fit": {"max_trees": 40, "folds": 3, "threads": 1, "siblings": 1},
        "bootstrap": {"resamples": 100},
        "ablation": True,
    }
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return path


def start(experiment: Path, data: Path, out: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            sys.executable, "-m", "training", "run", str(experiment), "--data", str(data), "--out", str(out),
            "--outcomes-until", str(ENDS_ON), "--json",
        ],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip


def finish(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    found: dict[str, Any] = json.loads(out)
    return found


def results(done: dict[str, Any]) -> dict[str, bytes]:
    bundle = Path(done["bundle"])
    files = [*sorted(bundle.glob("*.txt")), bundle.parent / "evaluation.json"]
    return {one.name: one.read_bytes() for one in files}


def kept(out: Path) -> set[str]:
    """The finished stages of a run that has not ended."""
    # Unlike `glob`, it does not mind a folder that goes while it looks.
    return {
        str(Path(folder).relative_to(out))
        for run in out.glob(".unfinished-*")
        for folder, _, files in os.walk(run)
        if {"value.json", "matrix.parquet"} & {*files} and ".stage-" not in folder
    }


def kill_after(process: subprocess.Popen[str], out: Path, stages: int, seconds: float) -> None:
    """Kill so many seconds after there are so many finished stages."""
    until = time.monotonic() + 240
    while len(kept(out)) < stages and process.poll() is None and time.monotonic() < until:
        time.sleep(0.02)
    time.sleep(seconds)
    process.kill()
    process.communicate()


def test_a_run_killed_at_any_time_ends_with_the_same_bytes(
    county_folder: Path, quick_file: Path, tmp_path: Path
) -> None:
    unbroken = finish(start(quick_file, county_folder, tmp_path / "unbroken"))
    chance = random.Random(5)
    out = tmp_path / "broken"
    before: set[str] = set()
    # Early, amid and late of the eighteen that are kept, so that no run is through before it is killed.
    for earliest in range(1, 5 * KILLS, 5):
        process = start(quick_file, county_folder, out)
        stages = max(len(before) + 1, chance.randint(earliest, earliest + 4))
        kill_after(process, out, stages, chance.uniform(0, 0.6))
        now = kept(out)
        assert before < now, "what was finished before the kill is lost, or nothing was added"
        before = now
    whole = finish(start(quick_file, county_folder, out))
    first, second = results(unbroken), results(whole)
    assert set(first) == {"model.txt", "sibling-1.txt", "evaluation.json"}
    assert first == second
    assert not list(out.glob(".unfinished-*"))


def test_a_stage_is_built_once_and_comes_back_as_it_was(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(300, 3)), (rng.random(300) < 0.4).astype(int)
    booster = lgb.train({"objective": "binary", "verbosity": -1, "num_threads": 1}, lgb.Dataset(x, y), 5)
    built: list[int] = []

    def build() -> dict[str, Any]:
        built.append(1)
        fitted = Fitted(booster, Calibration(0.7, 0.1), rng.normal(size=4), 5, FitSettings(), (booster,))
        return {
            "fitted": fitted,
            "dates": (dt.date(2025, 1, 31),),
            "shape": np.arange(6).reshape(2, 3),
            "no": None,
        }

    stages = Stages(tmp_path / "run", (Fitted,))
    first, second = stages.value("a/b", build), stages.value("a/b", build)
    assert built == [1]
    assert first["fitted"].booster.model_to_string() == second["fitted"].booster.model_to_string()
    assert np.array_equal(first["fitted"].booster.predict(x), booster.predict(x))
    assert np.array_equal(first["fitted"].out_of_fold, second["fitted"].out_of_fold)
    assert first["fitted"].settings == FitSettings()
    assert first["fitted"].siblings[0] is first["fitted"].booster
    assert first["shape"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert first["dates"] == (dt.date(2025, 1, 31),)
    assert {one.suffix for one in (tmp_path / "run").rglob("*") if one.is_file()} == {
        ".json",
        ".txt",
        ".parquet",
    }
    stages.remove()
    assert not (tmp_path / "run").exists()


def test_a_matrix_comes_back_to_the_bit(tmp_path: Path) -> None:
    index = pd.MultiIndex.from_product(
        [["a", "b"], pd.to_datetime(["2024-10-31", "2025-10-31"])], names=["household_id", "as_of_date"]
    )
    vectors = pd.DataFrame({"x": [0.1 + 0.2, np.nan, -0.0, 1e300], "y": [1.0, 2.0, 3.0, 4.0]}, index=index)
    matrix = Matrix(vectors, np.array([0, 1, 0, 1]), np.array(["500299001001"] * 4, dtype=object))
    for _ in range(2):
        found = Stages(tmp_path).matrix("m", lambda: matrix)
        assert found.vectors.to_numpy().tobytes() == vectors.to_numpy().tobytes()
        assert found.households.tolist() == ["a", "a", "b", "b"]
        assert found.on([dt.date(2025, 10, 31)]).labels.tolist() == [1, 1]
        assert found.villages is not None
        assert found.villages.tolist() == ["500299001001"] * 4


def test_what_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    def fail() -> int:
        raise TrainingError("no")

    stages = Stages(tmp_path / "run")
    with pytest.raises(TrainingError):
        stages.value("a", fail)
    with pytest.raises(TypeError, match="cannot keep a set"):
        stages.value("a", lambda: {1, 2})
    assert list((tmp_path / "run").iterdir()) == []
    assert stages.value("a", lambda: 3) == 3


def test_all_that_a_candidate_is_made_of_may_be_kept() -> None:
    assert {Candidate, RiskModel, Fitted, FitSettings, Calibration, GradeBorders} <= reachable([Candidate])


def test_everything_that_is_measured_may_be_kept(finished: FinishedRun, tmp_path: Path) -> None:
    """Outlook with its models, label quality, comparison and silent feeds come back as they were."""
    done = finished.evaluation
    measured = {
        "compared": done.comparison,
        "outlook": done.outlook,
        "labels": done.labels,
        "silent": done.silent_feeds,
    }
    assert all(measured.values())
    for _ in range(2):
        found = Stages(tmp_path, KEPT).value("measured", lambda: measured)
        assert plain(found) == plain(measured)
        assert found["outlook"].model == done.outlook.model  # type: ignore[union-attr]
        assert type(found["compared"]) is type(done.comparison)


def test_other_settings_have_another_name() -> None:
    assert named_by({"a": 1, "b": dt.date(2025, 1, 1)}) == named_by({"b": dt.date(2025, 1, 1), "a": 1})
    assert named_by({"a": 1}) != named_by({"a": 2})
