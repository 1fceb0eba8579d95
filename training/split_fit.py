"""The fit of a split, learned from its past: the candidate, the learned baselines, the ablated models."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score

from features import FEATURES
from scoring.absence import Absence
from scoring.line import Blend
from training.baselines import fit_default, fit_logistic
from training.candidate import Candidate, fit_candidate
from training.evaluation.ablation import NOTHING
from training.evaluation.choice import Choice, choose
from training.evaluation.lists import cut
from training.experiment import Experiment, past_pairs
from training.feed_dropout import columns_of, drop_feeds, features_by_feed
from training.line import fit_line, transforms_of
from training.matrix import Matrix
from training.stages import Stages
from training.timeline import Split

Floats = npt.NDArray[np.float64]
Report = Callable[[int, int], None]

PAST_SHARES = {"high": 0.01, "medium": 0.05}
"""Grade shares of models that are only ranked on a past date: nobody sees their grades."""


@dataclass(frozen=True)
class SplitFit:
    """What was fitted for one split: ours, how it was chosen, and the scores of the learned baselines.

    `logistic` and `default` hold the probabilities of the rows of each test date, by ISO date; `ablated` the
    margins without each theme (and without `NOTHING`), by theme and ISO date.
    """

    candidate: Candidate
    choice: Choice | None
    logistic: dict[str, Floats]
    default: dict[str, Floats]
    ablated: dict[str, dict[str, Floats]]


def fit_split(
    experiment: Experiment,
    split: Split,
    train: Matrix,
    tests: Mapping[dt.date, Matrix],
    *,
    version: str,
    grade_shares: Mapping[str, float],
    is_released: bool,
    stages: Stages,
    progress: Report | None = None,
) -> SplitFit:
    """Fit everything of one split from `train`, which holds the rows of its training dates and no others.

    Only the released model is ablated and given siblings: the others are made to be measured.
    """
    mark = f"split-{split.test[-1]}"
    choice = None
    settings = experiment.fit
    if experiment.grid.candidates:
        choice = stages.value(f"{mark}/choice", lambda: choose_candidate(experiment, split, train, stages))
        settings = dict(experiment.grid.candidates)[choice.chosen]
    if not is_released:
        settings = dataclasses.replace(settings, siblings=0)
    own = dataclasses.replace(experiment, splits=(split,), fit=settings)
    candidate = stages.value(
        f"{mark}/candidate", lambda: fit_candidate(train, own, version, grade_shares, progress)
    )
    names = list(experiment.features)
    # Without a copy of what may be a gigabyte, where it holds these columns and no others.
    vectors = train.vectors if list(train.vectors.columns) == names else train.vectors[names]
    plain = {as_of: tests[as_of].vectors[names] for as_of in split.test}

    def logistic() -> dict[str, Floats]:
        fitted = fit_logistic(vectors, train.labels)
        return {
            str(one): fitted.predict_proba(rows.to_numpy(np.float64))[:, 1] for one, rows in plain.items()
        }

    def default() -> dict[str, Floats]:
        fitted = fit_default(vectors, train.labels, settings.threads)
        return {
            str(one): fitted.predict_proba(rows.to_numpy(np.float64))[:, 1] for one, rows in plain.items()
        }

    def ablated(theme: str) -> dict[str, Floats]:
        return fit_without(theme, train, tests, split, candidate)

    themes = []
    if experiment.is_ablated and is_released:
        themes = [NOTHING, *sorted({FEATURES[name].theme for name in names})]
    return SplitFit(
        candidate,
        choice,
        stages.value(f"{mark}/logistic", logistic),
        stages.value(f"{mark}/default", default),
        {one: stages.value(f"{mark}/without-{one}", partial(ablated, one)) for one in themes},
    )


def choose_candidate(experiment: Experiment, split: Split, train: Matrix, stages: Stages) -> Choice:
    """Choose among the grid by regret over the past dates of a split; no test date is seen."""
    pairs = past_pairs(split)
    values: dict[str, list[float]] = {name: [] for name, _ in experiment.grid.candidates}
    for number, (name, settings) in enumerate(experiment.grid.candidates):
        for dates, as_of in pairs:
            inner = Split(dates, (as_of,), split.horizon_months, split.maturity_days)
            own = dataclasses.replace(
                experiment, splits=(inner,), fit=dataclasses.replace(settings, siblings=0, tuning_trials=0)
            )
            mark = f"split-{split.test[-1]}/past-{as_of}/candidate-{number}"
            values[name].append(stages.value(mark, partial(_value_on, own, train)))
    return choose(experiment.grid.choose_by, [as_of for _, as_of in pairs], values)


def fit_without(
    theme: str, train: Matrix, tests: Mapping[dt.date, Matrix], split: Split, candidate: Candidate
) -> dict[str, Floats]:
    """Margins on each test date of a model made like the candidate's, without the features of one theme.

    As many trees, the same rows without the same feeds, a line of the same share, and the same absence.
    `NOTHING` is the candidate's own model, which is what this makes of all features.
    """
    model, fitted = candidate.model, candidate.fitted
    names = list(model.feature_names)
    if theme == NOTHING:
        return {str(one): model.margins(model.matrix(tests[one].vectors)) for one in split.test}
    kept = [name for name in names if FEATURES[name].theme != theme]
    if not kept:
        return {str(one): np.zeros(len(tests[one].labels)) for one in split.test}
    settings = fitted.settings
    directions = {name: FEATURES[name].direction for name in kept}
    whole = train.vectors[names].to_numpy(dtype=np.float64)
    # Dropped before the theme is left out: other draws would be a difference that is not the theme's.
    dropped = drop_feeds(whole, names, features_by_feed(names), settings.feed_dropout, settings.seed)
    learned = dropped[:, columns_of(kept, names)]
    data = lgb.Dataset(learned, train.labels, feature_name=kept, params={"verbosity": -1})
    booster = lgb.train(settings.parameters(list(directions.values())), data, fitted.trees)
    blend = None
    if fitted.blend is not None:
        line = fit_line(learned, train.labels, kept, directions, transforms_of(kept), settings.seed)
        blend = Blend(line, fitted.blend.tree_share)
    absence = None
    if model.absence is not None:
        absence = Absence(tuple(model.absence.weights[at] for at in columns_of(kept, names)))
    found = {}
    for one in split.test:
        rows = tests[one].vectors[kept].to_numpy(np.float64)
        trees = np.asarray(booster.predict(rows, raw_score=True), dtype=np.float64)
        margins = trees if blend is None else blend.margins(trees, rows)
        found[str(one)] = margins if absence is None else margins + absence.margins(rows)
    return found


def _value_on(experiment: Experiment, train: Matrix) -> float:
    """What a candidate is worth on the past date of the experiment's only split, by the grid's measure."""
    past, held = (train.on(dates) for dates in (experiment.split.train, experiment.split.test))
    fitted = fit_candidate(past, experiment, "past", PAST_SHARES)
    ranks = fitted.model.score(held.vectors)
    if experiment.grid.choose_by == "pr_auc":
        return float(average_precision_score(held.labels, ranks))
    areas = experiment.capacity.divide(held.villages, len(held.labels))
    return float((cut(ranks, areas).chance * held.labels).sum() / areas.total)
