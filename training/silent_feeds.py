"""Silent feeds: what a model's scores are worth on a test date when one feed has fallen silent.

Every feature computed from the feed is made missing for all households of the date, which is what vectors
hold where a feed is not covered; scores are made as in service and measured against the same outcomes, on
the same resamples of the households.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat

import numpy as np
import numpy.typing as npt

from scoring.capacity import Capacity, Quota
from scoring.estimate import Estimate
from scoring.model import RiskModel
from training.evaluation.measured import precision
from training.evaluation.resampling import (
    ECE,
    ROC_AUC,
    VISITS,
    draw_weights,
    measure_once,
    measure_weighted,
    sort_ranking,
)
from training.experiment import BootstrapSettings
from training.feed_dropout import columns_of, features_by_feed
from training.matrix import Matrix

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

NEAR = (0.8, 1.25)
"""Between these mean score ÷ observed share is near enough, whatever the interval: a fifth either way."""


@dataclass(frozen=True)
class Silence:
    """The scores of n households without one feed; `feed` is None where none is silent.

    `predicted` is the mean score, `observed` the share of positives, `ratio` the one divided by the other;
    `moved` is how far silence moves the mean score: its factor. `is_level` says that the interval of the
    ratio holds 1, or the ratio is near it.
    """

    feed: str | None
    features: int
    n: int
    positives: int
    visits: int
    roc_auc: Estimate
    precision: Estimate
    ece: Estimate
    predicted: Estimate
    observed: Estimate
    ratio: Estimate
    moved: Estimate
    is_level: bool


def measure_silence(
    model: RiskModel, test: Matrix, visits: int, bootstrap: BootstrapSettings, threads: int = 1
) -> tuple[Silence, ...]:
    """First with every feed, then with each in turn silent; the rows of `test` have the model's features.

    Precision is that of the `visits` highest scores, in the mean order of ties.
    """
    matrix, labels = model.matrix(test.vectors), test.labels
    silent: dict[str | None, tuple[str, ...]] = {None: ()}
    silent.update(features_by_feed(model.feature_names).items())
    scores = [_scores(model, matrix, features) for features in silent.values()]
    areas = Capacity(Quota(visits=visits)).divide(None, len(labels))
    rankings = [sort_ranking(labels, one, areas, is_probability=True) for one in scores]
    once = np.array([measure_once(one) for one in rankings])
    stacked = np.column_stack(scores)
    passes, means, shares = [], [], []
    with ThreadPoolExecutor(max(1, threads)) as pool:
        for part in draw_weights(bootstrap.seed, bootstrap.resamples, len(labels)):
            weights = part.astype(np.float64)
            total = np.maximum(weights.sum(axis=1), 1.0)
            passes.append(np.stack(list(pool.map(measure_weighted, rankings, repeat(part)))))
            means.append(np.einsum("bn,nf->fb", weights, stacked) / total)
            shares.append(weights @ labels / total)
    drawn, predicted = np.concatenate(passes, axis=1), np.concatenate(means, axis=1)
    observed = np.concatenate(shares)
    return tuple(
        _silence(
            feed, len(features), labels, Passes(once[at], drawn[at], float(scores[at].mean()), predicted[at]),
            (float(scores[0].mean()), predicted[0]), observed,
        )
        for at, (feed, features) in enumerate(silent.items())
    )  # fmt: skip


@dataclass(frozen=True)
class Passes:
    """One ranking's numbers once (7,) and resampled (b, 7), and its mean score once and resampled (b,)."""

    once: Floats
    drawn: Floats
    mean: float
    means: Floats


def _silence(
    feed: str | None, features: int, labels: Labels, one: Passes, whole: tuple[float, Floats], shares: Floats
) -> Silence:
    observed = float(labels.mean())
    ratio = _quotient(one.mean, one.means, observed, shares)
    return Silence(
        feed=feed,
        features=features,
        n=len(labels),
        positives=int(labels.sum()),
        visits=round(float(one.once[VISITS])),
        roc_auc=Estimate.of(float(one.once[ROC_AUC]), one.drawn[:, ROC_AUC]),
        precision=Estimate.of(float(precision(one.once)), precision(one.drawn)),
        ece=Estimate.of(float(one.once[ECE]), one.drawn[:, ECE]),
        predicted=Estimate.of(one.mean, one.means),
        observed=Estimate.of(observed, shares),
        ratio=ratio,
        moved=_quotient(one.mean, one.means, *whole),
        is_level=ratio.low <= 1 <= ratio.high or NEAR[0] <= ratio.value <= NEAR[1],
    )


def _quotient(above: float, drawn_above: Floats, below: float, drawn_below: Floats) -> Estimate:
    with np.errstate(divide="ignore", invalid="ignore"):
        return Estimate.of(above / below, drawn_above / drawn_below)


def _scores(model: RiskModel, matrix: Floats, features: Sequence[str]) -> Floats:
    without = matrix
    if features:
        without = matrix.copy()
        without[:, columns_of(features, model.feature_names)] = np.nan
    return model.calibration.probability(model.margins(without))
