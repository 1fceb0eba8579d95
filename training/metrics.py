"""Evaluation metrics of a ranking with rare positives, with ties and uncertainty kept visible.

Whoever is visited is decided by a place in the ranking. Where many households share the last place, the
precision depends on who happens to come first; so every number at capacity is given as worst, mean and
best over all orders of the ties.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class TieRange:
    """A number in the worst, mean and best order of tied households."""

    worst: float
    mean: float
    best: float


@dataclass(frozen=True)
class AtCapacity:
    """Precision and recall when the first `visits` households are visited."""

    visits: int
    precision: TieRange
    recall: TieRange


@dataclass(frozen=True)
class Metrics:
    """Everything reported of one ranking of n households. `brier` and `ece` are None for mere ranks."""

    n: int
    positives: int
    roc_auc: float
    roc_auc_interval: tuple[float, float]
    pr_auc: float
    capacity: AtCapacity
    brier: float | None
    ece: float | None

    @property
    def base_rate(self) -> float:
        """Share of positives."""
        return self.positives / self.n


def visits_at(share: float, n: int) -> int:
    """How many households a capacity of `share` of n is: rounded to the nearest, at least one."""
    return max(1, round(share * n))


def at_capacity(labels: Labels, ranks: Floats, visits: int) -> AtCapacity:
    """Precision and recall of the `visits` highest ranks, over all orders of ties."""
    last = np.sort(ranks)[::-1][visits - 1]
    above, tied = ranks > last, ranks == last
    sure, seats = int(labels[above].sum()), visits - int(above.sum())
    among, ties = int(labels[tied].sum()), int(tied.sum())
    worst = sure + max(0, seats - (ties - among))
    best = sure + min(among, seats)
    mean = sure + among * seats / ties
    positives = max(1, int(labels.sum()))
    return AtCapacity(
        visits,
        TieRange(worst / visits, mean / visits, best / visits),
        TieRange(worst / positives, mean / positives, best / positives),
    )


def measure(
    labels: Labels,
    ranks: Floats,
    capacity_share: float,
    *,
    is_probability: bool,
    seed: int = 0,
    resamples: int = 500,
) -> Metrics:
    """All metrics of one ranking; `ranks` are probabilities where `is_probability` says so.

    Raises `ValueError` when the labels have one class only.
    """
    if len(np.unique(labels)) != 2:
        raise ValueError("metrics need households of both outcomes")
    return Metrics(
        n=len(labels),
        positives=int(labels.sum()),
        roc_auc=float(roc_auc_score(labels, ranks)),
        roc_auc_interval=bootstrap_auc(labels, ranks, resamples, seed),
        pr_auc=float(average_precision_score(labels, ranks)),
        capacity=at_capacity(labels, ranks, visits_at(capacity_share, len(labels))),
        brier=float(brier_score_loss(labels, ranks)) if is_probability else None,
        ece=calibration_error(labels, ranks) if is_probability else None,
    )


def bootstrap_auc(labels: Labels, ranks: Floats, resamples: int, seed: int) -> tuple[float, float]:
    """95 % percentile interval of the ROC-AUC, resampling positives and negatives apart.

    Uses the rank-sum form on one sorting, so that a resample costs one weighted pass.
    """
    rng = np.random.default_rng(seed)
    order = np.argsort(ranks, kind="stable")
    sorted_ranks, sorted_labels = ranks[order], labels[order]
    starts = np.flatnonzero(np.r_[True, sorted_ranks[1:] != sorted_ranks[:-1]])
    positive = np.flatnonzero(sorted_labels == 1)
    negative = np.flatnonzero(sorted_labels == 0)
    found = np.empty(resamples)
    for at in range(resamples):
        weights = np.zeros(len(labels))
        np.add.at(weights, rng.choice(positive, len(positive)), 1.0)
        np.add.at(weights, rng.choice(negative, len(negative)), 1.0)
        plus = np.add.reduceat(weights * sorted_labels, starts)
        minus = np.add.reduceat(weights * (1 - sorted_labels), starts)
        below = np.cumsum(minus) - minus
        found[at] = (plus * (below + minus / 2)).sum() / (plus.sum() * minus.sum())
    low, high = np.quantile(found, [0.025, 0.975])
    return float(low), float(high)


def calibration_error(labels: Labels, probabilities: Floats, bins: int = 10) -> float:
    """Expected calibration error over `bins` bins of equally many households.

    Bins of equal width would put nearly everyone in the first at a base rate under 1 %.
    """
    order = np.argsort(probabilities, kind="stable")
    gaps = [
        abs(float(labels[part].mean() - probabilities[part].mean())) * len(part)
        for part in np.array_split(order, bins)
        if len(part)
    ]
    return sum(gaps) / len(labels)


def reliability(labels: Labels, probabilities: Floats, bins: int = 10) -> list[dict[str, float]]:
    """Mean probability, observed share and size of each bin of equally many households."""
    order = np.argsort(probabilities, kind="stable")
    return [
        {
            "households": float(len(part)),
            "predicted": float(probabilities[part].mean()),
            "observed": float(labels[part].mean()),
        }
        for part in np.array_split(order, bins)
        if len(part)
    ]
