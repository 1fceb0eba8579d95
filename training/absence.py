"""Fitting absence: with any feed silent, the mean score of the training households stays what it was.

A row that loses a feed should have the mean of the scores of the rows it could be, so the mean over all
households must not move. Feed dropout alone does not bring this about: at a base rate of half a per cent some
hundred rows without one of twenty feeds hold too few identifications to tell the trees the level. Here no
label is needed: scores with and without the feed are compared on the same rows. They are those of the
released model, since each model sends missing values its own way (with the models of folds in its place,
feeds of little weight moved the mean by up to a seventh), and of the last training date, since the feeds that
say most also say how risk has changed since the dates before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from scoring.absence import Absence
from scoring.calibration import Calibration, probability
from training.feed_dropout import Places, columns_of

Floats = npt.NDArray[np.float64]
Margins = Callable[[Floats], Floats]

USUAL = 0.01
"""A feature tells of its feed when hardly more rows lack it than lack the feed's fullest one."""

SELDOM = 0.1
"""A feed that is missing from more of the rows has been learned from them: nothing is added."""

MOST = 20.0
"""Log-odds beyond which no feed can move a score."""


def fit_absence(
    rows: Floats,
    margins: Margins,
    calibration: Calibration,
    names: Sequence[str],
    feeds: Mapping[str, Sequence[str]],
) -> Absence | None:
    """What missing values add to the margins, from training rows (n, features) whose columns are `names`.

    `margins` gives the margins (n,) of such rows, whatever of them is missing. `feeds` are the
    features of each feed that can fall silent; the weight of a feed is shared by the features that tell of
    its silence (`telling`). None without feeds.
    """
    if not feeds:
        return None
    wanted = float(calibration.probability(margins(rows)).sum())
    missing = np.isnan(rows).mean(axis=0)
    weights = np.zeros(rows.shape[1])
    for feed, features in feeds.items():
        told = telling(feed, feeds, names, missing)
        if len(told):
            without = rows.copy()
            without[:, columns_of(features, names)] = np.nan
            shift = _shift(calibration.log_odds(margins(without)), wanted)
            weights[told] += shift / calibration.slope / len(told)
    return Absence(tuple(weights.tolist()))


def telling(feed: str, feeds: Mapping[str, Sequence[str]], names: Sequence[str], missing: Floats) -> Places:
    """The places of the features of a feed that tell of its silence; none where it is often missing anyway.

    They are of no other feed, where there are such, and hardly ever missing while the feed is heard: what has
    no value for many households (a ratio to nothing) tells of the household, not of the feed. `missing`
    (features,) is the share of rows without a value, `names` what the columns are.
    """
    others = {one for other, found in feeds.items() if other != feed for one in found}
    own = [one for one in feeds[feed] if one not in others]
    places = columns_of(own or feeds[feed], names)
    fullest = missing[places].min()
    return places[missing[places] <= fullest + USUAL] if fullest <= SELDOM else places[:0]


def _shift(log_odds: Floats, wanted: float) -> float:
    """What added to log-odds (n,) makes the sum of the probabilities `wanted`."""

    def excess(shift: float) -> float:
        return float(probability(log_odds + shift).sum()) - wanted

    return float(brentq(excess, -MOST, MOST, xtol=1e-10))
