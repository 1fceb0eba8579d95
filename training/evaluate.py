"""Evaluate: one trained candidate beside every baseline, on dates it could not have learned from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import pandas as pd

from features import Signals
from scoring.model import RiskModel
from training.baselines import DEFAULTS, LOGISTIC, Ranking, rule_features, rule_rankings
from training.champion import Champion
from training.evaluation.choice import Choice
from training.evaluation.comparison import CHAMPION, OURS, Comparison, DateInput, compare
from training.evaluation.groups import GROUP_FEATURES
from training.evaluation.label_quality import (
    Evidence,
    LabelQualitySection,
    evaluate_labels,
    gather_evidence,
)
from training.evaluation.outlook import OutlookEvaluation, evaluate_outlook
from training.evaluation.test_date import TestDate
from training.evaluation.verdict import Verdict
from training.experiment import Experiment
from training.fit import Fitted
from training.matrix import Matrix, build_matrix, checked, join
from training.silent_feeds import Silence, measure_silence
from training.split_fit import SplitFit, fit_split
from training.stages import Stages

Progress = Callable[[str, int, int], None]

__all__ = ["OURS", "Evaluation", "Matrices", "Progress", "evaluate", "evaluate_matrices"]


@dataclass(frozen=True)
class Matrices:
    """What an evaluation works from: the training rows of every date, and the rows of each test date.

    Test rows carry, beside the model's features, those that rules and groups read; `outcomes` tells type and
    cause of the identifications, where they are known, and `evidence` what there is on the labels.
    """

    train: Matrix
    tests: Mapping[dt.date, Matrix]
    outcomes: pd.DataFrame | None = None
    evidence: Evidence | None = None


@dataclass(frozen=True)
class Evaluation:
    """A trained model with everything that was measured of it.

    `model`, `fitted`, `train_rows`, `train_positives` and `train_vectors` are of the released model, that of
    the last split; `choices` holds, for each split, how its candidate was chosen from a grid. `champion_note`
    says why a champion could not be compared with; `silent_feeds` what is left of the scores of the last test
    date without each feed.
    """

    experiment: Experiment
    model: RiskModel
    fitted: Fitted
    train_rows: int
    train_positives: int
    train_vectors: pd.DataFrame
    choices: tuple[Choice | None, ...]
    comparison: Comparison
    outlook: OutlookEvaluation | None = None
    labels: LabelQualitySection | None = None
    champion_note: str | None = None
    silent_feeds: tuple[Silence, ...] = ()

    @property
    def tests(self) -> tuple[TestDate, ...]:
        """What each test date showed, in order."""
        return self.comparison.tests

    @property
    def verdict(self) -> Verdict:
        """Ours against the best baseline."""
        return self.comparison.verdict

    @property
    def is_better(self) -> bool:
        """Whether ours beats the best baseline by more than chance; see `training.evaluation.verdict`."""
        return self.verdict.is_better

    def flat_metrics(self) -> dict[str, float]:
        """The numbers of the last test date, and the verdict over all, under stable names.

        For tracking, the bundle and the gates of promotion.
        """
        last = self.tests[-1]
        ours = last.rankings[OURS]
        gained = self.verdict.difference
        return {
            "is_better": float(self.is_better),
            "precision_gain": gained.precision.value,
            "precision_gain_low": gained.precision.low,
            "pr_auc_gain": gained.pr_auc.value,
            "pr_auc_gain_low": gained.pr_auc.low,
            "roc_auc": ours.roc_auc.value,
            "roc_auc_low": ours.roc_auc.low,
            "roc_auc_high": ours.roc_auc.high,
            "pr_auc": ours.pr_auc.value,
            "precision_at_capacity": ours.precision.value,
            "recall_at_capacity": ours.recall.value,
            "lift_over_best_rule": ours.lift.value,
            "brier": ours.brier.value if ours.brier else 0.0,
            "ece": ours.ece.value if ours.ece else 0.0,
            "test_households": float(ours.n),
            "test_positives": float(ours.positives),
        }


def evaluate(
    experiment: Experiment,
    signals: Signals,
    outcomes: pd.DataFrame,
    outcomes_until: dt.date,
    *,
    version: str,
    grade_shares: dict[str, float],
    visits: pd.DataFrame | None = None,
    helped: pd.DataFrame | None = None,
    champion: Champion | None = None,
    stages: Stages | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Build the matrices from signals and evaluate on them, see `evaluate_matrices`.

    `outcomes_until` is the last day whose identifications are recorded; of an experiment whose labels take
    time to ripen, the last days of it are not believed. Raises the errors of the parts it calls.
    """
    keep = stages or Stages()
    believed = outcomes_until - dt.timedelta(days=experiment.labels.maturity_days)

    def matrix(as_of: dt.date, names: tuple[str, ...], name: str) -> Matrix:
        return keep.matrix(
            f"{name}-{as_of}",
            lambda: build_matrix(
                signals,
                outcomes,
                (as_of,),
                features=names,
                horizon_months=experiment.split.horizon_months,
                outcomes_until=believed,
                region=experiment.region,
                areas=experiment.cohort.areas,
            ),
        )

    def matrices(dates: tuple[dt.date, ...], names: tuple[str, ...], stage: str) -> dict[dt.date, Matrix]:
        found = {}
        for done, as_of in enumerate(dates):
            if progress:
                progress(f"{stage} vectors", done, len(dates))
            found[as_of] = matrix(as_of, names, stage)
        if progress:
            progress(f"{stage} vectors", len(dates), len(dates))
        return found

    # Tests first: where outcomes are not recorded long enough for them, that is said at once.
    tests = matrices(experiment.test_dates, features_of_tests(experiment, champion), "test")
    train = matrices(experiment.train_dates, experiment.features, "training")
    return evaluate_matrices(
        experiment,
        Matrices(
            join(list(train.values())), tests, outcomes, gather_evidence(signals, visits, believed, helped)
        ),
        version=version,
        grade_shares=grade_shares,
        champion=champion,
        stages=keep,
        progress=progress,
    )


def features_of_tests(experiment: Experiment, champion: Champion | None = None) -> tuple[str, ...]:
    """The features that the test rows need: ours, those of rules and groups, and the champion's."""
    theirs = champion.model.feature_names if champion else ()
    rules = rule_features(experiment.test_dates, experiment.region)
    return tuple(dict.fromkeys((*experiment.features, *rules, *GROUP_FEATURES, *theirs)))


def evaluate_matrices(
    experiment: Experiment,
    matrices: Matrices,
    *,
    version: str,
    grade_shares: Mapping[str, float],
    champion: Champion | None = None,
    stages: Stages | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Fit each split on its past, and measure ours beside every baseline on each test date.

    `progress` is called with (stage, done, total). Raises `DataError` where a split's rows cannot be learned
    from or measured.
    """
    keep = stages or Stages()
    for test in matrices.tests.values():
        # Refused here, not after an hour of fitting.
        experiment.capacity.divide(test.villages, len(checked(test).labels))
    fits: list[SplitFit] = []
    inputs: list[DateInput] = []
    for number, split in enumerate(experiment.splits, 1):
        is_released = number == len(experiment.splits)
        train = checked(matrices.train.on(split.train))
        stage = "fitting trees" if len(experiment.splits) == 1 else f"fitting split {number}"
        fitted = fit_split(
            experiment,
            split,
            train,
            matrices.tests,
            version=version,
            grade_shares=grade_shares,
            is_released=is_released,
            stages=keep,
            progress=partial(progress, stage) if progress else None,
        )
        fits.append(fitted)
        for as_of in split.test:
            test = matrices.tests[as_of]
            inputs.append(
                DateInput(as_of, test, _rankings(experiment, test, as_of, fitted, champion),
                          {theme: margins[str(as_of)] for theme, margins in fitted.ablated.items()})
            )  # fmt: skip
    last = fits[-1].candidate
    compared = keep.value(
        "measured",
        lambda: compare(
            experiment,
            inputs,
            matrices.outcomes,
            champion,
            progress=partial(progress, "measuring") if progress else None,
        ),
    )
    candidates = [one.candidate for one in fits]
    silences = keep.value(
        "silent-feeds",
        lambda: measure_silence(
            last.model, inputs[-1].test, compared.tests[-1].visits, experiment.bootstrap,
            experiment.fit.threads,
        ),
    )  # fmt: skip
    outlook = keep.value(
        "outlook",
        lambda: evaluate_outlook(experiment, candidates, matrices.train, matrices.tests, matrices.outcomes),
    )
    labels = keep.value(
        "label-quality",
        lambda: evaluate_labels(experiment, candidates, matrices.tests, matrices.outcomes, matrices.evidence),
    )
    return Evaluation(
        experiment=experiment,
        model=replace(last.model, outlook=outlook.model if outlook else None),
        fitted=last.fitted,
        train_rows=len(train.labels),
        train_positives=train.positives,
        train_vectors=train.vectors,
        choices=tuple(one.choice for one in fits),
        comparison=compared,
        silent_feeds=silences,
        outlook=outlook,
        labels=labels,
    )


def _rankings(
    experiment: Experiment, test: Matrix, as_of: dt.date, fitted: SplitFit, champion: Champion | None
) -> list[Ranking]:
    key = str(as_of)
    theirs = []
    if champion:
        theirs = [Ranking(CHAMPION, champion.model.score(test.vectors), is_probability=True, is_rule=False)]
    return [
        *rule_rankings(test.vectors, as_of, experiment.region),
        Ranking(LOGISTIC, fitted.logistic[key], is_probability=True, is_rule=False),
        Ranking(DEFAULTS, fitted.default[key], is_probability=True, is_rule=False),
        *theirs,
        Ranking(OURS, fitted.candidate.model.score(test.vectors), is_probability=True, is_rule=False),
    ]
