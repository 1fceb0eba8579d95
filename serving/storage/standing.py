"""What stands on of the assessments before a run: alerts and high grades whose feeds fell silent since.

A visit that met somebody ends it, and so does the feed when it is heard again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, and_, func, select

from scoring.missed import NOT_MET
from scoring.silence import VISIT, find_standing, stand_on
from serving.access import EVERYWHERE, Scope
from serving.storage.case_tables import rescored_assessment, visit
from serving.storage.tables import assessment

Place = tuple[str, str]
"""Household and village."""
_COUNTY = 6
"""Characters of a county's code: inside of one a household may move."""
_SILENT = ("missing_feeds", "stale_feeds", "partial_feeds")
_When = tuple[bool, dt.date, dt.datetime]
"""Whether it was said in the village that the household lives in, and when."""


class StandingStore:
    """What was said before, of one database."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def stand_on(
        self,
        statements: Sequence[dict[str, Any]],
        village_codes: Sequence[str],
        as_of: dt.date,
        within: Scope = EVERYWHERE,
        unheard: Collection[str] = (),
    ) -> list[dict[str, Any]]:
        """The statements of a day, in order, each with what stands on beside it of what was said `within`.

        `unheard` are the villages of which every department is silent. Only those of households with a
        silent feed are looked up. What was said of a household in its own village goes before what was said
        elsewhere in its county, where it may have lived: nobody who writes for another village ends or
        feigns an alert of this one.
        """
        places = [
            (one["household_id"], village) for one, village in zip(statements, village_codes, strict=True)
        ]
        silent = {
            place
            for one, place in zip(statements, places, strict=True)
            if any(one.get(name) for name in _SILENT)
        }
        if not silent:
            return list(statements)
        with self.engine.connect() as connection:
            formers = _formers(connection, silent, as_of, within)
            met = _met_on(connection, formers, as_of)
        return [
            _beside(one, formers.get(place), met.get(place), place[1] in unheard)
            for one, place in zip(statements, places, strict=True)
        ]


def _beside(
    statement: dict[str, Any], former: Mapping[str, Any] | None, met_on: dt.date | None, is_unheard: bool
) -> dict[str, Any]:
    standing = find_standing(former, statement, is_unheard) if former is not None else None
    if standing is None or (met_on is not None and met_on >= dt.date.fromisoformat(standing["as_of_date"])):
        return statement
    return stand_on(statement, standing)


def _formers(
    connection: Connection, places: set[Place], as_of: dt.date, within: Scope
) -> dict[Place, Mapping[str, Any]]:
    """The newest statement before a day of each household for which it asked for a visit."""
    homes = _homes(places)
    of_these = (
        assessment.c.household_id.in_(sorted({household for household, _ in places})),
        assessment.c.as_of_date < as_of,
        within.condition(assessment.c.village_code),
    )
    newest = (
        select(
            assessment.c.household_id,
            assessment.c.village_code,
            func.max(assessment.c.as_of_date).label("as_of_date"),
        )
        .where(*of_these)
        .group_by(assessment.c.household_id, assessment.c.village_code)
        .subquery()
    )
    marks = select(
        assessment.c.id, assessment.c.household_id, assessment.c.village_code, assessment.c.as_of_date,
        assessment.c.written_at, assessment.c.suggested_action,
    ).join(
        newest,
        and_(*(one == assessment.c[one.name] for one in newest.c)),
    )  # fmt: skip
    last: dict[Place, tuple[_When, int | Mapping[str, Any] | None]] = {}

    def keep(row: Any, told: int | Mapping[str, Any] | None) -> None:
        for place in homes.get((row.household_id, row.village_code[:_COUNTY]), ()):
            when = place[1] == row.village_code, row.as_of_date, row.written_at
            if place not in last or last[place][0] < when:
                last[place] = when, told

    for row in connection.execute(marks):
        keep(row, row.id if row.suggested_action == VISIT else None)
    again = select(rescored_assessment).where(
        rescored_assessment.c.household_id.in_(sorted({household for household, _ in places})),
        rescored_assessment.c.as_of_date < as_of,
        within.condition(rescored_assessment.c.village_code),
    )
    for row in connection.execute(again):
        keep(row, row.body if row.body["suggested_action"] == VISIT else None)
    ids = [told for _, told in last.values() if isinstance(told, int)]
    of_runs = select(assessment.c.id, assessment.c.body).where(assessment.c.id.in_(ids))
    bodies = {one.id: one.body for one in connection.execute(of_runs)} if ids else {}
    return {
        place: bodies[told] if isinstance(told, int) else told
        for place, (_, told) in last.items()
        if told is not None
    }


def _met_on(connection: Connection, places: Mapping[Place, Any], as_of: dt.date) -> dict[Place, dt.date]:
    """When somebody of each household was met last, up to a day: what came later changes nothing of it."""
    homes = _homes(places)
    query = select(visit.c.household_id, visit.c.village_code, visit.c.visited_on).where(
        visit.c.household_id.in_(sorted({household for household, _ in places})),
        visit.c.visited_on <= as_of,
        visit.c.finding != NOT_MET,
    )
    found: dict[Place, dt.date] = {}
    for row in connection.execute(query) if places else ():
        for place in homes.get((row.household_id, row.village_code[:_COUNTY]), ()):
            found[place] = max(row.visited_on, found.get(place, row.visited_on))
    return found


def _homes(places: Iterable[Place]) -> dict[Place, list[Place]]:
    """Household and county → where in it the household lives."""
    made: dict[Place, list[Place]] = {}
    for household, village in places:
        made.setdefault((household, village[:_COUNTY]), []).append((household, village))
    return made
