"""Draw: some households of a training matrix with all their rows, at the same share of outcomes.

The number of trees, the line's share and the siblings need not look at a million rows. Households are drawn
whole, so that folds still never part one, and alike from those with no, one, two … rows with the outcome, so
that what learns from them has the level of all rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Labels = npt.NDArray[np.int64]
Places = npt.NDArray[np.int64]


def number_groups(groups: npt.NDArray[Any]) -> Places:
    """A whole number for the group of each row (n,), from 0 on in the order of their first rows."""
    return np.asarray(pd.factorize(groups)[0], dtype=np.int64)


def draw_rows(labels: Labels, numbers: Places, most_rows: int, seed: int) -> Places:
    """The places, ascending, of about `most_rows` rows of groups drawn whole; all where there are no more.

    `numbers` (n,) are those of `number_groups`. The same labels, groups and seed draw the same rows.
    """
    if len(labels) <= most_rows:
        return np.arange(len(labels))
    share = most_rows / len(labels)
    rng = np.random.default_rng(seed)
    outcomes = np.bincount(numbers, weights=labels).astype(np.int64)
    is_drawn = np.zeros(len(outcomes), dtype=np.bool_)
    for count in np.unique(outcomes):
        alike = rng.permutation(np.flatnonzero(outcomes == count))
        is_drawn[alike[: round(share * len(alike))]] = True
    return np.flatnonzero(is_drawn[numbers])


def deal_rows(numbers: Places, parts: int, seed: int) -> Places:
    """A part, 0 to `parts` − 1, for each row (n,): the rows of a group together, parts of about one size."""
    rng = np.random.default_rng([seed, 1])
    return np.asarray(rng.integers(0, parts, int(numbers.max()) + 1)[numbers])
