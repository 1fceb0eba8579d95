"""Where else a run knew a household's key: it moved, or two villages have one key. No score says which."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from serving.access import Caller
from serving.storage.unheard import told_of


@dataclass(frozen=True)
class Elsewhere:
    """Another village in which a run knew the key, with a score or without, and the date of the last one."""

    village_code: str
    as_of_date: dt.date


def find_elsewhere(
    connection: Connection, caller: Caller, household_id: str, village_code: str
) -> tuple[Elsewhere, ...]:
    """The other villages, by code, as far as the caller may see."""
    said = told_of(household_id, caller.scope)
    place, day = said.c.village_code, said.c.as_of_date
    query = (
        select(place, func.max(day, type_=day.type).label("as_of_date"))
        .where(place != village_code)
        .group_by(place)
        .order_by(place)
    )
    return tuple(Elsewhere(one.village_code, one.as_of_date) for one in connection.execute(query))
