"""An experiment: one YAML file, read into frozen settings; unknown keys are refused with the allowed ones."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from features import FEATURES
from training.errors import ExperimentError, LeakError
from training.fit import FitSettings
from training.timeline import Split


@dataclass(frozen=True)
class Experiment:
    """Everything that decides what a run does.

    `capacity_share` is the share of households that can be visited; `region` whose policy applies;
    `features` the features by name, in column order.
    """

    name: str
    region: str
    split: Split
    capacity_share: float
    features: tuple[str, ...]
    fit: FitSettings


BOUNDS: dict[str, tuple[float, float]] = {
    "learning_rate": (0.001, 1.0),
    "num_leaves": (2, 1024),
    "min_rows_in_leaf": (1, 1_000_000),
    "l2": (0.0, 1e6),
    "feature_share": (0.01, 1.0),
    "row_share": (0.01, 1.0),
    "max_trees": (1, 20_000),
    "patience": (1, 10_000),
    "folds": (2, 50),
    "seed": (0, 2**31 - 1),
    "threads": (1, 256),
    "siblings": (0, 9),
    "feed_dropout": (0.0, 0.9),
    "least_tree_share": (0.0, 1.0),
    "tuning_trials": (0, 1_000),
}
"""Lowest and highest value of every setting under `fit`."""

_KEYS = {"name", "region", "horizon_months", "train", "test", "capacity_share", "features", "fit"}


def load_experiment(path: Path) -> Experiment:
    """Read and check an experiment file; raises `ExperimentError` naming the key and the way out."""
    if not path.is_file():
        raise ExperimentError(f"there is no experiment file {path}")
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise ExperimentError(f"{path.name} is not text in UTF-8") from None
    except yaml.YAMLError as error:
        place = getattr(error, "problem_mark", None)
        where = f", line {place.line + 1}" if place else ""
        raise ExperimentError(f"{path.name} is not YAML{where}") from None
    if not isinstance(raw, dict):
        raise ExperimentError(f"{path.name} holds no settings: it needs {', '.join(sorted(_KEYS))}")
    _check_keys(path.name, set(raw), _KEYS, required=_KEYS - {"fit", "features"})
    name = raw["name"]
    if not isinstance(name, str) or not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,39}", name):
        raise ExperimentError("name is at most 40 small letters, digits, - and _: folders are named after it")
    share = raw["capacity_share"]
    if not isinstance(share, int | float) or isinstance(share, bool) or not 0 < share < 1:
        raise ExperimentError("capacity_share is a share of households between 0 and 1")
    horizon = raw["horizon_months"]
    if type(horizon) is not int or not 1 <= horizon <= 36:
        raise ExperimentError("horizon_months is a whole number from 1 to 36")
    try:
        split = Split(_dates("train", raw["train"]), _dates("test", raw["test"]), horizon)
    except LeakError as error:
        raise ExperimentError(f"{path.name}: {error}") from error
    return Experiment(
        name=name,
        region=str(raw["region"]),
        split=split,
        capacity_share=float(share),
        features=_features(raw.get("features", "all")),
        fit=_fit(raw.get("fit") or {}),
    )


def _check_keys(where: str, given: set[str], allowed: set[str], required: set[str]) -> None:
    unknown, missing = sorted(map(str, given - allowed)), sorted(required - given)
    if unknown or missing:
        said = [f"unknown: {', '.join(unknown)}"] if unknown else []
        said += [f"missing: {', '.join(missing)}"] if missing else []
        raise ExperimentError(f"{where}: {'; '.join(said)}. Allowed are {', '.join(sorted(allowed))}")


def _dates(key: str, raw: Any) -> tuple[dt.date, ...]:
    if not isinstance(raw, list) or not raw or not all(type(one) is dt.date for one in raw):
        raise ExperimentError(f"{key} is a list of as-of dates, each written YYYY-MM-DD")
    if sorted(set(raw)) != raw:
        raise ExperimentError(f"{key}: write the dates in order, each once")
    return tuple(raw)


def _features(raw: Any) -> tuple[str, ...]:
    if raw == "all":
        return tuple(FEATURES)
    if not isinstance(raw, list) or not raw:
        raise ExperimentError("features is `all` or a list of feature names")
    unknown = [str(name) for name in raw if not isinstance(name, str) or name not in FEATURES]
    if unknown or len(set(raw)) != len(raw):
        raise ExperimentError(
            f"features: unknown or doubled: {', '.join(unknown) or 'doubled'}; see the catalogue"
        )
    return tuple(raw)


def _fit(raw: Any) -> FitSettings:
    if not isinstance(raw, dict):
        raise ExperimentError("fit holds settings by name")
    fields = {one.name: one.type for one in dataclasses.fields(FitSettings)}
    _check_keys("fit", set(raw), set(fields), set())
    for key, value in raw.items():
        whole = fields[key] == "int"
        right = isinstance(value, int) if whole else isinstance(value, int | float)
        least, most = BOUNDS[key]
        if not right or isinstance(value, bool) or not least <= value <= most:
            kind = "whole number" if whole else "number"
            raise ExperimentError(f"fit.{key} is a {kind} from {least} to {most}")
    return FitSettings(**raw)
