"""Summaries of areas, read inside the caller's area: counts of a run at one area and the areas below it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Row, Select, func, select

from features.regions import AREA_LEVELS
from serving.access import Caller, Scope
from serving.storage.area_counts import AreaCounts
from serving.storage.ranges import inside
from serving.storage.runs import Run, find_runs
from serving.storage.tables import area_summary as table
from serving.storage.transactions import unlogged


@dataclass(frozen=True)
class AreaSummary:
    """The counts of an area in one run and of the areas one level below it, by code."""

    run: Run
    area_code: str
    counts: AreaCounts
    below: dict[str, AreaCounts]


class SummaryStore:
    """The summaries of one database. Reading raises `Problem` (503) when it does not answer.

    Counts tell of nobody by themselves, so reading them is not in the audit log; small ones are for
    `serving.disclosure` to keep back.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def find(self, caller: Caller, area_code: str, as_of: dt.date | None = None) -> AreaSummary | None:
        """The summary of the date, or of the latest whole run; `None` for an area the caller may not see.

        Of several models' runs it is the one that has counted most.
        """
        if not caller.scope.contains(area_code):
            # Before anything is read: looking for its runs would take longer for an area that has some.
            return None
        with unlogged(self.engine) as connection:
            runs = find_runs(connection, area_code, as_of)
        if not runs:
            return None
        run = runs[0]
        found = self._read(_of_run(run).where(table.c.area_code == area_code))
        if not found:
            return None
        lower = next((length for length in AREA_LEVELS if length > len(area_code)), None)
        below: Sequence[Row[Any]] = ()
        if lower is not None:
            below = self._read(
                _of_run(run).where(
                    *inside(area_code, table.c.area_code),
                    Scope(area_code).condition(table.c.area_code),
                    func.length(table.c.area_code) == lower,
                )
            )
        return AreaSummary(
            run,
            area_code,
            AreaCounts.from_json(found[0].counts),
            {one.area_code: AreaCounts.from_json(one.counts) for one in below},
        )

    def find_largest(self, caller: Caller) -> str | None:
        """The first of the largest areas that the caller may see and any run has."""
        query = select(func.min(table.c.area_code)).where(
            func.length(table.c.area_code) == min(AREA_LEVELS), caller.scope.condition(table.c.area_code)
        )
        found: str | None = self._read(query)[0][0]
        return found

    def counts(self, run: Run) -> dict[str, AreaCounts]:
        """Every area of a run, for what must be kept back everywhere or nowhere; not for callers."""
        return {one.area_code: AreaCounts.from_json(one.counts) for one in self._read(_of_run(run))}

    def stamp(self, run: Run) -> int:
        """A number that changes with every change of the run's counts."""
        # Every change of an area changes the largest areas, of which there are few.
        largest = min(AREA_LEVELS)
        query = select(func.coalesce(func.sum(table.c.revision), 0)).where(
            table.c.as_of_date == run.as_of_date,
            table.c.model_version == run.model_version,
            func.length(table.c.area_code) == largest,
        )
        return int(self._read(query)[0][0])

    def _read(self, query: Select[Any]) -> Sequence[Row[Any]]:
        with unlogged(self.engine) as connection:
            return connection.execute(query).all()


def _of_run(run: Run) -> Select[Any]:
    return select(table).where(
        table.c.as_of_date == run.as_of_date, table.c.model_version == run.model_version
    )
