"""Horizons and themes: labels at their borders, lines that earn their covariates, figures by hand."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scoring.bundle import load_bundle
from scoring.capacity import Capacity, Quota
from scoring.themes import THEMES
from tests.training.conftest import ENDS_ON
from training.errors import ExperimentError
from training.evaluation.outlook import against_shares, figures
from training.experiment import BootstrapSettings
from training.label_settings import parse_label_quality, parse_outlook
from training.labels import labels_by_horizon, themes_of
from training.lines import choose_lines, hazards, shares
from training.outlook import periods_of
from training.pipeline import run_experiment

BOOTSTRAP = BootstrapSettings(resamples=60)

ROWS = [
    # household, as-of date, identified, cause, labels by 3, 6 and 12 months
    ("day_after", "2024-10-31", "2024-11-01", "01", (1, 1, 1)),
    ("last_of_three", "2024-10-31", "2025-01-31", "0201", (1, 1, 1)),
    ("first_after_three", "2024-10-31", "2025-02-01", "07", (0, 1, 1)),
    ("last_of_six", "2024-10-31", "2025-04-30", "06", (0, 1, 1)),
    ("last_of_twelve", "2024-10-31", "2025-10-31", "09", (0, 0, 1)),
    ("last_of_twelve", "2024-01-31", "2025-10-31", "09", (0, 0, 0)),
    ("later", "2024-10-31", "2025-11-01", None, (0, 0, 0)),
    ("never", "2024-10-31", None, None, (0, 0, 0)),
]


@pytest.fixture
def index() -> pd.MultiIndex:
    return pd.MultiIndex.from_tuples(
        [(row[0], pd.Timestamp(row[1])) for row in ROWS], names=["household_id", "as_of_date"]
    )


@pytest.fixture
def outcomes() -> pd.DataFrame:
    known = {row[0]: row for row in ROWS if row[2]}.values()
    return pd.DataFrame({
        "household_id": [row[0] for row in known],
        "identified_on": pd.to_datetime([str(row[2]) for row in known]),
        "cause_code": [row[3] for row in known],
        "object_type": "marginal",
    })


def test_labels_by_horizon_at_their_borders(index: pd.MultiIndex, outcomes: pd.DataFrame) -> None:
    found = labels_by_horizon(index, outcomes, (3, 6, 12))
    assert [tuple(row) for row in found.tolist()] == [row[4] for row in ROWS]
    assert periods_of(found[:5]).tolist() == [0, 0, 1, 1, 2]


def test_themes_of_verified_causes(index: pd.MultiIndex, outcomes: pd.DataFrame) -> None:
    found = [THEMES[at] if at >= 0 else None for at in themes_of(index, outcomes, "CN-50")]
    named = ["illness", "accident", "employment", "production", "other", "other", "other", None]
    # Without a recorded cause an identification is of `other`.
    assert found == named


def made(rows: int, effect: float, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One covariate and three classes whose odds it moves; every household has two rows alike."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=rows)
    odds = np.exp(np.column_stack([effect * x, np.zeros(rows), -effect * x - 0.5]))
    edges = (odds / odds.sum(axis=1, keepdims=True)).cumsum(axis=1)
    classes = (rng.random(rows)[:, None] > edges).sum(axis=1)
    return np.repeat(x, 2), np.repeat(classes, 2), np.repeat(np.arange(rows), 2)


@pytest.mark.parametrize("kind", [hazards(3), shares(3)], ids=["hazards", "shares"])
def test_covariates_must_earn_their_place(kind: object) -> None:
    kept = {}
    for effect in (0.0, 1.5):
        kept[effect] = 0
        for seed in range(20):
            x, classes, groups = made(150, effect, seed)
            lines, learned = choose_lines(
                kind, ["x"], [x], classes, groups, folds=5, least_rows=100  # type: ignore[arg-type]
            )  # fmt: skip
            kept[effect] += learned.is_kept
            assert (lines.covariates == ("x",)) == learned.is_kept
            assert (learned.rows, learned.households) == (300, 150)
    # One standard error lets chance in at about one in six.
    assert kept[0.0] <= 7
    assert kept[1.5] == 20


def test_without_covariates_the_lines_are_the_overall_shares() -> None:
    """6, 3 and 1 rows, and half an imagined one of each kind."""
    classes = np.repeat([0, 1, 2], [6, 3, 1])
    lines, learned = choose_lines(
        shares(3), ["x"], [np.full(10, 2.0)], classes, np.arange(10), folds=2, least_rows=5
    )
    assert not learned.is_kept
    found = np.exp(lines.intercepts)
    np.testing.assert_allclose(found / found.sum(), np.array([6.5, 3.5, 1.5]) / 11.5)
    by_period, _ = choose_lines(
        hazards(3), ["x"], [np.arange(10.0)], classes, np.arange(10), folds=2, least_rows=99
    )
    np.testing.assert_allclose(by_period.intercepts, [math.log(6.5 / 4.5), math.log(3.5 / 1.5)])


def test_fitted_hazards_are_those_that_made_the_data() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=40_000)
    first, second = (1 / (1 + np.exp(-one)) for one in (-1 + 0.8 * x, -0.5 - 0.4 * x))
    drawn = rng.random((2, len(x)))
    classes = np.where(drawn[0] < first, 0, np.where(drawn[1] < second, 1, 2))
    lines, _ = choose_lines(hazards(3), ["x"], [x], classes, np.arange(len(x)), folds=2, least_rows=100)
    np.testing.assert_allclose(lines.intercepts, [-1.0, -0.5], atol=0.05)
    np.testing.assert_allclose([one[0] for one in lines.weights], [0.8, -0.4], atol=0.05)


def test_figures_by_hand() -> None:
    labels, scores = np.array([0, 1, 0, 1, 0]), np.array([0.1, 0.4, 0.4, 0.8, 0.2])
    areas = Capacity(Quota(visits=1)).divide(None, 5)
    one, nothing = figures([(labels, scores), (np.zeros(5, dtype=np.int64), scores)], areas, BOOTSTRAP)
    # 6 pairs: 5 in order, one tied.
    assert one.roc_auc is not None
    assert one.roc_auc.value == pytest.approx(5.5 / 6)
    assert (one.positives, one.observed.value) == (2, 2.0)
    assert one.predicted == pytest.approx(1.9)
    assert one.observed.low < 2 < one.observed.high
    assert nothing.roc_auc is None
    assert nothing.predicted == pytest.approx(1.9)


def test_losses_by_hand() -> None:
    own = np.array([[0.5, 0.5], [0.25, 0.75]])
    found = against_shares(own, np.array([0.8, 0.2]), np.array([0, 1]), BOOTSTRAP)
    assert found.loss == pytest.approx(-(math.log(0.5) + math.log(0.75)) / 2)
    assert found.loss_of_shares == pytest.approx(-(math.log(0.8) + math.log(0.2)) / 2)
    assert found.gain.value == pytest.approx(found.loss_of_shares - found.loss)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({"horizons": [3, 12]}, "outlook.horizons is a whole number from 1 to 11"),
        ({"horizons": [6, 3]}, "in order, each once"),
        ({"horizons": 3}, "a list of months"),
        ({"folds": 1}, "outlook.folds is a whole number from 2 to 20"),
        ({"horizonts": [3]}, "did you mean horizons"),
    ],
)
def test_settings_are_refused_by_name(raw: object, said: str) -> None:
    with pytest.raises(ExperimentError, match=said):
        parse_outlook(raw, 12)


def test_settings_of_a_shorter_horizon() -> None:
    assert parse_outlook({}, 6).horizons == (3,)
    assert parse_outlook({}, 3).horizons == ()
    assert parse_outlook({"horizons": [1, 2]}, 3).horizons == (1, 2)
    with pytest.raises(ExperimentError, match=r"grace_months is a whole number from 0 to 24"):
        parse_label_quality({"grace_months": 25})


def test_a_run_divides_its_score(county_folder: Path, experiment_file: Path, tmp_path: Path) -> None:
    done = run_experiment(experiment_file, county_folder, tmp_path, outcomes_until=ENDS_ON)
    told = json.loads((done.bundle.parent / "evaluation.json").read_text(encoding="utf-8"))
    horizons, themes = told["horizons"]["tests"][0], told["themes"]["tests"][0]
    assert [one["months"] for one in horizons["horizons"]] == [3, 6, 12]
    found = [one["figures"] for one in horizons["horizons"]]
    assert [one["positives"] for one in found] == sorted(one["positives"] for one in found)
    assert [one["predicted"] for one in found] == sorted(one["predicted"] for one in found)
    assert found[-1]["positives"] == told["tests"][0]["positives"] == sum(map(sum, themes["confusion"]))
    assert sum(one["figures"]["predicted"] for one in themes["figures"]) == pytest.approx(
        found[-1]["predicted"]
    )
    labels = told["label_quality"]["tests"][0]
    assert labels["helped"]["plain"]["positives"] == found[-1]["positives"]
    assert labels["missed"]["visits"] > 50
    outlook = load_bundle(done.bundle).model.outlook
    assert outlook is not None
    assert outlook == done.evaluation.model.outlook
    assert outlook.timing.months == (3, 6)
    # The score itself is the model's: dividing it changes nothing.
    vectors = done.evaluation.train_vectors.head(50)
    plain = dataclasses.replace(done.evaluation.model, outlook=None)
    np.testing.assert_array_equal(plain.score(vectors), done.evaluation.model.score(vectors))
    assert dt.date.fromisoformat(horizons["as_of_date"]) == dt.date(2025, 10, 31)
