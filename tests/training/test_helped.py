"""Help before the outcome: who is flagged, weights by hand, and what the weights can recover."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.metrics import roc_auc_score

from features import CONTRACTS, Coverage, Signals
from training.evaluation.weighted import weighted_figures
from training.helped import NEVER, RENEWAL_DAYS, Follow, follow, new_measures, uncensored_weights

AS_OF, END = dt.date(2024, 10, 31), dt.date(2025, 10, 31)


def on(text: str | None) -> dt.date | None:
    return None if text is None else dt.date.fromisoformat(text)


def measures_of(*rows: tuple[str, str, str, str | None]) -> pd.DataFrame:
    columns: dict[str, Any] = {
        "household_id": [row[0] for row in rows],
        "known_on": [on(row[2]) for row in rows],
        "is_known_on_estimated": False,
        "ended_known_on": None,
        "monthly_fen": 10_000,
        "kind": [row[1] for row in rows],
        "occurred_on": [on(row[2]) for row in rows],
        "ended_on": [on(row[3]) for row in rows],
    }
    schema = CONTRACTS["assistance"].schema
    made = {
        name: pa.array(one if isinstance(one, list) else [one] * len(rows), schema.field(name).type)
        for name, one in columns.items()
    }
    table = pa.table({name: made[name] for name in schema.names}, schema=schema)
    return new_measures(Signals({"assistance": table}, Coverage([])))


def test_a_renewal_is_no_new_measure() -> None:
    found = measures_of(
        ("a", "dibao", "2024-01-01", "2024-06-30"),
        ("a", "dibao", "2024-07-01", "2024-12-31"),  # the next day
        ("a", "dibao", "2025-01-31", None),  # 31 days later
        ("a", "temporary_relief", "2025-02-01", "2025-03-01"),  # another kind
        ("b", "dibao", "2024-01-01", "2024-06-30"),
        ("b", "dibao", "2024-08-01", None),  # 32 days later
        ("c", "dibao", "2024-01-01", None),
        ("c", "dibao", "2025-01-01", "2025-02-01"),  # the first has no end
        ("c", "dibao", "2025-08-01", None),
    )
    days = found["helped_on"].dt.strftime("%Y-%m-%d")
    told = sorted(zip(found["household_id"], days, strict=True))
    assert RENEWAL_DAYS == 31
    assert told == [
        ("a", "2024-01-01"), ("a", "2025-02-01"), ("b", "2024-01-01"), ("b", "2024-08-01"), ("c", "2024-01-01"),
    ]  # fmt: skip


def test_who_was_helped_before_an_outcome() -> None:
    households = pd.Index(["helped", "both", "identified", "same day", "before", "after", "nothing"])
    measures = pd.DataFrame({
        "household_id": ["helped", "both", "identified", "same day", "before", "after"],
        "helped_on": pd.to_datetime([
            "2025-01-31",
            "2024-11-01",
            "2025-05-01",
            "2025-02-01",
            "2024-10-31",
            "2025-11-01",
        ]),
    })
    outcomes = pd.DataFrame({
        "household_id": ["both", "identified", "same day"],
        "identified_on": pd.to_datetime(["2025-10-31", "2025-04-30", "2025-02-01"]),
    })
    found = follow(households, outcomes, measures, AS_OF, END)
    assert found.horizon_days == 365
    assert found.labels.tolist() == [0, 1, 1, 1, 0, 0, 0]
    assert found.is_helped_before_outcome.tolist() == [True, *[False] * 6]
    assert found.is_censored.tolist() == [True, True, *[False] * 5]


def test_weights_by_hand() -> None:
    """Ten alike: 2 helped on day 50 with all at risk, 2 on day 100 with 7, one identified between them."""
    identified = np.full(10, NEVER)
    helped = np.full(10, NEVER)
    helped[:2], helped[2:4], identified[4] = 50, 100, 80
    weights = uncensored_weights(Follow(identified, helped, 365), np.zeros(10))
    early = 10 / 8
    np.testing.assert_allclose(weights, [0, 0, 0, 0, early, *[early * 7 / 5] * 5])
    assert weights.sum() == pytest.approx(early + 5 * early * 7 / 5)


def test_without_help_everybody_counts_once() -> None:
    nobody = np.full(50, NEVER)
    np.testing.assert_array_equal(
        uncensored_weights(Follow(nobody, nobody, 365), np.linspace(0, 1, 50)), np.ones(50)
    )


def test_weights_recover_what_help_by_the_score_hides() -> None:
    """Help comes to the highest scores, on any day; whoever is helped first is not identified any more."""
    rng = np.random.default_rng(5)
    n, bands = 200_000, np.array([0.001, 0.01, 0.05, 0.2])
    band = rng.choice(4, n, p=[0.8, 0.15, 0.04, 0.01])
    scores = bands[band] + rng.uniform(0, 1e-4, n)
    would = np.where(rng.random(n) < bands[band], rng.integers(1, 366, n), NEVER)
    is_helped = rng.random(n) < np.array([0.0, 0.1, 0.4, 0.6])[band]
    helped = np.where(is_helped, rng.integers(1, 366, n), NEVER)
    seen = np.where(helped < would, NEVER, would)
    followed = Follow(seen, helped, 365)
    truth = (would != NEVER).mean()
    plain = followed.labels.mean()
    weights = uncensored_weights(followed, scores)
    weighted = (weights * followed.labels).sum() / weights.sum()
    assert plain < 0.9 * truth
    assert weighted == pytest.approx(truth, rel=0.03)
    assert weights.sum() == pytest.approx(n, rel=0.01)


def test_weighted_figures_by_hand_and_as_scikit_learn() -> None:
    labels, scores = np.array([1, 0, 1, 0]), np.array([0.9, 0.5, 0.4, 0.1])
    one = weighted_figures(labels, scores, np.array([1.0, 2.0, 1.0, 4.0]), 0.25, seed=0, resamples=50)
    # Of a weight of 8 the first 2 are within capacity: the first, and half of the second.
    assert (one.precision.value, one.base_rate.value, one.weight) == (0.5, 0.25, 8.0)
    assert one.recall is not None
    assert one.recall.value == 0.5
    rng = np.random.default_rng(0)
    labels, scores = (rng.random(400) < 0.2).astype(np.int64), np.round(rng.random(400), 1)
    weights = rng.random(400) * (rng.random(400) < 0.8)
    many = weighted_figures(labels, scores, weights, 0.1, seed=0, resamples=50)
    assert many.roc_auc is not None
    expected = roc_auc_score(labels, scores, sample_weight=weights)
    assert many.roc_auc.value == pytest.approx(expected)
    assert many.roc_auc.low < expected < many.roc_auc.high
