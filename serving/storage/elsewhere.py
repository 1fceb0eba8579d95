"""Where else a household's key was scored: it moved, or two villages have one key. No score says which."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from serving.access import Caller
from serving.storage.tables import assessment


@dataclass(frozen=True)
class Elsewhere:
    """Another village that has assessments of the key, and the date of its latest."""

    village_code: str
    as_of_date: dt.date


def find_elsewhere(
    connection: Connection, caller: Caller, household_id: str, village_code: str
) -> tuple[Elsewhere, ...]:
    """The other villages, by code, as far as the caller may see."""
    place, day = assessment.c.village_code, assessment.c.as_of_date
    query = (
        select(place, func.max(day, type_=day.type).label("as_of_date"))
        .where(
            assessment.c.household_id == household_id,
            place != village_code,
            caller.scope.condition(place),
        )
        .group_by(place)
        .order_by(place)
    )
    return tuple(Elsewhere(one.village_code, one.as_of_date) for one in connection.execute(query))
