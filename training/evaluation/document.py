"""Document: an evaluation as one JSON object.

``format`` counts the shapes of it. Numbers with an interval are objects ``{value, low, high}`` (95 %,
bootstrap); at capacity also ``worst`` and ``best`` over orders of ties. What was not measured is an absent
key, never a null. No name of a release and no time of day is in it: the same data, settings and versions give
the same bytes.
``docs/reference/evaluation.md`` describes every key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from training.evaluation.comparison import OURS
from training.evaluation.estimate import plain
from training.evaluation.resampling import BINS
from training.split_picture import draw_splits

if TYPE_CHECKING:
    from training.evaluate import Evaluation
    from training.experiment import Experiment

FORMAT = 3


def evaluation_json(evaluation: Evaluation) -> dict[str, Any]:
    """Everything measured, as plain data; the verdict first."""
    experiment, compared, fitted = evaluation.experiment, evaluation.comparison, evaluation.fitted
    return {
        "format": FORMAT,
        "verdict": plain(compared.verdict),
        "experiment": settings_json(experiment),
        "split": {
            "picture": draw_splits(experiment.splits),
            "splits": [
                {
                    "train": plain(one.train),
                    "test": plain(one.test),
                    "labels_known_on": plain(one.labels_known_on),
                    "text": one.describe(),
                }
                for one in experiment.splits
            ],
        },
        "model": {
            "train_rows": evaluation.train_rows,
            "train_positives": evaluation.train_positives,
            "trees": fitted.trees,
            "calibration": {"slope": fitted.calibration.slope, "intercept": fitted.calibration.intercept},
            "settings": plain(fitted.settings),
            "tree_share": fitted.blend.tree_share if fitted.blend else 1.0,
            "log_loss_by_tree_share": [
                {"tree_share": share, "log_loss": loss} for share, loss in fitted.losses
            ],
            **_if_any("tuning", fitted.tuning),
        },
        "method": {
            "interval": "95 % percentiles of a bootstrap that draws whole households (Poisson weights)",
            "resamples": experiment.bootstrap.resamples,
            "seed": experiment.bootstrap.seed,
            "calibration_bins": BINS,
            "small_cell": experiment.groups.small_cell,
            "capacity": experiment.capacity.describe(),
            "ours": OURS,
        },
        "tests": [
            {
                "as_of_date": plain(test.as_of),
                **{key: value for key, value in plain(test).items() if key != "as_of"},
            }
            for test in compared.tests
        ],
        "pooled": plain(compared.pooled),
        **_if_any("horizons", evaluation.outlook and evaluation.outlook.horizons),
        **_if_any("themes", evaluation.outlook and evaluation.outlook.themes),
        **_if_any("label_quality", evaluation.labels),
        **({"champion_note": evaluation.champion_note} if evaluation.champion_note else {}),
        **_if_any("list_changes", compared.list_changes),
        **_if_any("churn", compared.churn),
        **_if_any("ablation", compared.ablation),
        **_if_any("silent_feeds", evaluation.silent_feeds),
        **_if_any("choices", [one for one in evaluation.choices if one is not None]),
    }


def settings_json(experiment: Experiment) -> dict[str, Any]:
    """The experiment's settings as plain data."""
    return {
        "name": experiment.name,
        "region": experiment.region,
        "horizon_months": experiment.split.horizon_months,
        "train": plain(experiment.train_dates),
        "test": plain(experiment.test_dates),
        "refit": "each" if len(experiment.splits) > 1 else "once",
        "cohort": plain(experiment.cohort),
        "labels": plain(experiment.labels),
        "capacity": {
            "level": experiment.capacity.level,
            **plain(experiment.capacity.quota),
            "overrides": {code: plain(quota) for code, quota in experiment.capacity.overrides},
        },
        "features": list(experiment.features),
        "fit": plain(experiment.fit),
        "grid": {
            "candidates": [name for name, _ in experiment.grid.candidates],
            "choose_by": experiment.grid.choose_by,
        },
        "must_beat": experiment.must_beat,
        "ablation": experiment.is_ablated,
        "outlook": plain(experiment.outlook),
        "label_quality": plain(experiment.label_quality),
        "bootstrap": plain(experiment.bootstrap),
        "groups": {
            "small_cell": experiment.groups.small_cell,
            "areas": {name: list(codes) for name, codes in experiment.groups.areas},
        },
    }


def _if_any(key: str, found: Any) -> dict[str, Any]:
    return {key: plain(found)} if found else {}
