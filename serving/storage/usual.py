"""Stored usual values of villages and townships: written by the batch, looked up for single households."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

from sqlalchemy import Engine, func, select

from features.usual import UsualHere, UsualValues, town_of, usual_here
from serving.storage.database import WRITES, insert_into
from serving.storage.tables import usual_values
from serving.storage.transactions import unlogged


class UsualStore:
    """The usual values of one database. Reading raises `Problem` (503) when it does not answer."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.writer = engine.execution_options(**WRITES)

    def save(self, values: Sequence[UsualValues]) -> None:
        """Write the values; those of the same area and date are replaced."""
        if not values:
            return
        rows = [
            {"area_code": one.area_code, "as_of_date": one.as_of, "medians": dict(one.medians)}
            for one in values
        ]
        with self.writer.begin() as connection:
            statement = insert_into(connection, usual_values)
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["area_code", "as_of_date"],
                    set_={"medians": statement.excluded.medians},
                ),
                rows,
            )

    def find(self, village_codes: Iterable[str], as_of: dt.date) -> dict[str, UsualHere]:
        """What is usual around each village: the latest values that were known on the date."""
        villages = sorted(set(village_codes))
        codes = sorted({code for one in villages for code in (one, town_of(one)) if code})
        latest = (
            select(usual_values.c.area_code, func.max(usual_values.c.as_of_date).label("as_of_date"))
            .where(usual_values.c.area_code.in_(codes), usual_values.c.as_of_date <= as_of)
            .group_by(usual_values.c.area_code)
            .subquery()
        )
        query = select(usual_values).join(
            latest,
            (usual_values.c.area_code == latest.c.area_code)
            & (usual_values.c.as_of_date == latest.c.as_of_date),
        )
        with unlogged(self.engine) as connection:
            rows = connection.execute(query).all()
        found = {row.area_code: UsualValues(row.area_code, row.as_of_date, row.medians) for row in rows}
        return {village: usual_here(found, village) for village in villages}
