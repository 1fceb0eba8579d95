"""Missed: what visits to households drawn by lot say of those in difficulty whom nobody had identified.

A table of visits has household_id; visited_on; is_random (drawn by lot, not because of a list); finding;
and, where it is known, chance: the probability with which the household was drawn on that occasion. Without
it, the random visits of a calendar month are taken to have been drawn with one chance from everybody.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.dates import horizon_end
from scoring.estimate import Estimate

Floats = npt.NDArray[np.float64]

DIFFICULTY, NOT_MET = "difficulty", "not_met"
FINDINGS = (DIFFICULTY, "no_difficulty", NOT_MET)
"""What a visit finds."""


@dataclass(frozen=True)
class Missed:
    """Households in difficulty that nobody had identified, on an average day of the random visits' months.

    `undetected` were not identified on the day, `missed` not within `grace_months` after it either: counts
    of households with 95 % intervals, among `population`. `visits` are those whose grace had run out, `met`
    those that found somebody, `found` those that found difficulty.
    """

    first_on: dt.date
    last_on: dt.date
    grace_months: int
    visits: int
    met: int
    found: int
    population: float
    undetected: Estimate
    missed: Estimate

    @property
    def cells(self) -> tuple[int, int, int]:
        """Every count that it tells, directly or by what is left over."""
        return self.found, self.met - self.found, self.visits - self.met


def random_visits(visits: pd.DataFrame, after: dt.date, until: dt.date, households: int) -> pd.DataFrame:
    """The random visits in (after, until], each with its `weight`: one over its chance.

    `households` is how many could be drawn where no chance is recorded.
    """
    days = visits["visited_on"]
    kept = visits["is_random"] & (days > pd.Timestamp(after)) & (days <= pd.Timestamp(until))
    drawn = visits[kept]
    in_month = drawn.groupby(drawn["visited_on"].dt.to_period("M"))["household_id"].transform("size")
    chance = np.minimum(1.0, in_month.to_numpy(dtype=np.float64) / households)
    if "chance" in drawn.columns:
        told = drawn["chance"].to_numpy(dtype=np.float64)
        chance = np.where(np.isnan(told), chance, told)
    return drawn.assign(weight=1.0 / chance)


def estimate_missed(
    visits: pd.DataFrame,
    outcomes: pd.DataFrame,
    after: dt.date,
    until: dt.date,
    *,
    outcomes_until: dt.date,
    grace_months: int,
    households: int,
) -> Missed | None:
    """Estimate from the random visits in (after, until]; None without any whose grace has run out.

    Horvitz-Thompson (1952) over households and months: a visit stands for one over its chance; visits that
    met nobody are made up for by those that did, as if absence told nothing of difficulty. The interval is
    Wilson's (1927) for the share, with the effective number of visits (Kish 1965), times the population.
    A finding that overlooks difficulty makes both numbers too low.
    """
    drawn = random_visits(visits, after, until, households)
    ripe = [horizon_end(one.date(), grace_months) <= outcomes_until for one in drawn["visited_on"]]
    drawn = drawn[np.array(ripe, dtype=np.bool_)]
    met = drawn[drawn["finding"] != NOT_MET]
    if not len(met):
        return None
    months = drawn["visited_on"].dt.to_period("M").nunique()
    by_household = outcomes.set_index("household_id")["identified_on"]
    identified = by_household.reindex(met["household_id"]).to_numpy()
    given = pd.to_datetime([horizon_end(one.date(), grace_months) for one in met["visited_on"]])
    in_difficulty = (met["finding"] == DIFFICULTY).to_numpy()
    on_the_day = in_difficulty & ~(identified <= met["visited_on"].to_numpy())
    after_grace = in_difficulty & ~(identified <= given.to_numpy())
    weights = met["weight"].to_numpy(dtype=np.float64)
    population = float(drawn["weight"].sum()) / months
    return Missed(
        first_on=drawn["visited_on"].min().date(),
        last_on=drawn["visited_on"].max().date(),
        grace_months=grace_months,
        visits=len(drawn),
        met=len(met),
        found=int(in_difficulty.sum()),
        population=population,
        undetected=_times(wilson(weights, on_the_day), population),
        missed=_times(wilson(weights, after_grace), population),
    )


def wilson(weights: Floats, marks: npt.NDArray[np.bool_]) -> Estimate:
    """The weighted share of the marks with Wilson's 95 % interval for the effective number of rows."""
    total = float(weights.sum())
    share = float(weights[marks].sum()) / total
    return Estimate.wilson(share, total**2 / float((weights**2).sum()))


def _times(one: Estimate, factor: float) -> Estimate:
    return Estimate(one.value * factor, one.low * factor, one.high * factor)
