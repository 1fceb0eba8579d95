"""Tuning: hyper-parameters of the trees, chosen inside the past of a split by trials of Optuna.

Forward-chaining folds: a trial learns from training dates whose labels were known on a later training date,
and is measured on that one; households are parted too, so that nobody is in both. The rows of a fold are
binned once and every trial learns from the same bins: nothing that changes bins is tuned. The directions of
features are kept throughout. Above `search_rows` rows a fold learns from households drawn whole, with l2 and
the smallest leaf reduced to that part, so that a value tried there means what it means on all rows.

The settings of the experiment are the first trial: they stay unless something does better. The sampler is
the tree-structured Parzen estimator (Bergstra et al. 2011) with the experiment's seed and one trial after
the other, so that the same data and seed choose the same. A trial that is behind the median of those before
it after the same number of folds is broken off.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pandas as pd

from training.draw import draw_rows, number_groups
from training.errors import DataError
from training.feed_dropout import drop_feeds
from training.fit import FitSettings
from training.matrix import Matrix
from training.trials import Trial, Tuning

logger = logging.getLogger(__name__)

Pairs = Sequence[tuple[tuple[dt.date, ...], dt.date]]
Rows = npt.NDArray[np.int64]

PARTS = 3
"""Parts of the households: those of each part are measured by models of the others."""

LEAST_TRIALS = 5
"""Trials that are finished before any is broken off."""

RANGES: dict[str, tuple[float, float]] = {
    "num_leaves": (4, 63),
    "min_rows_in_leaf": (20, 500),
    "l2": (1.0, 100.0),
    "feature_share": (0.2, 1.0),
    "row_share": (0.5, 1.0),
}
"""What is tuned, with the least and the most that is tried."""

_BY_RATIO = {"num_leaves", "min_rows_in_leaf", "l2"}
_WHOLE = {"num_leaves", "min_rows_in_leaf"}


@dataclass(frozen=True)
class _Fold:
    """Rows to learn from and to measure on, binned once; `part` of the rows of the past are learned from."""

    learn: lgb.Dataset
    held: lgb.Dataset
    part: float


def tune(
    train: Matrix,
    pairs: Pairs,
    settings: FitSettings,
    directions: Mapping[str, int],
    feeds: Mapping[str, Sequence[str]],
    progress: Callable[[int, int], None] | None = None,
) -> tuple[FitSettings, Tuning]:
    """The settings with the best of `settings.tuning_trials` trials, and all of these.

    `pairs` are (dates to learn from, later date to measure on), `feeds` the features of each feed that rows
    may lose. Raises `DataError` where no fold has both outcomes on both sides.
    """
    # Imported here: most experiments try nothing.
    import optuna

    names = [str(name) for name in train.vectors.columns]
    signs = [directions[name] for name in names]
    folds = [
        _binned(train, learn, held, names, feeds, settings, signs)
        for learn, held in find_folds(train, pairs, settings.seed)
    ]
    if not folds:
        raise DataError(
            "nothing can be tuned: no training date with both outcomes lies a whole horizon after others; "
            "set fit.tuning_trials to 0 or give earlier training dates"
        )
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=settings.seed),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=LEAST_TRIALS),
    )
    study.enqueue_trial({name: getattr(settings, name) for name in RANGES}, skip_if_exists=True)
    found: list[Trial] = []

    def objective(trial: Any) -> float:
        chosen = {name: _suggest(trial, name) for name in RANGES}
        tried = dataclasses.replace(settings, **chosen)
        losses: list[float] = []
        for number, fold in enumerate(folds):
            losses.append(_loss(fold, tried.parameters(signs, fold.part), tried))
            mean = float(np.mean(losses))
            trial.report(mean, number)
            is_last = number == len(folds) - 1
            is_broken_off = not is_last and trial.should_prune()
            if is_last or is_broken_off:
                found.append(
                    Trial(
                        trial.number, **chosen, log_loss=mean, folds=len(losses), is_broken_off=is_broken_off
                    )
                )
                logger.info("trial %d: %s", trial.number, found[-1])
            if is_broken_off:
                raise optuna.TrialPruned
        return mean

    for number in range(settings.tuning_trials):
        if progress:
            progress(number, settings.tuning_trials)
        study.optimize(objective, n_trials=1)
    if progress:
        progress(settings.tuning_trials, settings.tuning_trials)
    best = min((one for one in found if not one.is_broken_off), key=lambda one: (one.log_loss, one.number))
    kept = {name: getattr(best, name) for name in RANGES}
    return dataclasses.replace(settings, **kept), Tuning(tuple(found), best.number, len(folds))


def find_folds(train: Matrix, pairs: Pairs, seed: int) -> Iterator[tuple[Rows, Rows]]:
    """Rows to learn from and rows to measure on, for each pair of dates and part of the households.

    Folds that have one outcome alone on either side are left out.
    """
    dates = train.vectors.index.get_level_values("as_of_date")
    codes, households = pd.factorize(train.households, sort=True)
    part = np.random.default_rng(seed).permutation(len(households))[codes] % PARTS
    for past, as_of in pairs:
        is_past = np.asarray(dates.isin(pd.DatetimeIndex(list(past))))
        is_held = np.asarray(dates == pd.Timestamp(as_of))
        for number in range(PARTS):
            learn = np.flatnonzero(is_past & (part != number))
            held = np.flatnonzero(is_held & (part == number))
            if all(len(np.unique(train.labels[rows])) == 2 for rows in (learn, held)):
                yield learn, held


def _binned(
    train: Matrix,
    learn: Rows,
    held: Rows,
    names: Sequence[str],
    feeds: Mapping[str, Sequence[str]],
    settings: FitSettings,
    signs: Sequence[int],
) -> _Fold:
    drawn = draw_learned(train, learn, settings)
    part = len(drawn) / len(learn)
    # Columns that no leaf of the first trial could part would otherwise be left out for all.
    binning = {**settings.parameters(signs, part), "feature_pre_filter": False}
    whole = train.vectors.to_numpy(dtype=np.float64)
    learned = drop_feeds(whole[drawn], names, feeds, settings.feed_dropout, settings.seed)
    data = lgb.Dataset(learned, train.labels[drawn], params=binning).construct()
    tested = lgb.Dataset(whole[held], train.labels[held], reference=data, params=binning).construct()
    return _Fold(data, tested, part)


def draw_learned(train: Matrix, learn: Rows, settings: FitSettings) -> Rows:
    """About `settings.search_rows` of the rows to learn from, of households drawn whole.

    All of them where there are no more, or where a draw would lack an outcome.
    """
    numbers = number_groups(train.households[learn])
    drawn = learn[draw_rows(train.labels[learn], numbers, settings.search_rows, settings.seed)]
    return drawn if len(np.unique(train.labels[drawn])) == 2 else learn


def _loss(fold: _Fold, parameters: dict[str, Any], settings: FitSettings) -> float:
    """The least log-loss that a trial's trees reach on what is held out."""
    booster = lgb.train(
        {**parameters, "feature_pre_filter": False},
        fold.learn,
        settings.max_trees,
        valid_sets=[fold.held],
        callbacks=[lgb.early_stopping(settings.patience, verbose=False)],
    )
    return float(booster.best_score["valid_0"]["binary_logloss"])


def _suggest(trial: Any, name: str) -> Any:
    least, most = RANGES[name]
    if name in _WHOLE:
        return trial.suggest_int(name, int(least), int(most), log=name in _BY_RATIO)
    return trial.suggest_float(name, least, most, log=name in _BY_RATIO)
