"""Fit: a regularised LightGBM that respects the directions of its features, and its calibration.

Default hyper-parameters lost to "lowest income first" on most real panels we tried: small leaves learn the
households by heart. So leaves are large, steps small, and the number of trees is chosen out of fold, with
all rows of one group (a household, a village) in the same fold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

from scoring.calibration import Calibration
from training.errors import DataError

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class FitSettings:
    """How a model is fitted. `max_trees` bounds the number chosen out of fold.

    `siblings` is how many more models are fitted alike, with the seeds after `seed`.
    """

    learning_rate: float = 0.03
    num_leaves: int = 15
    min_rows_in_leaf: int = 100
    l2: float = 10.0
    feature_share: float = 0.5
    row_share: float = 0.8
    max_trees: int = 500
    patience: int = 60
    folds: int = 4
    seed: int = 7
    threads: int = 2
    siblings: int = 2

    def parameters(self, directions: Sequence[int]) -> dict[str, Any]:
        """LightGBM's parameters; deterministic for the same data, seed and number of threads."""
        return {
            "objective": "binary",
            "metric": "binary_logloss",
            "learning_rate": self.learning_rate,
            "num_leaves": self.num_leaves,
            "min_data_in_leaf": self.min_rows_in_leaf,
            "lambda_l2": self.l2,
            "feature_fraction": self.feature_share,
            "bagging_fraction": self.row_share,
            "bagging_freq": 1 if self.row_share < 1 else 0,
            "monotone_constraints": list(directions),
            "seed": self.seed,
            "deterministic": True,
            "force_col_wise": True,
            "num_threads": self.threads,
            "verbosity": -1,
        }


@dataclass(frozen=True)
class Fitted:
    """A booster, its calibration and the out-of-fold margins both were judged by.

    `siblings` were fitted alike with other seeds; they only tell which reasons are firm.
    """

    booster: lgb.Booster
    calibration: Calibration
    out_of_fold: Floats
    trees: int
    settings: FitSettings = field(default_factory=FitSettings)
    siblings: tuple[lgb.Booster, ...] = ()


def fit(
    vectors: pd.DataFrame,
    labels: Labels,
    groups: npt.NDArray[Any],
    directions: Mapping[str, int],
    settings: FitSettings,
    progress: Callable[[int, int], None] | None = None,
) -> Fitted:
    """Fit on vectors (n × features); folds never part the rows of a group.

    `progress` is called with (boosting rounds done, at most). Raises `DataError` with fewer positive groups
    than folds.
    """
    positive_groups = len(np.unique(groups[labels == 1]))
    if positive_groups < settings.folds:
        raise DataError(
            f"{positive_groups} groups with the outcome are too few for {settings.folds} folds: use more data"
        )
    parameters = settings.parameters([directions[name] for name in vectors.columns])
    data = lgb.Dataset(vectors, labels, free_raw_data=False, params={"verbosity": -1})
    splitter = StratifiedGroupKFold(settings.folds, shuffle=True, random_state=settings.seed)
    folds = list(splitter.split(vectors, labels, groups))
    total = 2 * settings.max_trees
    tick = _ticker(progress, total)
    searched = lgb.cv(
        parameters,
        data,
        settings.max_trees,
        folds=folds,
        callbacks=[lgb.early_stopping(settings.patience, verbose=False), tick(0)],
        return_cvbooster=True,
    )
    trees = len(searched["valid binary_logloss-mean"])
    out_of_fold = np.empty(len(labels))
    matrix = vectors.to_numpy(dtype=np.float64)
    for (_, held_out), booster in zip(folds, searched["cvbooster"].boosters, strict=True):
        out_of_fold[held_out] = booster.predict(matrix[held_out], raw_score=True, num_iteration=trees)
    booster = lgb.train(parameters, data, trees, callbacks=[tick(settings.max_trees)])
    siblings = tuple(
        lgb.train({**parameters, "seed": settings.seed + number}, data, trees)
        for number in range(1, settings.siblings + 1)
    )
    if progress:
        progress(total, total)
    return Fitted(booster, fit_calibration(out_of_fold, labels), out_of_fold, trees, settings, siblings)


def fit_calibration(margins: Floats, labels: Labels) -> Calibration:
    """Platt's line by maximum likelihood on margins that the model did not train on.

    Where the margins carry no information the slope could turn non-positive; then only the level is set.
    """
    line = LogisticRegression(C=np.inf).fit(margins.reshape(-1, 1), labels)
    slope, intercept = float(line.coef_[0, 0]), float(line.intercept_[0])
    if slope <= 0:
        rate = float(labels.mean())
        return Calibration(1e-6, float(np.log(rate / (1 - rate)) - 1e-6 * margins.mean()))
    return Calibration(slope, intercept)


def _ticker(progress: Callable[[int, int], None] | None, total: int) -> Callable[[int], Any]:
    def start(offset: int) -> Any:
        def tick(environment: Any) -> None:
            if progress and environment.iteration % 10 == 0:
                progress(offset + environment.iteration, total)

        return tick

    return start
