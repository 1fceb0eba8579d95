"""An experiment: one YAML file, read into frozen settings; unknown keys are refused with the allowed ones.

``experiments/annotated.yaml`` explains every key.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from features import FEATURES, policy_value
from features.errors import PolicyError
from features.regions import AREA_LEVELS
from scoring.capacity import LEVEL_LENGTHS, Capacity, Quota
from training.area_groups import NamedAreas, named_areas
from training.errors import ExperimentError, LeakError
from training.experiment_text import read_settings
from training.fit import FitSettings
from training.keys import area_codes, check_name, check_section, dates, flag, number
from training.label_settings import (
    LABEL_QUALITY_KEYS,
    OUTLOOK_KEYS,
    LabelQualitySettings,
    OutlookSettings,
    parse_label_quality,
    parse_outlook,
)
from training.timeline import Split, label_known_on, rolling_splits


@dataclass(frozen=True)
class CohortSettings:
    """Whom the experiment is about: who is not yet identified, in `areas` (all where there are none)."""

    areas: tuple[str, ...] = ()


@dataclass(frozen=True)
class LabelSettings:
    """Where identifications come from, and how many days after the horizon they are all recorded."""

    source: str = "outcomes"
    maturity_days: int = 0


@dataclass(frozen=True)
class BootstrapSettings:
    """How many times households are drawn anew for the intervals, and from which seed."""

    resamples: int = 400
    seed: int = 0


@dataclass(frozen=True)
class GroupSettings:
    """Below how many outcomes a group is marked as small, and areas that are a group by name."""

    small_cell: int = 20
    areas: NamedAreas = ()

    def with_areas(self, groups: NamedAreas) -> GroupSettings:
        """The settings with more areas by name; a name that they have already keeps its own."""
        own = {name for name, _ in self.areas}
        more = tuple(one for one in groups if one[0] not in own)
        return dataclasses.replace(self, areas=(*self.areas, *more))


@dataclass(frozen=True)
class GridSettings:
    """Candidates by name, each with its settings, and the measure whose regret over past dates decides."""

    candidates: tuple[tuple[str, FitSettings], ...] = ()
    choose_by: str = "pr_auc"


@dataclass(frozen=True)
class Experiment:
    """Everything that decides what a run does.

    `splits` are in order of time; the model of the last one is released. `region` is whose policy applies,
    `features` the features by name, in column order.
    """

    name: str
    region: str
    splits: tuple[Split, ...]
    capacity: Capacity
    features: tuple[str, ...]
    fit: FitSettings
    cohort: CohortSettings = field(default_factory=CohortSettings)
    labels: LabelSettings = field(default_factory=LabelSettings)
    grid: GridSettings = field(default_factory=GridSettings)
    bootstrap: BootstrapSettings = field(default_factory=BootstrapSettings)
    groups: GroupSettings = field(default_factory=GroupSettings)
    must_beat: str = "all"
    is_ablated: bool = False
    outlook: OutlookSettings = field(default_factory=OutlookSettings)
    label_quality: LabelQualitySettings = field(default_factory=LabelQualitySettings)

    @property
    def split(self) -> Split:
        """The split whose model is released: the one that has learned from the latest dates."""
        return self.splits[-1]

    @property
    def train_dates(self) -> tuple[dt.date, ...]:
        """Every training date of any split, in order."""
        return tuple(sorted({one for split in self.splits for one in split.train}))

    @property
    def test_dates(self) -> tuple[dt.date, ...]:
        """Every test date, in order."""
        return tuple(sorted({one for split in self.splits for one in split.test}))


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
    "search_rows": (1_000, 1_000_000_000),
    "seed": (0, 2**31 - 1),
    "threads": (1, 256),
    "siblings": (0, 9),
    "feed_dropout": (0.0, 0.9),
    "least_tree_share": (0.0, 1.0),
    "tuning_trials": (0, 1_000),
}
"""Lowest and highest value of every setting under `fit`."""

KEYS: dict[str, tuple[str, ...]] = {
    "": (
        "name", "region", "horizon_months", "train", "test", "refit", "cohort", "labels", "capacity",
        "features", "fit", "grid", "must_beat", "ablation", "bootstrap", "groups", "outlook", "label_quality",
    ),
    "cohort": ("areas",),
    "labels": ("source", "maturity_days"),
    "capacity": ("level", "share", "visits", "overrides"),
    "features": ("include", "exclude"),
    "fit": tuple(BOUNDS),
    "grid": ("values", "choose_by"),
    "bootstrap": ("resamples", "seed"),
    "groups": ("small_cell", "areas"),
    "outlook": OUTLOOK_KEYS,
    "label_quality": LABEL_QUALITY_KEYS,
}  # fmt: skip
"""Section → its keys; the empty name is the file itself."""

REQUIRED = ("name", "region", "horizon_months", "train", "test", "capacity")
REFITS = ("once", "each")
LABEL_SOURCES = ("outcomes",)
MUST_BEAT = ("all", "rules")
MEASURES = ("pr_auc", "precision")
MOST_CANDIDATES = 64


def load_experiment(path: Path) -> Experiment:
    """Read and check an experiment file; raises `ExperimentError` naming the key and the way out."""
    if not path.is_file():
        raise ExperimentError(f"there is no experiment file {path}")
    raw = read_settings(path)
    if not isinstance(raw, dict):
        raise ExperimentError(f"{path.name} holds no settings: it needs {', '.join(sorted(REQUIRED))}")
    check_section(path.name, raw, KEYS[""], REQUIRED)
    name = raw["name"]
    if not isinstance(name, str) or not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,39}", name):
        raise ExperimentError("name is at most 40 small letters, digits, - and _: folders are named after it")
    labels = _labels(raw.get("labels", {}))
    region = str(raw["region"])
    try:
        splits = _splits(raw, labels)
    except LeakError as error:
        raise ExperimentError(f"{path.name}: {error}") from error
    _check_policy(region, splits[0].train[0])
    settings = _fit(raw.get("fit", {}))
    grid = _grid(raw.get("grid", {}), settings)
    _check_past(grid, settings, splits)
    return Experiment(
        name=name,
        region=region,
        splits=splits,
        capacity=_capacity(raw["capacity"]),
        features=_features(raw.get("features", "all")),
        fit=settings,
        cohort=_cohort(raw.get("cohort", {})),
        labels=labels,
        grid=grid,
        bootstrap=_bootstrap(raw.get("bootstrap", {})),
        groups=_groups(raw.get("groups", {})),
        must_beat=check_name("must_beat", raw.get("must_beat", "all"), MUST_BEAT),
        is_ablated=flag("ablation", raw.get("ablation", False)),
        outlook=parse_outlook(raw.get("outlook", {}), splits[-1].horizon_months),
        label_quality=parse_label_quality(raw.get("label_quality", {})),
    )


def past_pairs(split: Split) -> list[tuple[tuple[dt.date, ...], dt.date]]:
    """(training dates, past date) inside the training dates of a split, each with the whole gap.

    What is chosen on a past date was learned from dates whose labels were known on it; no test date is seen.
    """
    pairs = []
    for as_of in split.train:
        past = tuple(
            one
            for one in split.train
            if label_known_on(one, split.horizon_months, split.maturity_days) <= as_of
        )
        if past:
            pairs.append((past, as_of))
    return pairs


def _splits(raw: dict[str, Any], labels: LabelSettings) -> tuple[Split, ...]:
    horizon = number("horizon_months", raw["horizon_months"], 1, 36, is_whole=True)
    train, test = dates("train", raw["train"]), dates("test", raw["test"])
    if check_name("refit", raw.get("refit", "once"), REFITS) == "each":
        return rolling_splits(train, test, horizon, labels.maturity_days)
    return (Split(train, test, horizon, labels.maturity_days),)


def _check_policy(region: str, first: dt.date) -> None:
    """The numbers that features, grades and baselines take from policy are there from the first date on."""
    for parameter in ("monitoring_line", "grade_shares", "points_card"):
        try:
            policy_value(parameter, region, first)
        except PolicyError as error:
            raise ExperimentError(f"region: {error}") from None


def _cohort(raw: Any) -> CohortSettings:
    given = check_section("cohort", raw, KEYS["cohort"])
    return CohortSettings(
        area_codes("cohort.areas", given["areas"], AREA_LEVELS) if given.get("areas", "all") != "all" else ()
    )


def _labels(raw: Any) -> LabelSettings:
    given = check_section("labels", raw, KEYS["labels"])
    return LabelSettings(
        check_name("labels.source", given.get("source", "outcomes"), LABEL_SOURCES),
        number("labels.maturity_days", given.get("maturity_days", 0), 0, 730, is_whole=True),
    )


def _capacity(raw: Any) -> Capacity:
    given = check_section("capacity", raw, KEYS["capacity"])
    level = check_name("capacity.level", given.get("level", "all"), LEVEL_LENGTHS)
    overrides = given.get("overrides", {})
    if not isinstance(overrides, dict) or (overrides and level == "all"):
        raise ExperimentError("capacity.overrides holds quotas by area code, of a level below `all`")
    own = []
    for code, quota in overrides.items():
        where = f"capacity.overrides.{code}"
        area_codes(where, [code], {LEVEL_LENGTHS[level]: level})
        own.append((str(code), _quota(where, check_section(where, quota, ("share", "visits")))))
    return Capacity(_quota("capacity", given), level, tuple(own))


def _quota(where: str, given: dict[str, Any]) -> Quota:
    if ("share" in given) == ("visits" in given):
        raise ExperimentError(f"{where} needs share (of the households) or visits (a number), one of the two")
    if "visits" in given:
        return Quota(visits=number(f"{where}.visits", given["visits"], 0, 10_000_000, is_whole=True))
    share = number(f"{where}.share", given["share"], 0, 1, is_whole=False)
    if not 0 < share < 1:
        raise ExperimentError(f"{where}.share is a share of households between 0 and 1")
    return Quota(share=float(share))


def _features(raw: Any) -> tuple[str, ...]:
    """All, a list of names and groups, or `include` and `exclude` of such lists; in catalogue order."""
    if raw == "all":
        return tuple(FEATURES)
    if isinstance(raw, list):
        return _named("features", raw)
    if not isinstance(raw, dict):
        raise ExperimentError("features is `all`, a list of names and groups, or include and exclude")
    given = check_section("features", raw, KEYS["features"])
    included = given.get("include", "all")
    names = tuple(FEATURES) if included == "all" else _named("features.include", included)
    left = _named("features.exclude", given["exclude"]) if "exclude" in given else ()
    kept = tuple(name for name in names if name not in left)
    if not kept:
        raise ExperimentError("features: nothing is left after exclude")
    return kept


def _named(where: str, raw: Any) -> tuple[str, ...]:
    """Names of features, `theme:NAME` and `feed:NAME`, as names of features."""
    if not isinstance(raw, list) or not raw:
        raise ExperimentError(f"{where} is `all` or a list of feature names, theme:NAME or feed:NAME")
    themes = {one.theme for one in FEATURES.values()}
    feeds = {feed for one in FEATURES.values() for feed in one.feeds}
    found: list[str] = []
    for entry in raw:
        kind, _, name = str(entry).partition(":")
        if kind == "theme" and name:
            check_name(f"{where}: theme", name, themes)
            found += [one.name for one in FEATURES.values() if one.theme == name]
        elif kind == "feed" and name:
            check_name(f"{where}: feed", name, feeds)
            found += [one.name for one in FEATURES.values() if name in one.feeds]
        else:
            found.append(check_name(where, entry, FEATURES))
    if len(set(map(str, raw))) != len(raw):
        raise ExperimentError(f"{where}: a name is doubled")
    return tuple(dict.fromkeys(found))


def _fit(raw: Any) -> FitSettings:
    given = check_section("fit", raw, KEYS["fit"])
    return FitSettings(**{key: _fit_value(f"fit.{key}", key, value) for key, value in given.items()})


def _fit_value(where: str, key: str, value: Any) -> Any:
    kinds = {one.name: one.type for one in dataclasses.fields(FitSettings)}
    return number(where, value, *BOUNDS[key], is_whole=kinds[key] == "int")


def _grid(raw: Any, settings: FitSettings) -> GridSettings:
    given = check_section("grid", raw, KEYS["grid"], required=("values",) if raw else ())
    lists = check_section("grid.values", given.get("values", {}), KEYS["fit"])
    for key, values in lists.items():
        if not isinstance(values, list) or not values:
            raise ExperimentError(f"grid.values.{key} is a list of values")
        for value in values:
            _fit_value(f"grid.values.{key}", key, value)
    # Counted before they are made: six keys of thirty values are 729 million.
    count = math.prod(map(len, lists.values()))
    if count > MOST_CANDIDATES:
        raise ExperimentError(f"grid has {count} candidates; {MOST_CANDIDATES} are the most")
    candidates = []
    for values in itertools.product(*lists.values()) if lists else ():
        chosen = dict(zip(lists, values, strict=True))
        name = ", ".join(f"{key}={value}" for key, value in chosen.items())
        candidates.append((name, dataclasses.replace(settings, **chosen)))
    choose_by = check_name("grid.choose_by", given.get("choose_by", "pr_auc"), MEASURES)
    return GridSettings(tuple(candidates), choose_by)


def _check_past(grid: GridSettings, settings: FitSettings, splits: tuple[Split, ...]) -> None:
    asks = "grid" if grid.candidates else "fit.tuning_trials" if settings.tuning_trials else None
    for split in splits if asks else ():
        if not past_pairs(split):
            raise ExperimentError(
                f"{asks} chooses on past dates, but before the test date {split.test[0]} no training date "
                f"lies a whole horizon ({split.horizon_months} months) after another: give earlier training "
                "dates"
            )


def _bootstrap(raw: Any) -> BootstrapSettings:
    given = check_section("bootstrap", raw, KEYS["bootstrap"])
    return BootstrapSettings(
        number("bootstrap.resamples", given.get("resamples", 400), 50, 20_000, is_whole=True),
        number("bootstrap.seed", given.get("seed", 0), 0, 2**31 - 1, is_whole=True),
    )


def _groups(raw: Any) -> GroupSettings:
    given = check_section("groups", raw, KEYS["groups"])
    return GroupSettings(
        number("groups.small_cell", given.get("small_cell", 20), 1, 10_000, is_whole=True),
        named_areas("groups.areas", given.get("areas", {})),
    )
