"""Visits: who was visited, why, and what was found at the door; and through which channel people were found.

Every month a small random sample of the households not yet identified is visited, as a re-check (回头看)
does, and those on the departments' list, the ones with the largest bills. A visit sees difficulty where there
is some; now and then nobody is at home. So that the county stays what it is without any visits, nothing
follows from a finding here: who is identified, and when, is `discovery`'s alone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

Flags = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

RANDOM_SHARE = 0.004
"""Share of the households not yet identified that is visited at random each month: 1 in 20 a year."""

LISTED_SHARE = 0.003
"""Share that is visited each month because its bills of the month are the largest."""

NOT_MET_SHARE = 0.06
"""Visits that find nobody at home, in difficulty or not. All shares of this module are assumptions."""

RECORDED_ONSET_SHARE = 0.8
"""Identifications whose account says since when the household has been in difficulty."""

SELF_DECLARED_SHARE = 0.45
"""Identifications by the household's own declaration, of those that no listed visit led to."""

SCREENING_DAYS = 60
"""A listed visit that found difficulty so long before an identification is what led to it."""

VISIT_COLUMNS = ("household_id", "visited_on", "is_random", "chance", "finding")


def draw_visits(
    keys: npt.NDArray[np.object_],
    months: Sequence[dt.date],
    truth: pd.DataFrame,
    outcomes: pd.DataFrame,
    bills: pd.DataFrame,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """The visits of these months (their last days) to the households `keys`.

    `truth` has household_id, since and until, `bills` household_id, occurred_on and self_paid_yuan. Returns
    household_id, visited_on, is_random, chance (of being drawn, for random visits) and finding
    (``difficulty``, ``no_difficulty`` or ``not_met``).
    """
    place = pd.Series(np.arange(len(keys)), index=keys)
    identified = np.full(len(keys), np.datetime64("NaT", "D"))
    identified[place[outcomes["household_id"]]] = outcomes["identified_on"].to_numpy("datetime64[D]")
    of_truth = place[truth["household_id"]].to_numpy()
    since, until = (truth[name].to_numpy("datetime64[D]") for name in ("since", "until"))
    billed = place.reindex(bills["household_id"]).to_numpy()
    day_of_bill, paid = bills["occurred_on"].to_numpy("datetime64[D]"), bills["self_paid_yuan"].to_numpy()
    parts = []
    for end in months:
        last, first = np.datetime64(end, "D"), np.datetime64(end.replace(day=1), "D")
        waiting = np.flatnonzero(~(identified <= last))
        is_current = (since <= last) & ~(until <= last)
        in_difficulty = np.zeros(len(keys), dtype=np.bool_)
        in_difficulty[of_truth[is_current]] = True
        drawn = max(1, round(RANDOM_SHARE * len(waiting)))
        at_random = np.sort(rng.choice(waiting, drawn, replace=False))
        here = (day_of_bill >= first) & (day_of_bill <= last) & ~np.isnan(billed)
        sums = np.bincount(billed[here].astype(np.int64), np.nan_to_num(paid[here]), len(keys))
        most = waiting[np.argsort(-sums[waiting], kind="stable")][: round(LISTED_SHARE * len(waiting))]
        for chosen, chance in ((at_random, drawn / len(waiting)), (most[sums[most] > 0], np.nan)):
            found = np.where(in_difficulty[chosen], "difficulty", "no_difficulty").astype(object)
            found[rng.random(len(chosen)) < NOT_MET_SHARE] = "not_met"
            # In the month's last week: whoever was identified in the month is not visited any more.
            days = [end - dt.timedelta(days=int(back)) for back in rng.integers(0, 7, len(chosen))]
            parts.append(
                pd.DataFrame({
                    "household_id": keys[chosen],
                    "visited_on": pd.to_datetime(pd.Series(days, dtype="object")),
                    "is_random": not np.isnan(chance),
                    "chance": chance,
                    "finding": found,
                })
            )
    visits = pd.concat(parts, ignore_index=True)
    return visits.sort_values(["visited_on", "household_id", "is_random"], ignore_index=True)


def with_channels(
    outcomes: pd.DataFrame, truth: pd.DataFrame, visits: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    """The outcomes with `found_by` (declaration, sweep, screening) and `began_on`, where it was recorded."""
    listed = visits[~visits["is_random"] & (visits["finding"] == "difficulty")]
    last = outcomes[["household_id", "identified_on"]].merge(listed, how="left", on="household_id")
    days = (last["identified_on"] - last["visited_on"]).dt.days
    led = set(last.loc[(days >= 0) & (days <= SCREENING_DAYS), "household_id"])
    told = np.where(rng.random(len(outcomes)) < SELF_DECLARED_SHARE, "declaration", "sweep")
    found_by = np.where(outcomes["household_id"].isin(led), "screening", told)
    onset = truth.dropna(subset="identified_on").set_index("household_id")["since"]
    began = onset.reindex(outcomes["household_id"]).to_numpy("datetime64[s]", copy=True)
    began[rng.random(len(outcomes)) >= RECORDED_ONSET_SHARE] = np.datetime64("NaT")
    return outcomes.assign(found_by=found_by.astype(object), began_on=began)
