"""What a run did not believe, kept so that a past score is made again from what was believed then."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import Engine, delete, func, select

from features.health import Health, Verdict
from serving.storage.area_counts import areas_of
from serving.storage.database import WRITES
from serving.storage.tables import run_health as table
from serving.storage.transactions import unlogged


class RunHealthStore:
    """The verdicts of past runs. Reading raises `Problem` (503) when the database does not answer."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.writer = engine.execution_options(**WRITES)

    def save(self, as_of: dt.date, model_version: str, health: Health | None) -> None:
        """Keep the verdicts on every feed that is blocked, area by area, in place of an earlier run's.

        Verdicts on feeds that were fine all through are not kept: they take nothing away.
        """
        verdicts = health.verdicts if health else ()
        blocked = sorted({(one.area, one.feed) for one in verdicts if one.state == "blocked"})
        rows = [
            {
                "as_of_date": as_of,
                "model_version": model_version,
                "area_code": area,
                "verdicts": [
                    _plain(one)
                    for one in verdicts
                    if one.area.startswith(area) and (area, one.feed) in set(blocked)
                ],
            }
            for area in sorted({area for area, _ in blocked})
        ]
        run = (table.c.as_of_date == as_of, table.c.model_version == model_version)
        with self.writer.begin() as connection:
            connection.execute(delete(table).where(*run))
            if rows:
                connection.execute(table.insert(), rows)

    def find(self, as_of: dt.date, model_version: str, village_code: str) -> Health:
        """What concerns one village of a run; without verdicts where everything was believed.

        What a model that was in no run of the date did not believe is what the runs of that date did not.
        """
        query = select(table.c.verdicts, table.c.model_version).where(
            table.c.as_of_date == as_of, table.c.area_code.in_(areas_of(village_code))
        )
        with unlogged(self.engine) as connection:
            rows = connection.execute(query).all()
        found = [one for one in rows if one.model_version == model_version] or rows
        told = dict.fromkeys(_verdict(one) for row in found for one in row.verdicts)
        return Health(as_of, tuple(told))

    def latest(self) -> tuple[dt.date | None, tuple[Verdict, ...]]:
        """The date of the last run that did not believe something, and its verdicts on whole areas: of
        no household."""
        newest = select(func.max(table.c.as_of_date, type_=table.c.as_of_date.type)).scalar_subquery()
        query = (
            select(table.c.as_of_date, table.c.area_code, table.c.verdicts)
            .where(table.c.as_of_date == newest)
            .order_by(table.c.area_code, table.c.model_version)
        )
        with unlogged(self.engine) as connection:
            rows = connection.execute(query).all()
        told = dict.fromkeys(
            one for row in rows for one in map(_verdict, row.verdicts) if one.area == row.area_code
        )
        return (rows[0].as_of_date if rows else None), tuple(one for one in told if one.state == "blocked")


def _plain(one: Verdict) -> dict[str, Any]:
    return {
        "feed": one.feed,
        "area": one.area,
        "period": one.period.isoformat(),
        "state": one.state,
        "reason": one.reason,
    }


def _verdict(said: dict[str, Any]) -> Verdict:
    return Verdict(**{**said, "period": dt.date.fromisoformat(said["period"])})
