"""Silent feeds: what a model's scores are worth on a test date when one feed has fallen silent.

Every feature computed from the feed is made missing for all households of the date, which is what vectors
hold where a feed is not covered; scores are made as in service and measured against the same outcomes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import roc_auc_score

from scoring.model import RiskModel
from training.feed_dropout import features_by_feed
from training.metrics import at_capacity, calibration_error

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Silence:
    """The scores of n households without one feed; `feed` is None where none is silent.

    `predicted` and `observed` are the mean score and the share of positives, `moved` how far silence moves
    the mean score: its factor.
    """

    feed: str | None
    features: int
    roc_auc: float
    precision: float
    ece: float
    predicted: float
    observed: float
    moved: float


def measure_silence(
    model: RiskModel, vectors: pd.DataFrame, labels: Labels, visits: int
) -> tuple[Silence, ...]:
    """First with every feed, then with each in turn silent; `vectors` has the model's features.

    Precision is that of the `visits` highest scores, in the mean order of ties.
    """
    names = model.feature_names
    plain = vectors[list(names)]
    whole = model.score(plain)
    found = [_silence(None, 0, whole, whole, labels, visits)]
    for feed, features in features_by_feed(names).items():
        scores = model.score(plain.assign(**dict.fromkeys(features, np.nan)))
        found.append(_silence(feed, len(features), scores, whole, labels, visits))
    return tuple(found)


def _silence(
    feed: str | None, features: int, scores: Floats, whole: Floats, labels: Labels, visits: int
) -> Silence:
    at = at_capacity(labels, scores, visits)
    return Silence(
        feed=feed,
        features=features,
        roc_auc=float(roc_auc_score(labels, scores)),
        precision=at.precision.mean,
        ece=calibration_error(labels, scores),
        predicted=float(scores.mean()),
        observed=float(labels.mean()),
        moved=float(scores.mean() / whole.mean()),
    )
