"""Helped before the outcome: whom a measure reached first, and what that does to an evaluation.

A household that was given a measure after the as-of date, and was therefore not identified, is no clean
negative: without the help it might have been identified. So what is measured is told three times:

plain: labels as they are. Censored: helped households that were not identified are left out; too good where
help goes to those at risk. Weighted: a household counts until its first measure; those that went without to
the end stand for those that were helped (inverse probability of censoring weights, Robins & Finkelstein
2000), within strata of the score. That is right if, among households of like scores, help does not depend on
what would have come. Nobody can see that in the data: the three together show how much hangs on it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from features import Signals
from training.errors import DataError

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Days = npt.NDArray[np.int64]

RENEWAL_DAYS = 31
"""Assistance of the same kind that ended at most so long before is a renewal, not a new measure."""

STRATA = (0.8, 0.95, 0.99)
"""Quantiles of the score between the strata within which help is taken to be by chance."""

HELPED_FILE = "helped.parquet"
HELPED_COLUMNS = ("household_id", "helped_on")

NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Follow:
    """What followed for n households: days after the as-of date, `NEVER` where it did not within the horizon.

    `identified` and `helped` (n,): the identification, and the first new measure.
    """

    identified: Days
    helped: Days
    horizon_days: int

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """1 for households identified within the horizon."""
        return np.asarray(self.identified != NEVER).astype(np.int64)

    @property
    def is_helped_before_outcome(self) -> Bools:
        """Helped within the horizon and not identified in it: no clean negatives."""
        return np.asarray((self.helped != NEVER) & (self.identified == NEVER))

    @property
    def is_censored(self) -> Bools:
        """Helped before any identification, whether one came later or not."""
        return np.asarray(self.helped < self.identified)


def new_measures(signals: Signals) -> pd.DataFrame:
    """household_id and helped_on of every measure of the feed `assistance` that is no renewal."""
    table = signals.tables["assistance"].select(["household_id", "kind", "occurred_on", "ended_on"])
    frame = table.to_pandas()
    frame = frame.assign(
        occurred_on=pd.to_datetime(frame["occurred_on"]), ended_on=pd.to_datetime(frame["ended_on"])
    ).sort_values(["household_id", "kind", "occurred_on"], kind="stable")
    groups = frame.groupby(["household_id", "kind"], sort=False, observed=True)
    # A measure that goes on has no end: whatever follows it is a renewal.
    ends = frame["ended_on"].fillna(pd.Timestamp.max.normalize())
    latest = ends.groupby([frame["household_id"], frame["kind"]], sort=False, observed=True).cummax()
    before = latest.groupby([frame["household_id"], frame["kind"]], sort=False, observed=True).shift()
    is_first = groups.cumcount() == 0
    is_new = is_first | (frame["occurred_on"] > before + pd.Timedelta(days=RENEWAL_DAYS))
    new = frame[is_new]
    return pd.DataFrame({
        "household_id": new["household_id"].to_numpy(dtype=object),
        "helped_on": new["occurred_on"].to_numpy(),
    })


def load_helped(data: Path) -> pd.DataFrame | None:
    """household_id and helped_on of the measures that casework recorded (``helped.parquet``), or None.

    Raises `DataError` for a table that cannot be used.
    """
    path = data / HELPED_FILE
    if not path.is_file():
        return None
    try:
        table = pd.read_parquet(path)
    except pa.ArrowException:
        raise DataError(f"{path} is not a Parquet table") from None
    missing = [name for name in HELPED_COLUMNS if name not in table.columns]
    if missing:
        raise DataError(f"{path} lacks {', '.join(missing)}: see training/helped.py")
    if not pd.api.types.is_datetime64_any_dtype(table["helped_on"]) or table["helped_on"].isna().any():
        raise DataError(f"{path}: helped_on is a date in every row")
    return table[list(HELPED_COLUMNS)]


def follow(
    household_ids: pd.Index, outcomes: pd.DataFrame, measures: pd.DataFrame, as_of: dt.date, end: dt.date
) -> Follow:
    """What followed in (as_of, end] for the households of a cohort."""

    def days(first: pd.Series) -> Days:
        since = (first.reindex(household_ids) - pd.Timestamp(as_of)).dt.days
        return np.where(since.isna(), NEVER, since.fillna(0).astype("int64"))

    def inside(on: pd.Series) -> pd.Series:
        return (on > pd.Timestamp(as_of)) & (on <= pd.Timestamp(end))

    identified = outcomes[inside(outcomes["identified_on"])].set_index("household_id")["identified_on"]
    helped = measures[inside(measures["helped_on"])].groupby("household_id")["helped_on"].min()
    return Follow(days(identified), days(helped), (end - as_of).days)


def uncensored_weights(one: Follow, scores: Floats) -> Floats:
    """The weight of each household (n,): 0 where censored, else one over its chance to go without help.

    The chance is Kaplan and Meier's, within strata of the score.
    """
    edges = np.unique(np.quantile(scores, STRATA))
    strata = np.searchsorted(edges, scores, side="right")
    weights = np.zeros(len(scores))
    for stratum in np.unique(strata):
        here = np.flatnonzero(strata == stratum)
        weights[here] = _weights(
            np.minimum(one.identified[here], one.horizon_days + 1),
            np.where(one.is_censored[here], one.helped[here], NEVER),
        )
    return weights


def _weights(until: Days, helped: Days) -> Floats:
    """`until` is the day of identification or the one after the horizon; `helped`, `NEVER` if not before."""
    left = np.minimum(until, helped)
    times, counts = np.unique(helped[helped != NEVER], return_counts=True)
    ordered = np.sort(left)
    at_risk = len(left) - np.searchsorted(ordered, times, side="left")
    free = np.cumprod(1.0 - counts / at_risk)
    # Help on the day of the identification or later takes nothing away.
    before = np.searchsorted(times, until, side="left")
    chance = np.concatenate([[1.0], free])[before]
    return np.where(helped != NEVER, 0.0, 1.0 / np.maximum(chance, 1e-9))
