"""Comparison: naive rule, logistic regression, library defaults and ours on one out-of-time split."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pandas as pd
from rich.console import Console

from training.blend import fit_blend, fit_line
from training.errors import DataError
from training.fit import fit_calibration
from training.metrics import Metrics, measure
from training.report import metrics_table

CAPACITY_SHARE = 0.1

TITLES = {
    "naive": "naive rule",
    "logistic": "logistic regression",
    "default": "LightGBM defaults",
    "ours": "ours",
}


@dataclass(frozen=True)
class Sample:
    """One side of a split: vectors (n × features), labels, the groups folds must keep whole, naive ranks."""

    vectors: pd.DataFrame
    labels: npt.NDArray[np.int64]
    groups: npt.NDArray[Any]
    naive: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Comparison:
    """What each model reached on the test side."""

    title: str
    models: dict[str, Metrics]

    def as_json(self) -> dict[str, Any]:
        """``{"n", "base_rate", "models": {name: {roc_auc, pr_auc, precision_at_10, recall_at_10, brier}}}``.

        Precision and recall are means over ties.
        """
        any_model = next(iter(self.models.values()))
        return {
            "n": any_model.n,
            "base_rate": any_model.base_rate,
            "models": {
                name: {
                    "roc_auc": one.roc_auc,
                    "pr_auc": one.pr_auc,
                    "precision_at_10": one.capacity.precision.mean,
                    "recall_at_10": one.capacity.recall.mean,
                    "brier": one.brier,
                }
                for name, one in self.models.items()
            },
        }


def compare(
    title: str,
    train: Sample,
    test: Sample,
    directions: Mapping[str, int],
    codes: Sequence[str],
    progress: Callable[[str, int, int], None] | None = None,
) -> Comparison:
    """Fit on `train`, measure on `test`. Columns that are empty or constant in `train` are left out.

    Raises `DataError` when a side lacks one of the two outcomes.
    """
    for name, side in (("training", train), ("test", test)):
        if len(np.unique(side.labels)) != 2:
            raise DataError(
                f"the {name} households all have the same outcome: nothing to learn or to measure"
            )
    kept = [name for name in train.vectors.columns if train.vectors[name].nunique(dropna=True) > 1]
    past, future = train.vectors[kept], test.vectors[kept]
    named = [name for name in codes if name in kept]

    def stage(done: int, total: int) -> None:
        if progress:
            progress("fitting", done, total)

    blend = fit_blend(past, train.labels, train.groups, directions, named, progress=stage)
    line = fit_line(past, train.labels, named)
    default = lgb.LGBMClassifier(random_state=0, n_jobs=2, verbosity=-1)
    default.fit(past.to_numpy(dtype=np.float64), train.labels)
    # The rule knows only an order; the training side says how likely the outcome is along it.
    scale = fit_calibration(train.naive, train.labels)
    ranks = {
        "naive": scale.probability(test.naive),
        "logistic": line.predict_proba(future)[:, 1],
        "default": default.predict_proba(future.to_numpy(dtype=np.float64))[:, 1],
        "ours": blend.probability(future),
    }
    models = {
        name: measure(test.labels, one, CAPACITY_SHARE, is_probability=True) for name, one in ranks.items()
    }
    return Comparison(title, models)


def print_comparison(compared: Comparison, console: Console) -> None:
    """Print one table: n, base rate, and each model with interval and tie range."""
    one = compared.models["ours"]
    title = f"{compared.title}: n = {one.n:,}, base rate {one.base_rate:.3f}"
    rows = {TITLES[name]: metrics for name, metrics in compared.models.items()}
    console.print(metrics_table(title, rows, "@10%"))
