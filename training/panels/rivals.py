"""Rivals: what ours is measured against on the same rows.

The *baselines* are what somebody would use instead: the naive rule, logistic regression, LightGBM as it
comes. The *references* are the strongest simple learners we know for small panels: regularised LightGBM, and
the mean of its ranks and the logistic regression's.
"""

from __future__ import annotations

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata
from threadpoolctl import threadpool_limits

from scoring.calibration import probability
from training.blend.blend import threads_for
from training.blend.learners import Trees, fit_line
from training.blend.rows import Rows
from training.fit import fit_calibration

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

OURS = "ours"
BASELINES = ("naive", "logistic", "default")
REFERENCES = ("regularised", "rank_average")
RIDGE = 0.02

TITLES = {
    "naive": "naive rule",
    "logistic": "logistic regression",
    "default": "LightGBM defaults",
    "regularised": "LightGBM regularised",
    "rank_average": "mean of ranks",
    OURS: "ours",
}


def rival_probabilities(train: Rows, labels: Labels, test: Rows, seed: int = 0) -> dict[str, Floats]:
    """Probabilities of the test rows by each rival, fitted on the training rows.

    A mere order (the naive rule, a mean of ranks) gets its probabilities from a logistic line: the naive
    rule's from the training rows, the mean's from its two learners' mean log-odds.
    """
    threads = threads_for(len(labels))
    rule = fit_calibration(train.naive, labels)
    with threadpool_limits(threads):
        line = fit_line(train, labels, RIDGE)
    default = lgb.LGBMClassifier(random_state=seed, n_jobs=threads, verbosity=-1)
    default.fit(train.values, labels)
    trees = Trees("regularised", bags=1, threads=threads).fit(train, labels, seed)(test)
    of_line = np.asarray(line.decision_function(test.values), dtype=np.float64)
    mean = (rankdata(trees) + rankdata(of_line)) / (2 * len(test) + 2)
    # The order is the mean rank's; the level is set so that the mean probability is the learners' own.
    return {
        "naive": rule.probability(test.naive),
        "logistic": probability(of_line),
        "default": np.asarray(default.predict_proba(test.values)[:, 1], dtype=np.float64),
        "regularised": probability(trees),
        "rank_average": reordered(probability((trees + of_line) / 2), mean),
    }


def reordered(probabilities: Floats, order: Floats) -> Floats:
    """The same probabilities, given out in another order; rows tied in the order share their mean."""
    _, tied = np.unique(order, return_inverse=True)
    places = np.argsort(order, kind="stable")
    given = np.empty(len(order))
    given[places] = np.sort(probabilities)
    return np.asarray((np.bincount(tied, given) / np.bincount(tied))[tied], dtype=np.float64)
