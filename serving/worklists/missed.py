"""Whom the lists miss: estimated by county from the visits to households that were drawn by lot."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd
from sqlalchemy import Engine, func, select

from features.regions import AREA_LEVELS
from scoring.missed import Missed, estimate_missed
from serving.access import Scope
from serving.storage.area_counts import AreaCounts
from serving.storage.case_tables import case_file, visit
from serving.storage.ranges import inside
from serving.storage.tables import area_summary

GRACE_MONTHS = 3
"""An identification so long after the visit is none that was missed: a case takes its time."""

_COUNTY = next(length for length, level in AREA_LEVELS.items() if level == "county")


@dataclass(frozen=True)
class CountyMissed:
    """The estimate of one county.

    `missed` is `None` where no visit by lot has had its grace yet, or where it `is_kept_back`.
    """

    county: str
    missed: Missed | None
    is_kept_back: bool = False

    def as_json(self) -> dict[str, Any]:
        """As plain JSON."""
        told = asdict(self.missed) if self.missed is not None else None
        if told is not None:
            told |= {name: told[name].isoformat() for name in ("first_on", "last_on")}
        return {"county": self.county, "estimate": told, "is_kept_back": self.is_kept_back}


def audit_misses(
    engine: Engine, area: str, since: dt.date, until: dt.date, *, today: dt.date,
    grace_months: int = GRACE_MONTHS,
) -> list[CountyMissed]:  # fmt: skip
    """Estimate the missed households of each county of an area that had visits by lot from `since` to
    `until`.

    By `scoring.missed`: Horvitz and Thompson over the chances with which they were drawn, Wilson's interval.
    Of whom the lot was drawn, that is of everybody not listed then.
    """
    visits, identified = _visits(engine, area, since, until), _identified(engine, area)
    households = _households(engine, area)
    made = []
    for county, ours in visits.groupby("county"):
        found = estimate_missed(
            ours, identified, since - dt.timedelta(days=1), until, outcomes_until=today,
            grace_months=grace_months, households=households.get(str(county), len(ours)),
        )  # fmt: skip
        made.append(CountyMissed(str(county), found))
    return made


def _visits(engine: Engine, area: str, since: dt.date, until: dt.date) -> pd.DataFrame:
    village = visit.c.village_code
    query = select(
        visit.c.household_id, village, visit.c.visited_on, visit.c.finding, visit.c.chance
    ).where(
        visit.c.is_random == 1, visit.c.visited_on >= since, visit.c.visited_on <= until,
        Scope(area).condition(village), *inside(area, village),
    )  # fmt: skip
    with engine.connect() as connection:
        rows = connection.execute(query.order_by(visit.c.visited_on, visit.c.id)).all()
    # Two areas may know a household of one key each: together with the village it is one.
    return pd.DataFrame({
        "household_id": pd.Series([f"{one.village_code}/{one.household_id}" for one in rows], dtype="str"),
        "county": pd.Series([one.village_code[:_COUNTY] for one in rows], dtype="str"),
        "visited_on": pd.to_datetime(pd.Series([one.visited_on for one in rows], dtype="object")),
        "is_random": pd.Series([True] * len(rows), dtype="bool"),
        "finding": pd.Series([one.finding for one in rows], dtype="str"),
        "chance": pd.Series([one.chance for one in rows], dtype="float64"),
    })


def _identified(engine: Engine, area: str) -> pd.DataFrame:
    """When each household was first identified."""
    village = case_file.c.village_code
    query = (
        select(case_file.c.household_id, village, func.min(case_file.c.identified_on).label("day"))
        .where(case_file.c.identified_on.is_not(None), Scope(area).condition(village), *inside(area, village))
        .group_by(case_file.c.household_id, village)
    )
    with engine.connect() as connection:
        rows = connection.execute(query).all()
    return pd.DataFrame({
        "household_id": pd.Series([f"{one.village_code}/{one.household_id}" for one in rows], dtype="str"),
        "identified_on": pd.to_datetime(pd.Series([one.day for one in rows], dtype="object")),
    })


def _households(engine: Engine, area: str) -> dict[str, int]:
    """Households by county, as the latest run counted them: of whom is drawn where no chance was recorded."""
    code = area_summary.c.area_code
    query = (
        select(code, area_summary.c.counts)
        .where(func.length(code) == _COUNTY, code.startswith(area[:_COUNTY], autoescape=True))
        .order_by(area_summary.c.as_of_date)
    )
    with engine.connect() as connection:
        return {
            one.area_code: AreaCounts.from_json(one.counts).households for one in connection.execute(query)
        }
