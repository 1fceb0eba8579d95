"""Feed dropout: training rows without a feed, so that scores stay probabilities when a feed is silent.

A feed that never was silent in training leaves the trees no way to tell "no data" from the default branch
they happened to grow. So a share of the rows loses one feed, drawn for each row alike from all that can fall
silent: every feature computed from it is missing there, as the vectors have it. Rows are neither added nor
weighted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from features import CONTRACTS, FEATURES

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]

NEVER_SILENT = ("household",)
"""Feeds without which nobody is scored: a household that is not registered has no vector."""


def features_by_feed(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The features computed from each feed that can fall silent, in the order of the contracts."""
    found: dict[str, list[str]] = {}
    for name in names:
        for feed in FEATURES[name].feeds:
            found.setdefault(feed, []).append(name)
    return {one: tuple(found[one]) for one in CONTRACTS if one in found and one not in NEVER_SILENT}


def columns_of(features: Sequence[str], names: Sequence[str]) -> Places:
    """The places of some features among the columns `names`."""
    at = {name: place for place, name in enumerate(names)}
    return np.array([at[one] for one in features], dtype=np.int64)


def drop_feeds(
    matrix: Floats, names: Sequence[str], feeds: Mapping[str, Sequence[str]], rate: float, seed: int
) -> Floats:
    """A copy of `matrix` (n, features) in which a share `rate` of the rows lacks one feed each.

    `names` are its columns, `feeds` the features of each feed. The same seed and number of rows drop the
    same.
    """
    dropped = matrix.copy()
    if not feeds or rate <= 0:
        return dropped
    rng = np.random.default_rng(seed)
    is_hit = rng.random(len(matrix)) < rate
    which = rng.integers(0, len(feeds), len(matrix))
    for number, features in enumerate(feeds.values()):
        rows = np.flatnonzero(is_hit & (which == number))
        dropped[np.ix_(rows, columns_of(features, names))] = np.nan
    return dropped
