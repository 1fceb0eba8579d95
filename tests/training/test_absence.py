"""Fitting absence: a silent feed moves no mean score, and what is missing for other reasons adds nothing."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest

from features import FEATURES
from scoring.calibration import Calibration
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
FEEDS = features_by_feed(NAMES)
BILL = "illness_self_paid_yuan_12m"


def county(rows: int, seed: int) -> Matrix:
    """Few have the outcome, which follows bills and losses."""
    rng = np.random.default_rng(seed)
    vectors = pd.DataFrame({name: rng.gamma(0.3, 10_000.0, rows) for name in NAMES})
    margin = 4 * np.log1p(vectors[BILL] / 20_000) + np.log1p(vectors[NAMES[3]] / 20_000) - 5.5
    labels = (rng.random(rows) < 1 / (1 + np.exp(-margin.to_numpy()))).astype(np.int64)
    vectors.index = pd.MultiIndex.from_arrays(
        [np.arange(rows).astype(str), [pd.Timestamp("2025-10-31")] * rows],
        names=["household_id", "as_of_date"],
    )
    return Matrix(vectors, labels)


def made(train: Matrix, feeds: dict[str, tuple[str, ...]]) -> RiskModel:
    """Trained without feed dropout: of silence its trees know nothing."""
    settings = FitSettings(max_trees=60, threads=1, siblings=0, feed_dropout=0.0, least_tree_share=0.5)
    directions = {name: FEATURES[name].direction for name in NAMES}
    fitted = fit(
        train.vectors, train.labels, train.households, directions, settings, feeds=feeds,
        transforms=transforms_of(NAMES),
    )  # fmt: skip
    return RiskModel(
        fitted.booster, NAMES, fitted.calibration, GradeBorders(0.5, 0.1), float(train.labels.mean()), 12,
        "v", blend=fitted.blend, absence=fitted.absence,
    )  # fmt: skip


def test_no_silent_feed_moves_the_level() -> None:
    mended = made(county(12_000, 1), FEEDS)
    plain = dataclasses.replace(mended, absence=None)
    fresh = county(12_000, 2)
    bootstrap = BootstrapSettings(resamples=100)
    before, after = (measure_silence(one, fresh, 120, bootstrap) for one in (plain, mended))
    assert [one.feed for one in after] == [None, *FEEDS]
    assert max(abs(np.log(one.moved.value)) for one in before) > 0.4
    assert not all(one.is_level for one in before)
    for one in after:
        assert one.moved.value == pytest.approx(1.0, abs=0.08)
        assert one.is_level
        assert one.ratio.low <= one.ratio.value <= one.ratio.high
        assert (one.n, one.positives, one.visits) == (12_000, fresh.positives, 120)
    # With every feed heard nothing has changed.
    assert after[0] == before[0]


def test_a_feed_that_rows_often_lack_adds_nothing() -> None:
    """What its absence means has been learned from them."""
    train = county(6_000, 3)
    lacking = np.random.default_rng(1).random(6_000) < 0.3
    train.vectors.loc[lacking, list(FEEDS["illness"])] = np.nan
    found = made(train, FEEDS).absence
    assert found is not None
    weights = found.by_feature(NAMES)
    assert not set(weights) & set(FEEDS["illness"])
    assert set(weights) & set(FEEDS["production"])


def test_without_feeds_there_is_none() -> None:
    assert made(county(3_000, 4), {}).absence is None


def test_a_shift_by_hand() -> None:
    """Scores of 0.2 that become 0.5 without the feed are brought back by log ¼; slopes are undone."""
    names, feeds = ("a", "b", "c"), {"first": ("a", "b"), "second": ("c",)}
    rows = np.ones((50, 3))
    rows[:10, 1] = np.nan

    def margins(given: np.ndarray) -> np.ndarray:
        return np.where(np.isnan(given[:, 0]), 0.0, math.log(0.2 / 0.8) / 2)

    found = fit_absence(rows, margins, Calibration(2.0, 0.0), names, feeds)
    assert found is not None
    # b, missing from a fifth of the rows, does not tell of the feed.
    assert found.weights == pytest.approx((math.log(1 / 4) / 2, 0.0, 0.0), abs=1e-8)


def test_what_tells_of_a_feed_is_of_no_other() -> None:
    names = list(FEATURES)
    feeds = features_by_feed(names)
    for feed, features in feeds.items():
        found = [names[at] for at in telling(feed, feeds, names, np.zeros(len(names)))]
        assert found
        own = [one for one in features if not set(FEATURES[one].feeds) & (set(feeds) - {feed})]
        assert found == (own or list(features))
