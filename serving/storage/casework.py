"""Counts of casework by area, each read by one `GROUP BY` over an index of area codes.

Counts tell of nobody by themselves, so that reading them is not in the audit log; small ones are for
`serving.disclosure` to keep back.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    FromClause,
    Label,
    and_,
    case,
    func,
    literal_column,
    select,
)

from features.dates import months_before
from features.regions import AREA_LEVELS
from serving.access import Caller, Scope
from serving.cases.casework import UNITS, Casework
from serving.cases.state import CLOSED, CaseState
from serving.cases.visit import Finding
from serving.cases.worklist import Why
from serving.storage.case_list import told_of
from serving.storage.case_tables import case_file, case_lead, household_grid, visit, worklist, worklist_entry
from serving.storage.ranges import inside
from serving.storage.transactions import unlogged
from serving.storage.worklists import find_lists

LEAD_MONTHS = 12
"""Leads that became known so long ago are not counted any more."""
LIST_DAYS = 92
"""Lists of so many days are what visits are compared with."""
VILLAGE = max(AREA_LEVELS)
GRID = VILLAGE + 1
"""Below a village: the grids (网格) that its households lie in."""


class CaseworkStore:
    """The counts of one database. `today` is the day where the households live.

    Reading raises `Problem` (503) when the database does not answer.
    """

    def __init__(self, engine: Engine, today: Callable[[], dt.date]) -> None:
        self.engine = engine
        self.today = today

    def count(self, scope: Scope, area_code: str, level: int) -> dict[str, Casework]:
        """The counts of an area's parts inside a scope, by their codes of `level` characters, or by grid.

        Parts where nothing was ever counted are left out; households without a grid are in the grid ''.
        """
        today, found = self.today(), _Found(scope, area_code, level)
        with unlogged(self.engine) as connection:
            for query in (_leads, _cases, _listed, _visited):
                query(connection, found, today)
        return found.counts

    def find(self, caller: Caller, area_code: str, level: int) -> dict[str, Casework] | None:
        """The same for a caller; `None` for an area outside of theirs."""
        if not caller.scope.contains(area_code):
            return None
        return self.count(caller.scope, area_code, level)


class _Found:
    """What was counted so far, and how a table is cut into the area's parts."""

    def __init__(self, scope: Scope, area_code: str, level: int) -> None:
        self.scope, self.area_code, self.level = scope, area_code, level
        self.counts: dict[str, Casework] = {}

    def of(self, part: str) -> Casework:
        return self.counts.setdefault(part, Casework())

    def part(self, table: FromClause) -> Label[str]:
        """The part of the area that a row of a table with a household lies in."""
        if self.level == GRID:
            return func.coalesce(household_grid.c.grid, "").label("part")
        village: ColumnElement[str] = table.c.village_code
        if self.level < VILLAGE:
            village = func.substr(village, 1, literal_column(str(self.level)))
        return village.label("part")

    def within(self, table: FromClause) -> FromClause:
        """The table, with the grids beside it where parts are grids."""
        if self.level != GRID:
            return table
        return table.outerjoin(
            household_grid,
            and_(
                household_grid.c.household_id == table.c.household_id,
                household_grid.c.village_code == table.c.village_code,
            ),
        )

    def conditions(self, table: FromClause) -> list[ColumnElement[bool]]:
        village: ColumnElement[str] = table.c.village_code
        return [
            self.scope.condition(village), *inside(self.scope.prefix, village),
            Scope(self.area_code).condition(village), *inside(self.area_code, village),
        ]  # fmt: skip


def _leads(connection: Connection, found: _Found, today: dt.date) -> None:
    since = months_before(today, LEAD_MONTHS)
    query = (
        select(found.part(case_lead), case_lead.c.channel, case_lead.c.theme, func.count())
        .select_from(found.within(case_lead))
        .where(*found.conditions(case_lead), case_lead.c.known_on > since)
        .group_by("part", case_lead.c.channel, case_lead.c.theme)
    )
    for of, channel, theme, count in connection.execute(query):
        found.of(of).leads[channel, theme] += count


def _cases(connection: Connection, found: _Found, today: dt.date) -> None:
    query = (
        select(
            found.part(case_file),
            case_file.c.state,
            told_of(found.area_code, today).label("told"),
            func.count(),
        )
        .select_from(found.within(case_file))
        .where(*found.conditions(case_file))
        # By its name: what has parameters is another expression each time to PostgreSQL.
        .group_by("part", case_file.c.state, "told")
    )
    for of, state, told, count in connection.execute(query):
        if state == CaseState.JOINED:
            # Its household is counted with the case that it goes on in.
            continue
        counts = found.of(of)
        counts.stages[state] += count
        if told is not None and CaseState(state) in CLOSED:
            # What is left to do of a closed case is to tell its result.
            counts.untold += count
        elif told is not None:
            counts.overdue[told] += count


def _listed(connection: Connection, found: _Found, today: dt.date) -> None:
    is_visited = case((worklist_entry.c.visit_id.is_not(None), 1), else_=0)
    lists = [one.id for one in find_lists(connection, found.area_code)]
    query = (
        select(found.part(worklist_entry), func.count(), func.sum(is_visited))
        .select_from(found.within(worklist_entry))
        .where(worklist_entry.c.worklist_id.in_(lists), *found.conditions(worklist_entry))
        .group_by("part")
    )
    for of, listed, visited in connection.execute(query) if lists else ():
        counts = found.of(of)
        counts.listed, counts.visited = listed, int(visited)


def _visited(connection: Connection, found: _Found, today: dt.date) -> None:
    score = worklist_entry.c.score
    recent = select(worklist.c.id).where(
        worklist.c.made_on > today - dt.timedelta(days=LIST_DAYS), worklist.c.made_on <= today
    )
    is_difficulty = case((visit.c.finding == Finding.DIFFICULTY.value, 1), else_=0)
    query = (
        select(
            found.part(worklist_entry), func.count(), func.sum(is_difficulty), func.sum(score),
            func.sum(score * (1 - score)),
        )
        .select_from(found.within(worklist_entry).join(visit, visit.c.id == worklist_entry.c.visit_id))
        .where(
            worklist_entry.c.worklist_id.in_(recent), *found.conditions(worklist_entry), score.is_not(None),
            worklist_entry.c.why != Why.RANDOM, visit.c.finding != Finding.NOT_MET.value,
        )
        .group_by("part")
    )  # fmt: skip
    for of, met, confirmed, expected, variance in connection.execute(query):
        counts = found.of(of)
        counts.met, counts.confirmed = met, int(confirmed)
        counts.score_units, counts.variance_units = round(expected * UNITS), round(variance * UNITS)
