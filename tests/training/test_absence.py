"""Fitting absence: a silent feed moves no mean score, and what is missing for other reasons adds nothing."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from features import FEATURES
from scoring.grades import GradeBorders
from scoring.model import RiskModel
from training.absence import fit_absence, telling
from training.experiment import BootstrapSettings
from training.feed_dropout import features_by_feed
from training.fit import FitSettings, fit
from training.line import transforms_of
from training.matrix import Matrix
from training.silent_feeds import measure_silence

NAMES = (
    "illness_self_paid_yuan_12m", "illness_inpatient_count_12m", "illness_days_since_inpatient",
    "production_loss_yuan_12m", "production_trouble_count_12m", "composition_workers_count",
)  # fmt: skip
NAMES = tuple(one for one in NAMES if one in FEATURES)
FEEDS = features_by_feed(NAMES)
BILL = "illness_self_paid_yuan_12m"


def county(rows: int, seed: int) -> Matrix:
    """Few have the outcome, which follows bills and losses."""
    rng = np.random.default_rng(seed)
    vectors = pd.DataFrame({name: rng.gamma(0.3, 10_000.0, rows) for name in NAMES})
    margin = 4 * np.log1p(vectors[BILL] / 20_000) + np.log1p(vectors[NAMES[3]] / 20_000) - 5.5
    labels = (rng.random(rows) < 1 / (1 + np.exp(-margin))).astype(np.int64)
    vectors.index = pd.MultiIndex.from_arrays(
        [np.arange(rows).astype(str), np.repeat(pd.Timestamp("2025-10-31"), rows)],
        names=["household_id", "as_of_date"],
    )
    return Matrix(vectors, labels)


@pytest.fixture(scope="module")
def model() -> RiskModel:
    """Trained without feed dropout: of silence it knows nothing."""
    train = county(12_000, 1)
    settings = FitSettings(max_trees=60, threads=1, siblings=0, feed_dropout=0.0, least_tree_share=0.5)
    directions = {name: FEATURES[name].direction for name in NAMES}
    fitted = fit(
        train.vectors, train.labels, np.arange(12_000), directions, settings, transforms=transforms_of(NAMES)
    )
    return RiskModel(
        fitted.booster, NAMES, fitted.calibration, GradeBorders(0.5, 0.1), float(train.labels.mean()), 12,
        "v", blend=fitted.blend,
    )  # fmt: skip


def test_no_silent_feed_moves_the_level(model: RiskModel) -> None:
    fitted = fit_absence(model, county(12_000, 1).vectors, FEEDS, 7)
    mended = dataclasses.replace(model, absence=fitted)
    fresh = county(12_000, 2)
    bootstrap = BootstrapSettings(resamples=100)
    before, after = (measure_silence(one, fresh, 120, bootstrap) for one in (model, mended))
    assert [one.feed for one in after] == [None, *FEEDS]
    worst = max(abs(np.log(one.moved.value)) for one in before)
    assert worst > 0.4
    assert not all(one.is_level for one in before)
    for one in after:
        assert one.moved.value == pytest.approx(1.0, abs=0.05)
        assert one.is_level
        assert one.ratio.low <= one.ratio.value <= one.ratio.high
        assert (one.n, one.positives, one.visits) == (12_000, fresh.positives, 120)
    # With every feed heard nothing has changed.
    assert after[0] == before[0]


def test_a_feed_that_was_never_heard_adds_nothing(model: RiskModel) -> None:
    vectors = county(2_000, 3).vectors
    vectors[list(FEEDS["illness"])] = np.nan
    found = fit_absence(model, vectors, FEEDS, 7)
    assert found is not None
    assert [found.weights[NAMES.index(one)] for one in FEEDS["illness"]] == pytest.approx([0.0] * 3, abs=1e-6)


def test_without_feeds_there_is_none(model: RiskModel) -> None:
    assert fit_absence(model, county(100, 4).vectors, {}, 7) is None


def test_a_feature_that_is_often_missing_does_not_tell_of_its_feed() -> None:
    names = list(FEATURES)
    feeds = features_by_feed(names)
    missing = np.zeros(len(names))
    illness = feeds["illness"]
    missing[names.index(illness[0])] = 0.4
    told = [names[at] for at in telling("illness", illness, names, missing)]
    assert illness[0] not in told
    assert told
    for feed, features in feeds.items():
        found = [names[at] for at in telling(feed, features, names, np.zeros(len(names)))]
        assert set(found) <= set(features)
        own = [one for one in features if set(FEATURES[one].feeds) == {feed}]
        assert found == (own or list(features))
