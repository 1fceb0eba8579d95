"""Weights: how much each learner counts, found on margins that no learner was fitted on."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit

SURE = 2.0
"""Standard errors of gain over the rule that give the blend full trust; of so much loss, none."""

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]


def find_weights(margins: Floats, labels: Labels, prior_strength: float) -> Floats:
    """Weights ≥ 0 of calibrated margins (n × learners) that make the labels most likely.

    `prior_strength` holds them to equal weights: it is the cost of a whole unit of distance, in units of log
    likelihood, so that few outcomes leave the weights equal and many may speak. Stacking with weights that
    are not negative: Breiman 1996.
    """
    learners = margins.shape[1]
    equal = np.full(learners, 1.0 / learners)

    def cost(point: Floats) -> tuple[float, Floats]:
        weights, level = point[:learners], point[learners]
        total = margins @ weights + level
        miss = expit(total) - labels
        away = weights - equal
        value = np.logaddexp(0.0, total).sum() - labels @ total + prior_strength * away @ away
        slope = np.append(margins.T @ miss + 2 * prior_strength * away, miss.sum())
        return float(value) / len(labels), slope / len(labels)

    start = np.append(equal, 0.0)
    bounds = [(0.0, None)] * learners + [(None, None)]
    found = minimize(cost, start, jac=True, bounds=bounds, method="L-BFGS-B")
    weights = np.asarray(found.x[:learners], dtype=np.float64)
    # A search that went astray must not cost more than not having searched.
    return weights if weights.sum() > 0 and found.fun <= cost(start)[0] else equal


def find_trust(blend: Floats, rule: Floats, labels: Labels, groups: npt.NDArray[Any]) -> float:
    """From 0 (the naive rule alone) to 1 (the blend alone), by the gain in log loss out of fold.

    Both are log-odds. The gain is compared with its standard error over groups: on a small table, or where
    the rule is all there is to know, a blend that is surely worse would only add its noise. No gain gives
    half: two guesses that did equally well are best averaged. On fifty invented samples of 120 and 200 rows,
    measured on 3,000 others, that ranked better by .0016 of ROC-AUC than no trust without gain.
    """
    gain = _losses(rule, labels) - _losses(blend, labels)
    _, cluster = np.unique(groups.astype(str), return_inverse=True)
    sums = np.bincount(cluster, gain - gain.mean())
    error = float(np.sqrt(sums @ sums)) / len(labels)
    if error <= 0:
        return 1.0 if gain.mean() >= 0 else 0.0
    return float(np.clip(0.5 + gain.mean() / error / (2 * SURE), 0.0, 1.0))


def _losses(log_odds: Floats, labels: Labels) -> Floats:
    return np.asarray(np.logaddexp(0.0, log_odds) - labels * log_odds)
