"""Baselines: what a model must beat to be worth having. They stand beside it in every report."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from scoring.triggers import TRIGGERS

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

INCOME_FEATURE = "income_net_per_person_yuan_12m"


@dataclass(frozen=True)
class Ranking:
    """A baseline's ranking of households, higher first; a rule's ranks are no probabilities."""

    name: str
    ranks: Floats
    is_probability: bool
    is_rule: bool


def rule_rankings(vectors: pd.DataFrame, as_of: dt.date, region: str) -> list[Ranking]:
    """Lowest income first, each department trigger, and the union of the triggers.

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
    return rankings


def fit_logistic(vectors: pd.DataFrame, labels: Labels) -> Pipeline:
    """Logistic regression on the same vectors: signed logarithm, median for missing values and a flag."""
    pipeline = make_pipeline(
        FunctionTransformer(signed_log),
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
        StandardScaler(),
        LogisticRegression(C=0.1, max_iter=2000),
    )
    return pipeline.fit(vectors.to_numpy(dtype=np.float64), labels)


def fit_default(vectors: pd.DataFrame, labels: Labels, threads: int = 2) -> lgb.LGBMClassifier:
    """LightGBM as the library comes; only the seed and the number of threads are set."""
    model = lgb.LGBMClassifier(random_state=0, n_jobs=threads, verbosity=-1)
    return model.fit(vectors.to_numpy(dtype=np.float64), labels)


def signed_log(values: Floats) -> Floats:
    """sign(x) · log(1 + |x|): amounts are skewed, and some are negative."""
    return np.asarray(np.sign(values) * np.log1p(np.abs(values)))
