"""Stored facts of villages: written by the batch, looked up for single households."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

from sqlalchemy import Engine, func, select

from features.neighbourhood import VillageFacts
from serving.storage.database import WRITES, insert_into
from serving.storage.tables import village_facts
from serving.storage.transactions import unlogged

_COLUMNS = ("households", "median_income_fen", "median_self_paid_fen", "struck", "identified")


class VillageStore:
    """The villages' facts of one database. Reading raises `Problem` (503) when it does not answer."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.writer = engine.execution_options(**WRITES)

    def save(self, facts: Sequence[VillageFacts]) -> None:
        """Write the facts; those of the same village and date are replaced."""
        if not facts:
            return
        rows = [
            {
                "village_code": one.village_code,
                "as_of_date": one.as_of,
                **{name: getattr(one, name) for name in _COLUMNS},
            }
            for one in facts
        ]
        with self.writer.begin() as connection:
            statement = insert_into(connection, village_facts)
            replaced = {name: statement.excluded[name] for name in _COLUMNS}
            connection.execute(
                statement.on_conflict_do_update(index_elements=["village_code", "as_of_date"], set_=replaced),
                rows,
            )

    def find(self, village_codes: Iterable[str], as_of: dt.date) -> dict[str, VillageFacts]:
        """The latest facts of each village that were known on the date."""
        codes = sorted(set(village_codes))
        latest = (
            select(village_facts.c.village_code, func.max(village_facts.c.as_of_date).label("as_of_date"))
            .where(village_facts.c.village_code.in_(codes), village_facts.c.as_of_date <= as_of)
            .group_by(village_facts.c.village_code)
            .subquery()
        )
        query = select(village_facts).join(
            latest,
            (village_facts.c.village_code == latest.c.village_code)
            & (village_facts.c.as_of_date == latest.c.as_of_date),
        )
        with unlogged(self.engine) as connection:
            rows = connection.execute(query).all()
        return {
            row.village_code: VillageFacts(
                row.village_code, row.as_of_date, *(getattr(row, name) for name in _COLUMNS)
            )
            for row in rows
        }
