"""Fit: a regularised LightGBM that respects the directions of its features, a line, and their calibration.

Default hyper-parameters lost to "lowest income first" on most real panels we tried: small leaves learn the
households by heart. So leaves are large, steps small, and the number of trees is chosen out of fold, with
all rows of one group (a household, a village) in the same fold. So are the share of the line that is added to
the trees (`scoring.line`), the calibration of the sum, and what is known of its certainty.

Of many rows, folds learn from households drawn whole (`training.draw`). The rows that were not drawn are
judged too, each by one fold's model, none of which has seen them: the share, the calibration and the
certainty come from every row, and the released trees learn from every row. What learns from a part of the
rows has penalties and smallest leaves that are as small a part of the whole's; else its margins would be
shrunk more than those of the released trees, which a calibration by them would then take too far.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedGroupKFold

from scoring.absence import Absence
from scoring.calibration import Calibration
from scoring.certainty import VennAbers, usual_features
from scoring.line import Blend, Line, Transform
from training.absence import fit_absence
from training.draw import deal_rows, draw_rows, number_groups
from training.errors import DataError
from training.feed_dropout import drop_feeds
from training.line import RIDGE, fit_line
from training.trials import Tuning
from training.venn_abers import fit_steps

TREE_SHARES = (1.0, 0.75, 0.5, 0.25)
"""Shares of the trees in the blend that are tried, trees alone first."""

ABSENCE_ROWS = 40_000
"""Rows on which scores with and without a feed are compared: the two means share their chance."""

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class FitSettings:
    """How a model is fitted. `max_trees` bounds the number chosen out of fold.

    `siblings` is how many more models are fitted alike, with the seeds after `seed`. Above `search_rows` rows
    the folds, the siblings and the trials of tuning learn from about as many, of households drawn whole.
    `feed_dropout` is the share of training rows that lose a feed; `least_tree_share` how far down shares of
    the trees in the blend are tried, 1 for trees alone; `tuning_trials` how many hyper-parameters are tried
    in the past (`training.tuning`).
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
    search_rows: int = 300_000
    seed: int = 7
    threads: int = 2
    siblings: int = 2
    feed_dropout: float = 0.3
    least_tree_share: float = 0.25
    tuning_trials: int = 0

    def parameters(self, directions: Sequence[int], part: float = 1.0) -> dict[str, Any]:
        """LightGBM's parameters; deterministic for the same data, seed and number of threads.

        `part` is the share of the rows that is learned from: leaf values are as near to zero as the whole's.
        """
        return {
            "objective": "binary",
            "metric": "binary_logloss",
            "learning_rate": self.learning_rate,
            "num_leaves": self.num_leaves,
            "min_data_in_leaf": max(1, round(part * self.min_rows_in_leaf)),
            "lambda_l2": part * self.l2,
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
    """A booster and a line, the calibration of their sum and the out-of-fold margins all were judged by.

    `siblings` were fitted alike with other seeds; they only tell which reasons are firm. `blend` is None
    where trees alone did best; `losses` are the log-losses out of fold by share of the trees; `absence` is
    what missing values add.
    """

    booster: lgb.Booster
    calibration: Calibration
    out_of_fold: Floats
    trees: int
    settings: FitSettings = field(default_factory=FitSettings)
    siblings: tuple[lgb.Booster, ...] = ()
    blend: Blend | None = None
    losses: tuple[tuple[float, float], ...] = ()
    venn_abers: VennAbers | None = None
    tuning: Tuning | None = None
    absence: Absence | None = None


def fit(
    vectors: pd.DataFrame,
    labels: Labels,
    groups: npt.NDArray[Any],
    directions: Mapping[str, int],
    settings: FitSettings,
    progress: Callable[[int, int], None] | None = None,
    *,
    feeds: Mapping[str, Sequence[str]] | None = None,
    transforms: Mapping[str, Transform] | None = None,
    dates: npt.NDArray[Any] | None = None,
) -> Fitted:
    """Fit on vectors (n × features); folds never part the rows of a group.

    `feeds` are the features of each feed that rows may lose, and whose silence must not move the mean score;
    without it they lose none. `transforms` are
    those of the line, signed logarithms without it. With `dates` (n,), the as-of date of each row, a share
    of the line has to help on the last date too, and the mean score that silence must not move is that of the
    last date. `progress` is called with (boosting rounds done, at most).
    Raises `DataError` with fewer positive groups than folds.
    """
    # By place, whatever index they came with.
    labels = np.asarray(labels)
    positive_groups = len(np.unique(groups[labels == 1]))
    if positive_groups < settings.folds:
        raise DataError(
            f"{positive_groups} groups with the outcome are too few for {settings.folds} folds: use more data"
        )
    names = [str(name) for name in vectors.columns]
    whole = vectors.to_numpy(dtype=np.float64)
    learned = drop_feeds(whole, names, feeds or {}, settings.feed_dropout, settings.seed)
    data = lgb.Dataset(learned, labels, feature_name=names, free_raw_data=False, params={"verbosity": -1})
    drawn, folds, judged = _folds(labels, groups, settings)
    part = len(drawn) / len(labels)
    ways = [directions[name] for name in names]
    parameters, of_part = settings.parameters(ways), settings.parameters(ways, part)
    total = 2 * settings.max_trees
    tick = _ticker(progress, total)
    searched = lgb.cv(
        of_part,
        data,
        settings.max_trees,
        folds=folds,
        callbacks=[lgb.early_stopping(settings.patience, verbose=False), tick(0)],
        return_cvbooster=True,
    )
    trees = len(searched["valid binary_logloss-mean"])
    # Judged by rows as they are: nothing is dropped of what is held out.
    by_trees = np.empty(len(labels))
    for held_out, booster in zip(judged, searched["cvbooster"].boosters, strict=True):
        by_trees[held_out] = booster.predict(whole[held_out], raw_score=True, num_iteration=trees)
    booster = lgb.train(parameters, data, trees, callbacks=[tick(settings.max_trees)])
    fewer = data.subset(drawn.tolist()) if part < 1 else data
    siblings = tuple(
        lgb.train({**of_part, "seed": settings.seed + number}, fewer, trees)
        for number in range(1, settings.siblings + 1)
    )

    def line(rows: Places | slice, ridge: float) -> Line:
        said = transforms or dict.fromkeys(names, "signed_log")
        return fit_line(learned[rows], labels[rows], names, directions, said, settings.seed, ridge)

    blend, out_of_fold = None, by_trees
    last = np.ones(len(labels), dtype=np.bool_) if dates is None else np.asarray(dates == dates.max())
    losses: tuple[tuple[float, float], ...] = ()
    if settings.least_tree_share < 1:
        by_line = np.empty(len(labels))
        for (learn, _), held_out in zip(folds, judged, strict=True):
            by_line[held_out] = line(learn, part * RIDGE).margins(whole[held_out])
        share, losses = choose_share(by_trees, by_line, labels, last, settings.least_tree_share)
        if share < 1:
            blend = Blend(line(slice(None), RIDGE), share)
            out_of_fold = share * by_trees + (1 - share) * by_line
    calibration = fit_calibration(out_of_fold, labels)

    def margins(rows: Floats) -> Floats:
        found = np.asarray(booster.predict(rows, raw_score=True), dtype=np.float64)
        return found if blend is None else blend.margins(found, rows)

    absence = fit_absence(whole[_some_rows(last, settings.seed)], margins, calibration, names, feeds or {})
    lower, upper = fit_steps(calibration.log_odds(out_of_fold), labels)
    usual = usual_features(np.isnan(whole).mean(axis=0).tolist())
    if progress:
        progress(total, total)
    return Fitted(
        booster, calibration, out_of_fold, trees, settings, siblings, blend, losses,
        VennAbers(lower, upper, usual), absence=absence,
    )  # fmt: skip


def _some_rows(chosen: npt.NDArray[np.bool_], seed: int) -> Places:
    """The places of the chosen rows, in order; of more than `ABSENCE_ROWS` as many."""
    places = np.flatnonzero(chosen)
    if len(places) <= ABSENCE_ROWS:
        return places
    return np.sort(np.random.default_rng([seed, 4]).choice(places, ABSENCE_ROWS, replace=False))


def _folds(
    labels: Labels, groups: npt.NDArray[Any], settings: FitSettings
) -> tuple[Places, list[tuple[Places, Places]], list[Places]]:
    """The drawn rows, their folds as (rows to learn from, rows held out), and the rows each fold judges.

    Every row is judged by one fold that did not learn from its group: those held out, and a part of those
    that were not drawn. All rows are drawn where so few groups with the outcome would be that folds lack it.
    """
    numbers = number_groups(groups)
    drawn = draw_rows(labels, numbers, settings.search_rows, settings.seed)
    if len(np.unique(numbers[drawn][labels[drawn] == 1])) < settings.folds:
        drawn = np.arange(len(labels))
    _, codes = np.unique(groups[drawn], return_inverse=True)
    outcomes = labels[drawn].astype(np.int64)
    dealt = _deal(outcomes.tobytes(), codes.astype(np.int64).tobytes(), settings.folds, settings.seed)
    folds = [(drawn[learn], drawn[held_out]) for learn, held_out in dealt]
    part = deal_rows(numbers, settings.folds, settings.seed)
    part[drawn] = -1
    judged = [
        np.concatenate([held_out, np.flatnonzero(part == number)])
        for number, (_, held_out) in enumerate(folds)
    ]
    return drawn, folds, judged


@lru_cache(maxsize=8)
def _deal(labels: bytes, groups: bytes, folds: int, seed: int) -> tuple[tuple[Places, Places], ...]:
    """The folds of rows with these labels and groups (int64, in order of the groups' names).

    They are dealt group by group, and asked for again with the same rows for every setting that is tried and
    every theme that is left out.
    """
    outcomes = np.frombuffer(labels, dtype=np.int64)
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    none = np.empty((len(outcomes), 0))
    return tuple(splitter.split(none, outcomes, np.frombuffer(groups, dtype=np.int64)))


def choose_share(
    trees: Floats, line: Floats, labels: Labels, last: npt.NDArray[np.bool_], least: float
) -> tuple[float, tuple[tuple[float, float], ...]]:
    """The share of the trees with the least log-loss out of fold, and the log-loss of every share tried.

    `trees` and `line` are out-of-fold margins (n,). Trees stay alone where no share is better both over all
    rows and over the rows of `last`: what helped only long ago need not help any more.
    """
    found = []
    for share in (one for one in TREE_SHARES if one >= least):
        margins = share * trees + (1 - share) * line
        probabilities = fit_calibration(margins, labels).probability(margins)
        recent = log_loss(labels[last], probabilities[last], labels=[0, 1])
        found.append((share, float(log_loss(labels, probabilities)), float(recent)))
    alone = found[0]
    better = [one for one in found if one[1] < alone[1] and one[2] < alone[2]]
    chosen = min(better, key=lambda one: one[1], default=alone)
    return chosen[0], tuple((share, loss) for share, loss, _ in found)


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
