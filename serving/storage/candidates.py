"""Who could be listed: a run's households with what is known of cases, visits, leads and grids."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Table, func, select

from scoring.missed import NOT_MET
from serving.access import Scope
from serving.cases.run_leads import find_run_leads
from serving.cases.state import CaseState
from serving.cases.worklist import Candidate, LeftOut
from serving.storage.case_tables import case_file, case_lead, household_grid, visit
from serving.storage.ranges import inside
from serving.storage.runs import Run
from serving.storage.tables import assessment
from serving.storage.unheard import unheard_in

Place = tuple[str, str]
"""Household and village."""

_TO_BE_VISITED = frozenset({CaseState.FOUND, CaseState.ALERTED, CaseState.VERIFYING})
_VISIT = "visit"


@dataclass(frozen=True)
class Known:
    """What is known of households beside their scores, by place: the last visit, the case, the newest lead
    that has to be looked at, the grid."""

    visited_on: Mapping[Place, dt.date]
    states: Mapping[Place, CaseState]
    hard_cases: frozenset[Place]
    hard_on: Mapping[Place, dt.date]
    grids: Mapping[Place, str]


def load_candidates(
    connection: Connection, run: Run, area: str, made_on: dt.date, revisit_days: int, region: str,
    household_id: str | None = None,
) -> list[Candidate]:  # fmt: skip
    """Every household of an area that could be listed on a day, those left out marked so; or one of them.

    Hard is whom a threshold of the run, or an open case that nobody has visited yet, asks to visit. Visited
    lately is who was met within the policy's days, unless something hard came to be known since.
    """
    known = _known(connection, area, made_on, household_id)
    hits = _hits(connection, run, area, region, household_id)
    made = []
    seen: set[Place] = set()
    for row in _scored(connection, run, area, household_id):
        place = (row.household_id, row.village_code)
        seen.add(place)
        made.append(_candidate(place, row.score, known, hits.get(place), made_on, revisit_days))
    # Of whom nothing is known can be in need as anybody.
    for place in unheard_in(connection, run, area, household_id):
        seen.add(place)
        made.append(_candidate(place, None, known, None, made_on, revisit_days))
    # Somebody whom no run has scored yet can be in need all the same.
    made += [
        _candidate(place, None, known, None, made_on, revisit_days)
        for place in sorted(known.hard_cases - seen)
        if known.states[place] in _TO_BE_VISITED
    ]
    return made


def _candidate(
    place: Place, score: float | None, known: Known, hit_on: dt.date | None, made_on: dt.date, days: int
) -> Candidate:
    state, visited = known.states.get(place), known.visited_on.get(place)
    is_hard = hit_on is not None or (place in known.hard_cases and state in _TO_BE_VISITED)
    newest = max(filter(None, (hit_on, known.hard_on.get(place))), default=None)
    left_out = None
    if state is not None and state not in _TO_BE_VISITED:
        left_out = LeftOut.CASE_FURTHER_ON
    elif visited is not None and (made_on - visited).days < days:
        came_since = is_hard and newest is not None and newest > visited
        left_out = None if came_since else LeftOut.VISITED_LATELY
    return Candidate(place[0], place[1], known.grids.get(place, ""), score, is_hard, visited, left_out)


def _scored(connection: Connection, run: Run, area: str, household_id: str | None) -> Iterator[Any]:
    query = select(assessment.c.household_id, assessment.c.village_code, assessment.c.score).where(
        *_of_run(run), *_in_area(assessment, area, household_id)
    )
    return iter(connection.execute(query.execution_options(yield_per=10_000)))


def _hits(
    connection: Connection, run: Run, area: str, region: str, household_id: str | None
) -> dict[Place, dt.date]:
    """When the newest threshold that each household reached was known."""
    query = select(assessment.c.household_id, assessment.c.village_code, assessment.c.body).where(
        *_of_run(run), assessment.c.suggested_action == _VISIT, *_in_area(assessment, area, household_id)
    )
    found = {}
    for row in connection.execute(query.execution_options(yield_per=1_000)):
        hard = [one.known_on for one in find_run_leads(row.body, row.village_code, region) if one.is_hard]
        if hard:
            found[row.household_id, row.village_code] = max(hard)
    return found


def _known(connection: Connection, area: str, made_on: dt.date, household_id: str | None) -> Known:
    cases = connection.execute(
        select(
            case_file.c.household_id, case_file.c.village_code, case_file.c.state, case_file.c.is_hard
        ).where(case_file.c.closed_on.is_(None), *_in_area(case_file, area, household_id))
    ).all()
    grids = connection.execute(
        select(household_grid).where(*_in_area(household_grid, area, household_id))
    ).all()
    return Known(
        visited_on=_latest(
            connection, visit.c.visited_on, area, household_id, visit.c.finding != NOT_MET,
            visit.c.visited_on <= made_on,
        ),
        states={(one.household_id, one.village_code): CaseState(one.state) for one in cases},
        hard_cases=frozenset((one.household_id, one.village_code) for one in cases if one.is_hard),
        hard_on=_latest(connection, case_lead.c.known_on, area, household_id, case_lead.c.is_hard == 1),
        grids={(one.household_id, one.village_code): one.grid for one in grids},
    )  # fmt: skip


def _latest(
    connection: Connection, day: Column[Any], area: str, household_id: str | None, *more: ColumnElement[bool]
) -> dict[Place, dt.date]:
    table = day.table
    assert isinstance(table, Table)
    query = (
        select(table.c.household_id, table.c.village_code, func.max(day).label("day"))
        .where(*more, *_in_area(table, area, household_id))
        .group_by(table.c.household_id, table.c.village_code)
    )
    return {(one.household_id, one.village_code): one.day for one in connection.execute(query)}


def _of_run(run: Run) -> tuple[ColumnElement[bool], ...]:
    return (
        assessment.c.as_of_date == run.as_of_date,
        assessment.c.model_version == run.model_version,
    )


def _in_area(table: Table, area: str, household_id: str | None) -> list[ColumnElement[bool]]:
    village = table.c.village_code
    own = [] if household_id is None else [table.c.household_id == household_id]
    return [*own, Scope(area).condition(village), *inside(area, village)]
