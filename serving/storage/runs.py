"""Runs: all assessments of one date and model; and which stands for an area where none is asked for.

It is the latest that is whole. A job of a few households makes a run too, and taken for the area's it would
empty everybody else's lists.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Engine, false, func, select

from features.regions import AREA_LEVELS
from serving.errors import ServingError
from serving.storage.area_counts import AreaCounts
from serving.storage.ranges import next_code
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
    own = _counted(connection, prefix, as_of, model_version)
    if as_of is None and own:
        around = own
        if prefix and len(prefix) > _COUNTY:
            around = _counted(connection, prefix[:_COUNTY], None, model_version)
        whole = (_whole(around) & own.keys()) or _whole(own)
        as_of = max(run.as_of_date for run in whole)
        own = Counter({run: own[run] for run in whole})
    found = [run for run in own if run.as_of_date == as_of]
    return sorted(found, key=lambda run: (own[run], run.model_version), reverse=True)


def get_run(engine: Engine, area: str, as_of: dt.date | None, model_version: str | None) -> Run:
    """The run that stands for an area: the latest whole one, or the one asked for; of several the fullest.

    Raises `ServingError` where there is none.
    """
    with engine.connect() as connection:
        found = find_runs(connection, area, as_of, model_version)
    if not found:
        raise ServingError("no such run is stored of this area: `python -m serving score` makes one")
    return found[0]


def count_run(connection: Connection, run: Run, prefix: str | None = "") -> AreaCounts:
    """What the households of a run come to: all of them, or those of an area that `has_counts`."""
    query = select(area_summary.c.counts).where(
        *counted_in(prefix),
        area_summary.c.as_of_date == run.as_of_date,
        area_summary.c.model_version == run.model_version,
    )
    total = AreaCounts()
    for one in connection.execute(query):
        total.add(AreaCounts.from_json(one.counts))
    return total


def has_counts(prefix: str | None) -> bool:
    """Whether `area_summary` counts what lies inside: not of a part of a code."""
    return not prefix or len(prefix) in AREA_LEVELS


def counted_in(prefix: str | None) -> list[ColumnElement[bool]]:
    """The rows of `area_summary` that count what lies inside: of everywhere the largest areas."""
    if prefix is None:
        return [false()]
    code = area_summary.c.area_code
    return [code == prefix] if prefix else [func.length(code) == min(AREA_LEVELS)]


def _counted(
    connection: Connection, prefix: str | None, as_of: dt.date | None, model_version: str | None
) -> Counter[Run]:
    """Households of an area's runs of a date, or of the days in which the fullest is looked for."""
    day = area_summary.c.as_of_date
    if prefix is None:
        codes: list[str] = []
    else:
        codes = [prefix] if prefix else _largest(connection)
    of_area: list[ColumnElement[bool]] = [area_summary.c.area_code.in_(codes)]
    if model_version is not None:
        of_area.append(area_summary.c.model_version == model_version)
    found: Counter[Run] = Counter()
    latest = as_of or connection.execute(select(func.max(day, type_=day.type)).where(*of_area)).scalar()
    if latest is None:
        return found
    first = latest if as_of else latest - dt.timedelta(days=FULLEST_OF_DAYS)
    for one in connection.execute(select(area_summary).where(*of_area, day >= first, day <= latest)):
        households = AreaCounts.from_json(one.counts).households
        if households:
            found[Run(one.as_of_date, one.model_version)] += households
    return found


def _largest(connection: Connection) -> list[str]:
    """The codes of the largest areas, each found by one look into the index."""
    code, length = area_summary.c.area_code, min(AREA_LEVELS)
    codes: list[str] = []
    after: str | None = ""
    while after is not None:
        found = connection.execute(select(func.min(code)).where(code >= after)).scalar()
        if found is None:
            break
        codes.append(found[:length])
        after = next_code(codes[-1])
    return codes


def _whole(runs: Counter[Run]) -> set[Run]:
    least = WHOLE_SHARE * max(runs.values())
    return {run for run, households in runs.items() if households >= least}
