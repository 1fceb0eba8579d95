"""Uganda: the adapter on a made-up panel, and the figures on the real one where it is at hand."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from training.errors import DataError
from training.surveys.uganda import build_survey_vectors, compare_uganda, read_panel
from training.surveys.uganda_columns import REQUIRED_COLUMNS

ROOT = Path(__file__).parents[3]
PANEL = ROOT.parent / "shared" / "data" / "uganda_unps_panel"
needs_panel = pytest.mark.skipif(
    not (PANEL / "households_by_wave.csv").is_file(),
    reason="the Uganda National Panel is not on this machine",
)
HOUSEHOLDS, EVENTS = "households_by_wave.csv", "events.csv"


def made_up_panel(n: int = 160) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two waves of invented households; who consumes little now is poor in the next wave."""
    rng = np.random.default_rng(8)
    rows = 2 * n
    table = pd.DataFrame({
        name: rng.integers(0, 3, rows).astype(float) for name in REQUIRED_COLUMNS[HOUSEHOLDS]
    })
    table["household_id"] = [f"hh{number % n}" for number in range(rows)]
    table["wave"] = np.repeat(["2009-10", "2010-11"], n)
    table["ea"] = [f"EA{number % 20}" for number in range(rows)]
    table["interview_year"] = np.repeat([2009, 2010], n)
    table["interview_month"] = rng.integers(1, 13, rows)
    table["hsize"] = rng.integers(1, 9, rows)
    table["consumption_gap_ratio"] = rng.lognormal(0.4, 0.4, rows)
    table["label"] = (table["consumption_gap_ratio"] + rng.normal(0, 0.3, rows) < 1.2).astype(float)
    events = pd.DataFrame({name: [1.0, 2.0] for name in REQUIRED_COLUMNS[EVENTS]})
    events["household_id"], events["wave"] = ["hh0", "hh1"], "2009-10"
    events["event_class"], events["event_type"] = ["shock", "illness"], ["drought", "malaria"]
    events["event_month"] = [f"2009-{month:02d}" for month in table["interview_month"].tolist()[:2]]
    events["cost"] = [np.nan, 30_000.0]
    return table, events


@pytest.fixture
def panel(tmp_path: Path) -> Path:
    households, events = made_up_panel()
    households.to_csv(tmp_path / HOUSEHOLDS, index=False)
    events.to_csv(tmp_path / EVENTS, index=False)
    return tmp_path


def test_events_become_signals(panel: Path) -> None:
    households, events = read_panel(panel)
    vectors = build_survey_vectors(households, events)
    assert list(vectors.index) == list(households.index)
    at = households.set_index(["household_id", "wave"]).index
    first, second, third = (vectors.iloc[at.get_loc((one, "2009-10"))] for one in ("hh0", "hh1", "hh2"))
    assert first["disaster_count_12m"] == 1
    assert third["disaster_count_12m"] == 0
    # Shillings become thousands.
    assert second["illness_self_paid_yuan_1m"] == pytest.approx(30)
    sizes = households[["n_child_0_5", "n_child_6_14", "n_working_age", "n_elderly_60"]].sum(axis=1)
    assert vectors["composition_members_count"].tolist() == pytest.approx(sizes.tolist())


def test_income_keeps_its_sign(panel: Path) -> None:
    households, events = read_panel(panel)
    for column in households.columns[households.columns.str.startswith("inc_")]:
        households[column] = 0.0
    households.loc[0, "inc_nonagri_enterprise"] = -50_000.0
    households.loc[1, "inc_crop"] = 70_000.0
    vectors = build_survey_vectors(households, events)
    assert vectors["income_business_yuan_12m"].iloc[:3].tolist() == pytest.approx([0.0, 70.0, 0.0])
    assert vectors["income_net_yuan_12m"].iloc[0] <= vectors["income_wages_yuan_12m"].iloc[0] - 50


def test_no_outcome_is_among_the_vectors(panel: Path) -> None:
    households, events = read_panel(panel)
    before = build_survey_vectors(households, events)
    after = build_survey_vectors(households.assign(label=1 - households["label"]), events)
    pd.testing.assert_frame_equal(before, after)


def test_a_made_up_panel_is_compared(panel: Path) -> None:
    found = compare_uganda(panel).as_json()
    assert found["n"] == 160
    assert set(found["models"]) == {"naive", "logistic", "default", "regularised", "rank_average", "ours"}
    # The naive rule is how this panel was made: nobody can be much better.
    assert found["models"]["naive"]["roc_auc"] > 0.85
    assert found["models"]["ours"]["roc_auc"] > 0.75


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda folder: (folder / EVENTS).unlink(), "there is no file"),
        (lambda folder: (folder / HOUSEHOLDS).write_bytes(b""), "cannot be read as a CSV"),
        (
            lambda folder: (folder / HOUSEHOLDS).write_bytes(b"\xff\xfe\x00bad"),
            "cannot be read as a CSV|lacks",
        ),
        (lambda folder: (folder / EVENTS).write_text("household_id,wave\n"), "lacks the columns"),
        (
            lambda folder: pd.concat([pd.read_csv(folder / HOUSEHOLDS)] * 2).to_csv(folder / HOUSEHOLDS),
            "twice in one wave",
        ),
        (
            lambda folder: (
                pd
                .read_csv(folder / HOUSEHOLDS)
                .assign(interview_month=np.nan)
                .to_csv(folder / HOUSEHOLDS, index=False)
            ),
            "without year or month",
        ),
        (
            lambda folder: (
                pd.read_csv(folder / HOUSEHOLDS).assign(label=np.nan).to_csv(folder / HOUSEHOLDS, index=False)
            ),
            "labels in 0 wave",
        ),
    ],
)
def test_a_harmed_panel_is_refused(panel: Path, harm: object, message: str) -> None:
    assert callable(harm)
    harm(panel)
    with pytest.raises(DataError, match=message):
        compare_uganda(panel)


@needs_panel
def test_the_real_panel_meets_its_reference() -> None:
    command = [sys.executable, "-m", "training", "survey", "uganda", "--data", str(PANEL), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    found = json.loads(done.stdout)
    assert found["n"] == 1641
    assert found["base_rate"] == pytest.approx(0.167, abs=0.0005)
    models = found["models"]
    assert models["naive"]["roc_auc"] == pytest.approx(0.736, abs=0.0005)
    assert models["naive"]["precision_at_10"] == pytest.approx(0.390, abs=0.0005)
    assert models["ours"]["roc_auc"] >= 0.803
    assert models["ours"]["precision_at_10"] >= 0.53
    for one in models.values():
        assert set(one) == {"roc_auc", "pr_auc", "precision_at_10", "recall_at_10", "brier"}
