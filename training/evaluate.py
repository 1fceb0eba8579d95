"""Evaluate: one trained candidate beside every baseline, on dates it could not have learned from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from features import Signals
from scoring.model import RiskModel
from scoring.triggers import TRIGGER_FEATURES
from training.baselines import INCOME_FEATURE, Ranking, fit_default, fit_logistic, rule_rankings
from training.candidate import fit_candidate
from training.experiment import Experiment
from training.fit import Fitted
from training.matrix import Matrix, build_matrix
from training.metrics import Metrics, at_capacity, measure, reliability, visits_at

Floats = npt.NDArray[np.float64]
Progress = Callable[[str, int, int], None]

OURS = "ours"


@dataclass(frozen=True)
class TestDate:
    """What one test date showed: the metrics of each ranking, and where ours finds whom."""

    __test__ = False  # for pytest: this is no test class

    as_of: dt.date
    metrics: dict[str, Metrics]
    best_rule: str
    lift_over_best_rule: float
    recall_by_type: dict[str, tuple[int, float]]
    recall_by_cause: dict[str, tuple[int, float]]
    reliability: list[dict[str, float]]


@dataclass(frozen=True)
class Evaluation:
    """A trained model with everything that was measured of it."""

    experiment: Experiment
    model: RiskModel
    fitted: Fitted
    train_rows: int
    train_positives: int
    train_vectors: pd.DataFrame
    tests: tuple[TestDate, ...]

    @property
    def is_better(self) -> bool:
        """Whether ours has the higher precision at capacity than every rule on every test date."""
        return all(
            one.metrics[OURS].capacity.precision.mean > one.metrics[one.best_rule].capacity.precision.mean
            for one in self.tests
        )

    def flat_metrics(self) -> dict[str, float]:
        """The numbers of the last test date under stable names, for tracking and the bundle."""
        last = self.tests[-1]
        ours = last.metrics[OURS]
        return {
            "roc_auc": ours.roc_auc,
            "roc_auc_low": ours.roc_auc_interval[0],
            "roc_auc_high": ours.roc_auc_interval[1],
            "pr_auc": ours.pr_auc,
            "precision_at_capacity": ours.capacity.precision.mean,
            "recall_at_capacity": ours.capacity.recall.mean,
            "lift_over_best_rule": last.lift_over_best_rule,
            "brier": ours.brier or 0.0,
            "ece": ours.ece or 0.0,
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
    progress: Progress | None = None,
) -> Evaluation:
    """Build the matrices, fit ours and the learned baselines on the past, measure all on each test date.

    `progress` is called with (stage, done, total). Raises the errors of the parts it calls.
    """

    def stage(name: str) -> Callable[[int, int], None] | None:
        return (lambda done, total: progress(name, done, total)) if progress else None

    def matrix(dates: tuple[dt.date, ...], names: tuple[str, ...], name: str) -> Matrix:
        return build_matrix(
            signals,
            outcomes,
            dates,
            features=names,
            horizon_months=experiment.split.horizon_months,
            outcomes_until=outcomes_until,
            region=experiment.region,
            progress=stage(name),
        )

    names = experiment.features
    with_rules = tuple(dict.fromkeys((*names, *TRIGGER_FEATURES, INCOME_FEATURE)))
    train = matrix(experiment.split.train, names, "training vectors")
    candidate = fit_candidate(train, experiment, version, grade_shares, stage("fitting trees"))
    model, fitted = candidate.model, candidate.fitted
    logistic = fit_logistic(train.vectors, train.labels)
    default = fit_default(train.vectors, train.labels, experiment.fit.threads)
    tests = []
    for done, as_of in enumerate(experiment.split.test, 1):
        test = matrix((as_of,), with_rules, "test vectors")
        ours = test.vectors[list(names)]
        plain = ours.to_numpy(dtype=np.float64)
        rankings = [
            *rule_rankings(test.vectors, as_of, experiment.region),
            Ranking("logistic regression", logistic.predict_proba(plain)[:, 1], True, False),
            Ranking("LightGBM defaults", default.predict_proba(plain)[:, 1], True, False),
            Ranking(OURS, model.score(ours), True, False),
        ]
        tests.append(_test_date(as_of, test, rankings, outcomes, experiment))
        if progress:
            progress("measuring", done, len(experiment.split.test))
    return Evaluation(
        experiment, model, fitted, len(train.labels), train.positives, train.vectors, tuple(tests)
    )


def _test_date(
    as_of: dt.date, test: Matrix, rankings: list[Ranking], outcomes: pd.DataFrame, experiment: Experiment
) -> TestDate:
    share = experiment.capacity_share
    metrics = {
        one.name: measure(test.labels, one.ranks, share, is_probability=one.is_probability)
        for one in rankings
    }
    rules = [one.name for one in rankings if one.is_rule]
    best = max(rules, key=lambda name: metrics[name].capacity.precision.mean)
    ours = rankings[-1].ranks
    of_rule = metrics[best].capacity.precision.mean
    of_ours = metrics[OURS].capacity.precision.mean
    facts = outcomes.set_index("household_id").reindex(test.households)
    return TestDate(
        as_of=as_of,
        metrics=metrics,
        best_rule=best,
        # A rule that found nobody is taken to have found one: the lift is then at least this.
        lift_over_best_rule=of_ours / max(of_rule, 1 / metrics[OURS].capacity.visits),
        recall_by_type=_recall_by(facts["object_type"], test.labels, ours, share),
        recall_by_cause=_recall_by(facts["cause_code"], test.labels, ours, share),
        reliability=reliability(test.labels, ours),
    )


def _recall_by(
    kinds: pd.Series, labels: npt.NDArray[np.int64], ranks: Floats, share: float
) -> dict[str, tuple[int, float]]:
    """For each kind of outcome: how many there were and which share of them lay within capacity."""
    visits = visits_at(share, len(labels))
    values = kinds.to_numpy(dtype=object)
    found = {}
    for kind in sorted({str(one) for one in values[labels == 1]}):
        of_kind = np.where((labels == 1) & (values == kind), 1, 0)
        found[kind] = (int(of_kind.sum()), at_capacity(of_kind, ranks, visits).recall.mean)
    return found
