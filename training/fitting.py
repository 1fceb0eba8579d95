"""Fitting: what a split learns from its past: the candidate, the learned baselines, the ablated models."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score

from features import FEATURES
from training.baselines import fit_default, fit_logistic
from training.candidate import Candidate, fit_candidate
from training.evaluation.ablation import NOTHING
from training.evaluation.choice import Choice, choose
from training.evaluation.lists import cut
from training.experiment import Experiment, past_pairs
from training.fit import FitSettings
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
    margins of trees without each theme (and without `NOTHING`), by theme and ISO date.
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
    plain = {as_of: tests[as_of].vectors[names] for as_of in split.test}

    def logistic() -> dict[str, Floats]:
        fitted = fit_logistic(train.vectors[names], train.labels)
        return {
            str(one): fitted.predict_proba(rows.to_numpy(np.float64))[:, 1] for one, rows in plain.items()
        }

    def default() -> dict[str, Floats]:
        fitted = fit_default(train.vectors[names], train.labels, settings.threads)
        return {
            str(one): fitted.predict_proba(rows.to_numpy(np.float64))[:, 1] for one, rows in plain.items()
        }

    def ablated(theme: str) -> dict[str, Floats]:
        return fit_without(theme, names, train, tests, split, settings, candidate.fitted.trees)

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
                experiment, splits=(inner,), fit=dataclasses.replace(settings, siblings=0)
            )
            mark = f"split-{split.test[-1]}/past-{as_of}/candidate-{number}"
            values[name].append(stages.value(mark, partial(_value_on, own, train)))
    return choose(experiment.grid.choose_by, [as_of for _, as_of in pairs], values)


def fit_without(
    theme: str,
    names: Sequence[str],
    train: Matrix,
    tests: Mapping[dt.date, Matrix],
    split: Split,
    settings: FitSettings,
    trees: int,
) -> dict[str, Floats]:
    """Margins on each test date of as many trees, fitted alike without the features of one theme.

    `NOTHING` is fitted too: what a theme adds is told by trees made in the same way, whatever else is done
    to the released model.
    """
    kept = [name for name in names if FEATURES[name].theme != theme]
    if not kept:
        return {str(one): np.zeros(len(tests[one].labels)) for one in split.test}
    parameters = settings.parameters([FEATURES[name].direction for name in kept])
    data = lgb.Dataset(train.vectors[kept], train.labels, params={"verbosity": -1})
    booster = lgb.train(parameters, data, trees)
    return {
        str(one): booster.predict(tests[one].vectors[kept].to_numpy(np.float64), raw_score=True)
        for one in split.test
    }


def _value_on(experiment: Experiment, train: Matrix) -> float:
    """What a candidate is worth on the past date of the experiment's only split, by the grid's measure."""
    past, held = (train.on(dates) for dates in (experiment.split.train, experiment.split.test))
    fitted = fit_candidate(past, experiment, "past", PAST_SHARES)
    ranks = fitted.model.score(held.vectors)
    if experiment.grid.choose_by == "pr_auc":
        return float(average_precision_score(held.labels, ranks))
    areas = experiment.capacity.divide(held.villages, len(held.labels))
    return float((cut(ranks, areas).chance * held.labels).sum() / areas.total)
