"""The training matrix: vectors of the cohort on several dates, with their labels."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from features import FEATURES, Signals, build_vectors
from features.neighbourhood import FEED, with_neighbourhood
from training.cohort import in_cohort
from training.errors import DataError
from training.labels import label

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Matrix:
    """Vectors (n × features) with labels (n) and the household each row belongs to.

    `vectors` is indexed by (household_id, as_of_date). Rows of one household on several dates belong
    together: folds must not part them.
    """

    vectors: pd.DataFrame
    labels: npt.NDArray[np.int64]

    @property
    def households(self) -> npt.NDArray[np.object_]:
        """The household of each row."""
        return self.vectors.index.get_level_values("household_id").to_numpy(dtype=object)

    @property
    def positives(self) -> int:
        """How many rows have the outcome."""
        return int(self.labels.sum())


def build_matrix(
    signals: Signals,
    outcomes: pd.DataFrame,
    as_of_dates: Sequence[dt.date],
    *,
    features: Sequence[str],
    horizon_months: int,
    outcomes_until: dt.date,
    region: str,
    progress: Progress | None = None,
) -> Matrix:
    """Vectors and labels of the cohort on each date; raises `DataError` without both outcomes."""
    chosen = [FEATURES[name] for name in features]
    if any(FEED in one.feeds for one in chosen):
        signals = with_neighbourhood(signals, as_of_dates, region)
    vectors = build_vectors(signals, as_of_dates, features=chosen, region=region, progress=progress)
    kept, labels = [], []
    for as_of in as_of_dates:
        today = vectors.xs(pd.Timestamp(as_of), level="as_of_date", drop_level=False)
        households = today.index.get_level_values("household_id")
        inside = in_cohort(households, outcomes, as_of).to_numpy()
        kept.append(today[inside])
        labels.append(label(households[inside], outcomes, as_of, horizon_months, outcomes_until).to_numpy())
    matrix = Matrix(pd.concat(kept), np.concatenate(labels))
    if matrix.positives == 0 or matrix.positives == len(matrix.labels):
        raise DataError(
            f"{len(matrix.labels)} rows as of {', '.join(map(str, as_of_dates))} hold {matrix.positives} "
            "identifications: both outcomes are needed to learn or to measure"
        )
    return matrix
