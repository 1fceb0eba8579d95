"""Rows: what every learner of a blend is fitted on, in the two forms that drift asks for.

Prices rise between waves, and assets become usual. So each number is held as it is and as its place in its
own wave (a normal score, van der Waerden 1952); learners see the one or the other, labels play no part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtri
from scipy.stats import rankdata

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Rows:
    """n rows: values (n × features, NaN missing), the same as places in the wave, and the naive rule's place.

    `codes` are the positions of columns whose numbers are names; `both` of columns that may be either.
    `naive` is a normal score within the wave, higher for more at risk, 0 where the rule knows nothing.
    `later` is the same of the household's next wave, among the rows of this one, NaN where it is not known;
    None where nothing is known of later waves. Only learned from.
    """

    values: Floats
    places: Floats
    naive: Floats
    codes: tuple[int, ...] = ()
    both: tuple[int, ...] = ()
    later: Floats | None = None

    def take(self, at: Places) -> Rows:
        """The rows at these positions."""
        later = None if self.later is None else self.later[at]
        return Rows(self.values[at], self.places[at], self.naive[at], self.codes, self.both, later)

    def __len__(self) -> int:
        return len(self.naive)


def build_rows(
    vectors: pd.DataFrame,
    naive: Floats,
    waves: npt.NDArray[Any],
    codes: Sequence[str] = (),
    both: Sequence[str] = (),
    later: Floats | None = None,
) -> Rows:
    """Rows of vectors (n × features); `naive` is higher for more at risk, `waves` names each row's wave.

    `later` is what `naive` is at the household's next wave.
    """
    values = vectors.to_numpy(dtype=np.float64)
    names = list(vectors.columns)
    named = {names.index(one) for one in codes if one in names}
    places = values.copy()
    score = np.zeros(len(values))
    ahead = None if later is None else np.full(len(values), np.nan)
    for wave in np.unique(waves):
        rows = np.flatnonzero(waves == wave)
        score[rows] = np.nan_to_num(normal_scores(np.asarray(naive, dtype=np.float64)[rows]))
        if ahead is not None and later is not None:
            ahead[rows] = normal_scores(np.asarray(later, dtype=np.float64)[rows])
        for at in range(values.shape[1]):
            if at not in named:
                places[rows, at] = _placed(values[rows, at])
    either = tuple(names.index(one) for one in both if one in names)
    return Rows(values, places, score, tuple(sorted(named)), either, ahead)


def normal_scores(values: Floats) -> Floats:
    """Φ⁻¹((rank − ½) / n) of the known values, ties sharing their mean rank; missing ones stay so."""
    known = ~np.isnan(values)
    scores = np.full(len(values), np.nan)
    if known.any():
        scores[known] = ndtri((rankdata(values[known]) - 0.5) / known.sum())
    return scores


def _placed(values: Floats) -> Floats:
    """A yes or no keeps its value: its place would only say how common it is."""
    known = np.unique(values[~np.isnan(values)])
    return values if len(known) <= 2 else normal_scores(values)
