"""Baselines: what a model must beat to be worth having. They stand beside it in every report."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from features import policy_value
from scoring.triggers import TRIGGER_FEATURES, TRIGGERS
from training.errors import DataError

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

INCOME_FEATURE = "income_net_per_person_yuan_12m"

POINTS_CARD = "points card"
LOGISTIC = "logistic regression"
DEFAULTS = "LightGBM defaults"

LOGISTIC_ROWS = 200_000
"""Rows that the logistic regression learns from at most: every row with the outcome, and of the others a
sample, weighted back, so that its probabilities keep their level."""


@dataclass(frozen=True)
class Ranking:
    """A baseline's ranking of households, higher first; a rule's ranks are no probabilities.

    `is_rule` is said of what offices go by today: income and the departments' triggers.
    """

    name: str
    ranks: Floats
    is_probability: bool
    is_rule: bool


def rule_rankings(vectors: pd.DataFrame, as_of: dt.date, region: str) -> list[Ranking]:
    """Lowest income first, each department trigger, the union of the triggers, and the points card.

    A trigger ranks by how far a household is beyond its level, so that it can be cut to any capacity; the
    union takes the farthest of its triggers. A trigger whose feed was never delivered is left out.
    """
    columns = {name: vectors[name].to_numpy(dtype=np.float64) for name in vectors.columns}
    income = np.nan_to_num(-columns[INCOME_FEATURE], nan=np.finfo(np.float64).min)
    rankings = [Ranking("lowest income first", income, is_probability=False, is_rule=True)]
    excesses = []
    for trigger in TRIGGERS:
        if np.isnan(columns[trigger.feature]).all():
            # Its feed was never delivered: there is no such rule here.
            continue
        excess = trigger.excess(columns, as_of, region)
        excesses.append(excess)
        rankings.append(Ranking(f"trigger: {trigger.code}", excess, is_probability=False, is_rule=True))
    union = np.max(excesses, axis=0) if excesses else np.zeros(len(vectors))
    rankings.append(Ranking("union of triggers", union, is_probability=False, is_rule=True))
    rankings.append(
        Ranking(POINTS_CARD, card_points(columns, as_of, region), is_probability=False, is_rule=False)
    )
    return rankings


def rule_features(as_of_dates: Sequence[dt.date], region: str) -> tuple[str, ...]:
    """The features that the rules read on these dates, to be computed beside the model's own."""
    cards = [policy_value("points_card", region, one).value for one in as_of_dates]
    of_card = [condition["feature"] for card in cards for condition in card]
    return tuple(dict.fromkeys((*TRIGGER_FEATURES, INCOME_FEATURE, *of_card)))


def card_points(columns: Mapping[str, Floats], as_of: dt.date, region: str) -> Floats:
    """The points of each household on the card in force on the date; a missing value meets no condition.

    Source: policy ``points_card``, an assumption.
    """
    points = np.zeros(len(next(iter(columns.values()))))
    for condition in policy_value("points_card", region, as_of).value:
        values = columns[condition["feature"]]
        is_met = (
            values >= condition["at_least"] if "at_least" in condition else values <= condition["at_most"]
        )
        points += np.where(is_met, condition["points"], 0.0)
    return points


def fit_logistic(vectors: pd.DataFrame, labels: Labels, most_rows: int = LOGISTIC_ROWS) -> Pipeline:
    """Logistic regression on the same vectors: signed logarithm, median for missing values and a flag.

    Learns from `most_rows` rows at most, see `LOGISTIC_ROWS`. Raises `DataError` when as many have the
    outcome.
    """
    rows, weights = _thinned(labels, most_rows)
    pipeline = make_pipeline(
        FunctionTransformer(signed_log),
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
        StandardScaler(),
        LogisticRegression(C=0.1, max_iter=2000),
    )
    matrix = vectors.to_numpy(dtype=np.float64)[rows]
    return pipeline.fit(matrix, labels[rows], logisticregression__sample_weight=weights)


def _thinned(labels: Labels, most_rows: int) -> tuple[npt.NDArray[np.int64], Floats | None]:
    if len(labels) <= most_rows:
        return np.arange(len(labels)), None
    positive, negative = np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)
    room = most_rows - len(positive)
    if room <= 0:
        raise DataError(f"more than {most_rows:,} rows have the outcome: it is not rare")
    kept = np.random.default_rng(0).choice(negative, room, replace=False)
    rows = np.sort(np.concatenate([positive, kept]))
    return rows, np.where(labels[rows] == 1, 1.0, len(negative) / room)


def fit_default(vectors: pd.DataFrame, labels: Labels, threads: int = 2) -> lgb.LGBMClassifier:
    """LightGBM as the library comes; only the seed and the number of threads are set."""
    model = lgb.LGBMClassifier(random_state=0, n_jobs=threads, verbosity=-1)
    return model.fit(vectors.to_numpy(dtype=np.float64), labels)


def signed_log(values: Floats) -> Floats:
    """sign(x) · log(1 + |x|): amounts are skewed, and some are negative."""
    return np.asarray(np.sign(values) * np.log1p(np.abs(values)))
