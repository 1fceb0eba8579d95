"""Runs: all assessments of one date and model; and which stands for an area where none is asked for.

It is the latest that is whole. A job of a few households makes a run too, and taken for the area's it would
empty everybody else's lists.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, false, func, select

from features.regions import AREA_LEVELS
from serving.storage.area_counts import AreaCounts
from serving.storage.tables import area_summary

WHOLE_SHARE = 0.5
"""A whole run has at least this part of the fullest's households; registers change far less in a year."""
FULLEST_OF_DAYS = 400
"""The fullest run is one of so many days up to the latest: what an area had years ago says nothing of it."""
_COUNTY = 6


@dataclass(frozen=True)
class Run:
    """One date scored by one model."""

    as_of_date: dt.date
    model_version: str


def find_runs(
    connection: Connection, prefix: str | None, as_of: dt.date | None = None, model_version: str | None = None
) -> list[Run]:
    """The runs of an area on a date, or on the latest that has a whole one: the fullest first.

    `prefix` is the area's code, or empty for everywhere; `model_version` leaves out other models' runs. There
    are none where nobody was scored. Whether a run is whole is judged in the county, for all households of a
    village may be in a job of a few; where the area has nobody in its county's whole runs, in the area.
    """
    own = _counted(connection, prefix, model_version)
    if as_of is None and own:
        around = own
        if prefix and len(prefix) > _COUNTY:
            around = _counted(connection, prefix[:_COUNTY], model_version)
        whole = (_whole(around) & own.keys()) or _whole(own)
        as_of = max(run.as_of_date for run in whole)
        own = Counter({run: own[run] for run in whole})
    found = [run for run in own if run.as_of_date == as_of]
    return sorted(found, key=lambda run: (own[run], run.model_version), reverse=True)


def counted_in(prefix: str | None) -> list[ColumnElement[bool]]:
    """The rows of `area_summary` that count what lies inside: of everywhere the largest areas."""
    if prefix is None:
        return [false()]
    code = area_summary.c.area_code
    return [code == prefix] if prefix else [func.length(code) == min(AREA_LEVELS)]


def _counted(connection: Connection, prefix: str | None, model_version: str | None) -> Counter[Run]:
    """Households of every run that an area has."""
    query = select(area_summary).where(*counted_in(prefix))
    if model_version is not None:
        query = query.where(area_summary.c.model_version == model_version)
    found: Counter[Run] = Counter()
    for one in connection.execute(query):
        households = AreaCounts.from_json(one.counts).households
        if households:
            found[Run(one.as_of_date, one.model_version)] += households
    return found


def _whole(runs: Counter[Run]) -> set[Run]:
    first = max(run.as_of_date for run in runs) - dt.timedelta(days=FULLEST_OF_DAYS)
    recent = {run: households for run, households in runs.items() if run.as_of_date >= first}
    least = WHOLE_SHARE * max(recent.values())
    return {run for run, households in recent.items() if households >= least}
