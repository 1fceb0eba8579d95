"""Candidate: the model an experiment makes from a training matrix, ready to score as it would in service."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from features import FEATURES
from scoring.grades import GradeBorders
from scoring.model import RiskModel
from training.experiment import Experiment, past_pairs
from training.feed_dropout import features_by_feed
from training.fit import Fitted, fit
from training.line import transforms_of
from training.matrix import Matrix
from training.tuning import tune


@dataclass(frozen=True)
class Candidate:
    """A risk model with the fit it came from."""

    model: RiskModel
    fitted: Fitted


def fit_candidate(
    train: Matrix,
    experiment: Experiment,
    version: str,
    grade_shares: Mapping[str, float],
    progress: Callable[[int, int], None] | None = None,
) -> Candidate:
    """Tune, fit, calibrate and grade on the training matrix alone; raises `DataError` with too few positives.

    Grade borders are set so that the policy's shares of the training households fall in each grade.
    """
    names = experiment.features
    directions = {name: FEATURES[name].direction for name in names}
    feeds = features_by_feed(names)
    settings, tuning = experiment.fit, None
    if settings.tuning_trials:
        past = dataclasses.replace(train, vectors=train.vectors[list(names)])
        settings, tuning = tune(past, past_pairs(experiment.split), settings, directions, feeds, progress)
    # Without a copy of what may be a gigabyte, where it holds these columns and no others.
    vectors = train.vectors if tuple(train.vectors.columns) == names else train.vectors[list(names)]
    fitted = fit(
        vectors,
        train.labels,
        train.households,
        directions,
        settings,
        progress,
        feeds=feeds,
        transforms=transforms_of(names),
        dates=train.vectors.index.get_level_values("as_of_date").to_numpy(),
    )
    probabilities = fitted.calibration.probability(fitted.out_of_fold)
    model = RiskModel(
        booster=fitted.booster,
        feature_names=names,
        calibration=fitted.calibration,
        borders=GradeBorders.at_shares(probabilities, grade_shares["high"], grade_shares["medium"]),
        base_rate=train.positives / len(train.labels),
        horizon_months=experiment.split.horizon_months,
        version=version,
        siblings=fitted.siblings,
        blend=fitted.blend,
        venn_abers=fitted.venn_abers,
        absence=fitted.absence,
    )
    return Candidate(model, dataclasses.replace(fitted, tuning=tuning))
