"""Fitting absence: with any feed silent, the mean score of the training households stays what it was.

A row that loses a feed should have the mean of the scores of the rows it could be, so the mean over all
households must not move. Feed dropout alone does not bring this about: at a base rate of half a per cent some
hundred rows without one of twenty feeds hold too few identifications to tell the trees the level. Here no
label is needed, since scores with and without the feed are compared on the same rows of the same model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import brentq

from features import FEATURES
from scoring.absence import Absence
from scoring.calibration import probability
from scoring.model import RiskModel
from training.feed_dropout import Places, columns_of

Floats = npt.NDArray[np.float64]

MOST_ROWS = 40_000
"""Rows on which scores are compared, drawn from the training rows: the two means share their chance."""

USUAL = 0.01
"""A feature tells of its feed when hardly more rows lack it than lack the feed's fullest one."""

MOST = 20.0
"""Log-odds beyond which no feed can move a score."""


def fit_absence(
    model: RiskModel, vectors: pd.DataFrame, feeds: Mapping[str, Sequence[str]], seed: int
) -> Absence | None:
    """What missing values add to the margins of `model`, from the training rows.

    `feeds` are the features of each feed that can fall silent. The weight of a feed is shared by the features
    that tell of its silence (`telling`). None without feeds.
    """
    if not feeds:
        return None
    drawn = np.arange(len(vectors))
    if len(vectors) > MOST_ROWS:
        rng = np.random.default_rng([seed, 4])
        drawn = np.sort(rng.choice(len(vectors), MOST_ROWS, replace=False))
    rows = model.matrix(vectors.iloc[drawn])
    missing = np.isnan(rows).mean(axis=0)
    calibration = model.calibration
    wanted = float(calibration.probability(model.margins(rows)).sum())
    weights = np.zeros(rows.shape[1])
    for feed, features in feeds.items():
        without = rows.copy()
        without[:, columns_of(features, model.feature_names)] = np.nan
        margins = model.margins(without)
        told = telling(feed, features, model.feature_names, missing)
        weights[told] += _shift(calibration.log_odds(margins), wanted) / calibration.slope / len(told)
    return Absence(tuple(weights.tolist()))


def telling(feed: str, features: Sequence[str], names: Sequence[str], missing: Floats) -> Places:
    """The places of the features of a feed that tell of its silence.

    They read no other feed, where there are such, and are hardly ever missing while the feed is heard: what
    has no value for many households (a ratio to nothing) tells of the household, not of the feed. `missing`
    (features,) is the share of rows without a value, `names` what the columns are.
    """
    own = [one for one in features if set(FEATURES[one].feeds) == {feed}]
    places = columns_of(own or features, names)
    return np.asarray(places[missing[places] <= missing[places].min() + USUAL])


def _shift(log_odds: Floats, wanted: float) -> float:
    """What added to log-odds (n,) makes the sum of the probabilities `wanted`."""

    def excess(shift: float) -> float:
        return float(probability(log_odds + shift).sum()) - wanted

    return float(brentq(excess, -MOST, MOST, xtol=1e-10))
