"""The training matrix: vectors of the cohort on several dates, with their labels."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from features import FEATURES, Signals, build_vectors
from features.engines.duckdb import registered_villages
from features.neighbourhood import FEED, with_neighbourhood
from training.cohort import in_cohort
from training.errors import DataError
from training.labels import label

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Matrix:
    """Vectors (n × features) with labels (n) and the household each row belongs to.

    `vectors` is indexed by (household_id, as_of_date). Rows of one household on several dates belong
    together: folds must not part them. `villages` (n) are the area codes where the households were
    registered on the date; None where they are not known.
    """

    vectors: pd.DataFrame
    labels: npt.NDArray[np.int64]
    villages: npt.NDArray[np.object_] | None = None

    @property
    def households(self) -> npt.NDArray[np.object_]:
        """The household of each row."""
        return self.vectors.index.get_level_values("household_id").to_numpy(dtype=object)

    @property
    def positives(self) -> int:
        """How many rows have the outcome."""
        return int(self.labels.sum())

    def on(self, as_of_dates: Collection[dt.date]) -> Matrix:
        """The rows of these dates; the matrix itself where that is all of them, without a copy."""
        dates = self.vectors.index.get_level_values("as_of_date")
        kept = np.asarray(dates.isin(pd.DatetimeIndex(list(as_of_dates))))
        if kept.all():
            return self
        villages = None if self.villages is None else self.villages[kept]
        return Matrix(self.vectors[kept], self.labels[kept], villages)


def build_matrix(
    signals: Signals,
    outcomes: pd.DataFrame,
    as_of_dates: Sequence[dt.date],
    *,
    features: Sequence[str],
    horizon_months: int,
    outcomes_until: dt.date,
    region: str,
    areas: Sequence[str] = (),
    progress: Progress | None = None,
) -> Matrix:
    """Vectors and labels of the cohort on each date, in `areas` where some are named.

    Raises `DataError` without both outcomes.
    """
    chosen = [FEATURES[name] for name in features]
    if any(FEED in one.feeds for one in chosen):
        signals = with_neighbourhood(signals, as_of_dates, region)
    vectors = build_vectors(signals, as_of_dates, features=chosen, region=region, progress=progress)
    kept, labels, villages = [], [], []
    for as_of in as_of_dates:
        today = vectors.xs(pd.Timestamp(as_of), level="as_of_date", drop_level=False)
        households = today.index.get_level_values("household_id")
        homes = registered_villages(signals.tables["household"], as_of).reindex(households)
        inside = in_cohort(households, outcomes, as_of).to_numpy()
        if areas:
            inside &= homes.str.startswith(tuple(areas)).to_numpy(dtype=bool)
        kept.append(today[inside])
        villages.append(homes.to_numpy(dtype=object)[inside])
        labels.append(label(households[inside], outcomes, as_of, horizon_months, outcomes_until).to_numpy())
    return checked(Matrix(pd.concat(kept), np.concatenate(labels), np.concatenate(villages)))


def join(matrices: Sequence[Matrix]) -> Matrix:
    """Matrices of several dates as one."""
    villages = [one.villages for one in matrices if one.villages is not None]
    return Matrix(
        pd.concat([one.vectors for one in matrices]),
        np.concatenate([one.labels for one in matrices]),
        np.concatenate(villages) if len(villages) == len(matrices) else None,
    )


def checked(matrix: Matrix) -> Matrix:
    """The matrix; raises `DataError` without both outcomes."""
    if matrix.positives == 0 or matrix.positives == len(matrix.labels):
        dates = sorted({f"{one:%Y-%m-%d}" for one in matrix.vectors.index.unique("as_of_date")})
        raise DataError(
            f"{len(matrix.labels)} rows as of {', '.join(dates)} hold {matrix.positives} "
            "identifications: both outcomes are needed to learn or to measure"
        )
    return matrix
