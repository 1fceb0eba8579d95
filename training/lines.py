"""Regularised lines that must beat the overall shares on households left out, or are not kept.

Two kinds of lines: hazards (one binary logistic a period, over whoever is left) and shares (multinomial
logistic). Intercepts are not penalised, so that the strongest penalty gives the overall shares.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from scoring.calibration import probability
from scoring.lines import Lines, standardise

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

PENALTIES = (0.01, 0.03, 0.1)
"""Inverse strengths of the L2 penalty that are tried; the first is nearest to the overall shares."""

PRIOR = 0.5
"""Half an imagined household of each kind: no share is ever 0 or 1."""


@dataclass(frozen=True)
class Learned:
    """What was tried: mean log loss (nats) of rows left out, of the overall shares and of the best lines.

    `standard_error` is that of their difference, rows of one household taken together. `is_kept` says
    whether the covariates were; losses are None where there was too little to try.
    """

    rows: int
    households: int
    loss_of_shares: float | None
    loss_of_lines: float | None
    standard_error: float | None
    is_kept: bool


@dataclass(frozen=True)
class Kind:
    """How lines are fitted from z (n, covariates), classes (n,), a penalty and weights (n,) of the rows.

    `loss` is that of each row, (n,).
    """

    fit: Callable[[Floats, Labels, float, Floats], tuple[Floats, Floats]]
    loss: Callable[[Floats, Floats, Floats, Labels], Floats]


def hazards(periods: int) -> Kind:
    """Lines of the log-odds of the first `periods` − 1 periods, each for whoever the ones before left."""

    def fit(z: Floats, classes: Labels, penalty: float, weights: Floats) -> tuple[Floats, Floats]:
        intercepts, slopes = np.empty(periods - 1), np.empty((periods - 1, z.shape[1]))
        for at in range(periods - 1):
            left = classes >= at
            found = _logistic(z[left], (classes[left] == at).astype(np.int64), 2, penalty, weights[left])
            intercepts[at], slopes[at] = found[0][0], found[1][0]
        return intercepts, slopes

    def loss(intercepts: Floats, weights: Floats, z: Floats, classes: Labels) -> Floats:
        total = np.zeros(len(z))
        for at in range(periods - 1):
            hazard = probability(z @ weights[at] + intercepts[at])
            said = np.where(classes == at, hazard, 1 - hazard)
            total -= np.where(classes >= at, np.log(np.clip(said, 1e-12, 1)), 0.0)
        return total

    return Kind(fit, loss)


def shares(kinds: int) -> Kind:
    """Lines whose softmax gives the shares of `kinds` classes."""

    def fit(z: Floats, classes: Labels, penalty: float, weights: Floats) -> tuple[Floats, Floats]:
        return _logistic(z, classes, kinds, penalty, weights)

    def loss(intercepts: Floats, weights: Floats, z: Floats, classes: Labels) -> Floats:
        lines = z @ weights.T + intercepts
        lines = lines - lines.max(axis=1, keepdims=True)
        said = lines[np.arange(len(z)), classes] - np.log(np.exp(lines).sum(axis=1))
        return np.asarray(-said)

    return Kind(fit, loss)


def choose_lines(
    kind: Kind,
    covariates: Sequence[str],
    columns: Sequence[Floats],
    classes: Labels,
    groups: npt.NDArray[Any],
    *,
    folds: int,
    least_rows: int,
    weights: Floats | None = None,
) -> tuple[Lines, Learned]:
    """The lines with their covariates where these earn their place, else constant ones.

    `columns` are the covariates' (n,) each, `groups` (n,) the household of each row: its rows are left out
    together. `weights` (n,) are how much each row is learned from, alike without it; losses are not weighted.
    Covariates are kept when their loss is lower by more than one standard error.
    """
    each = np.ones(len(classes)) if weights is None else weights
    households = len(np.unique(groups))
    centres = [float(np.nanmean(one)) if np.isfinite(one).any() else 0.0 for one in columns]
    spreads = [float(np.nanstd(one)) if np.isfinite(one).any() else 0.0 for one in columns]
    used = [at for at, one in enumerate(spreads) if one > 0]
    nothing = np.zeros((len(classes), 0))
    constant = Lines.constant(kind.fit(nothing, classes, 1.0, each)[0].tolist())
    if len(classes) < least_rows or households < folds or not used:
        return constant, Learned(len(classes), households, None, None, None, is_kept=False)
    z = np.column_stack([standardise(columns[at], centres[at], spreads[at]) for at in used])
    parts = list(GroupKFold(folds).split(z, classes, groups))
    plain = _left_out(kind, nothing, classes, parts, 1.0, each)
    tried = [_left_out(kind, z, classes, parts, penalty, each) for penalty in PENALTIES]
    best = int(np.argmin([one.mean() for one in tried]))
    error = _standard_error(plain - tried[best], groups)
    is_kept = bool(plain.mean() - tried[best].mean() > error)
    learned = Learned(
        len(classes), households, float(plain.mean()), float(tried[best].mean()), error, is_kept
    )
    if not is_kept:
        return constant, learned
    intercepts, slopes = kind.fit(z, classes, PENALTIES[best], each)
    lines = Lines(
        covariates=tuple(covariates[at] for at in used),
        centres=tuple(centres[at] for at in used),
        scales=tuple(spreads[at] for at in used),
        intercepts=tuple(intercepts.tolist()),
        weights=tuple(tuple(one) for one in slopes.tolist()),
    )
    return lines, learned


def _left_out(
    kind: Kind, z: Floats, classes: Labels, parts: Sequence[Any], penalty: float, weights: Floats
) -> Floats:
    losses = np.empty(len(classes))
    for inside, outside in parts:
        intercepts, slopes = kind.fit(z[inside], classes[inside], penalty, weights[inside])
        losses[outside] = kind.loss(intercepts, slopes, z[outside], classes[outside])
    return losses


def _standard_error(differences: Floats, groups: npt.NDArray[Any]) -> float:
    """Of the mean difference of rows, when whole households are drawn."""
    _, household = np.unique(groups, return_inverse=True)
    sums = np.bincount(household, differences - differences.mean())
    return float(np.sqrt((sums**2).sum()) / len(differences))


def _logistic(
    z: Floats, classes: Labels, kinds: int, penalty: float, weights: Floats
) -> tuple[Floats, Floats]:
    """Intercepts and slopes of `kinds` classes, or of class 1 alone where there are two."""
    counts = np.bincount(classes, weights, minlength=kinds) + PRIOR
    if z.shape[1] == 0:
        logs = np.log(counts / counts.sum())
        return (logs[1:] - logs[:1], np.empty((1, 0))) if kinds == 2 else (logs, np.empty((kinds, 0)))
    # The imagined households are in the middle of everything.
    rows = np.vstack([z, np.zeros((kinds, z.shape[1]))])
    marks = np.concatenate([classes, np.arange(kinds)])
    each = np.concatenate([weights, np.full(kinds, PRIOR)])
    found = LogisticRegression(C=penalty, max_iter=5_000, tol=1e-8).fit(rows, marks, sample_weight=each)
    return np.asarray(found.intercept_), np.asarray(found.coef_)
