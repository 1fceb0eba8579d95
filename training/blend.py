"""Blend: bagged regularised trees and a logistic regression, added on the log-odds scale.

On small, noisy panels the two err differently, and their mean ranks better than either. The weight and the
calibration are chosen out of fold, with all rows of one group in the same fold. Adding log-odds keeps
contributions additive.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from scoring.calibration import Calibration
from training.baselines import signed_log
from training.errors import DataError
from training.fit import FitSettings, fit_calibration

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Shares of the trees in the blend that are tried."""

SMALL_DATA = FitSettings(
    learning_rate=0.03,
    num_leaves=7,
    min_rows_in_leaf=40,
    l2=20.0,
    feature_share=0.3,
    row_share=0.7,
    max_trees=250,
    folds=5,
    seed=7,
    threads=2,
)
"""Settings for a few thousand rows: chosen by folds over clusters on the Uganda panel's first wave."""

BAGS = 5


@dataclass(frozen=True)
class Blend:
    """Fitted trees and line, the trees' share and the calibration of the sum."""

    boosters: tuple[lgb.Booster, ...]
    line: Pipeline
    tree_share: float
    calibration: Calibration

    def probability(self, vectors: pd.DataFrame) -> Floats:
        """Calibrated probabilities of vectors with the columns it was fitted on."""
        trees = _tree_margins(self.boosters, vectors)
        return self.calibration.probability(_mix(self.tree_share, trees, line_margins(self.line, vectors)))


def fit_blend(
    vectors: pd.DataFrame,
    labels: Labels,
    groups: npt.NDArray[Any],
    directions: Mapping[str, int],
    codes: Sequence[str] = (),
    settings: FitSettings = SMALL_DATA,
    progress: Callable[[int, int], None] | None = None,
) -> Blend:
    """Fit on vectors (n × features); `codes` are columns whose numbers are names (survey codes).

    Raises `DataError` with fewer positive groups than folds.
    """
    if len(np.unique(groups[labels == 1])) < settings.folds:
        raise DataError(f"fewer groups with the outcome than the {settings.folds} folds: use more data")
    splitter = StratifiedGroupKFold(settings.folds, shuffle=True, random_state=settings.seed)
    trees, line = np.empty(len(labels)), np.empty(len(labels))
    for done, (learn, held) in enumerate(splitter.split(vectors, labels, groups), 1):
        past, past_labels = vectors.iloc[learn], labels[learn]
        boosters = _fit_trees(past, past_labels, directions, settings)
        trees[held] = _tree_margins(boosters, vectors.iloc[held])
        line[held] = line_margins(fit_line(past, past_labels, codes), vectors.iloc[held])
        if progress:
            progress(done, settings.folds + 1)
    candidates = [(share, _mix(share, trees, line)) for share in WEIGHTS]
    fitted = [(share, margins, fit_calibration(margins, labels)) for share, margins in candidates]
    share, _, calibration = min(fitted, key=lambda one: log_loss(labels, one[2].probability(one[1])))
    blend = Blend(
        _fit_trees(vectors, labels, directions, settings),
        fit_line(vectors, labels, codes),
        share,
        calibration,
    )
    if progress:
        progress(settings.folds + 1, settings.folds + 1)
    return blend


def fit_line(vectors: pd.DataFrame, labels: Labels, codes: Sequence[str] = (), c: float = 0.02) -> Pipeline:
    """Ridge logistic regression: signed logarithm, median and flag for missing values, codes one-hot."""
    numbers = [name for name in vectors.columns if name not in codes]
    named = [name for name in vectors.columns if name in codes]
    steps = make_pipeline(
        FunctionTransformer(signed_log),
        SimpleImputer(strategy="median", add_indicator=True),
        StandardScaler(),
    )
    columns = ColumnTransformer([
        ("numbers", steps, numbers),
        ("codes", OneHotEncoder(handle_unknown="ignore", min_frequency=20), named),
    ])
    return make_pipeline(columns, LogisticRegression(C=c, max_iter=3000)).fit(vectors, labels)


def line_margins(line: Pipeline, vectors: pd.DataFrame) -> Floats:
    """Log-odds of a fitted line."""
    return np.asarray(line.decision_function(vectors), dtype=np.float64)


def _fit_trees(
    vectors: pd.DataFrame, labels: Labels, directions: Mapping[str, int], settings: FitSettings
) -> tuple[lgb.Booster, ...]:
    parameters = settings.parameters([directions.get(name, 0) for name in vectors.columns])
    data = lgb.Dataset(vectors, labels, free_raw_data=False, params={"verbosity": -1, **parameters})
    return tuple(
        lgb.train({**parameters, "seed": settings.seed + bag}, data, settings.max_trees)
        for bag in range(BAGS)
    )


def _tree_margins(boosters: Sequence[lgb.Booster], vectors: pd.DataFrame) -> Floats:
    matrix = vectors.to_numpy(dtype=np.float64)
    return np.asarray(np.mean([one.predict(matrix, raw_score=True) for one in boosters], axis=0))


def _mix(tree_share: float, trees: Floats, line: Floats) -> Floats:
    return tree_share * trees + (1 - tree_share) * line
