"""What is noted with a case without a move: that somebody was there, that help arrived. Its version stays."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import Connection, select, update

from serving.cases.case import Case
from serving.cases.clocks import Clock, china_day
from serving.cases.moving import earliest_due, stop_clocks
from serving.cases.next_step import find_turn
from serving.cases.practice import get_practice
from serving.storage.case_rows import case_of, find_clocks, hold_cases, write_clocks
from serving.storage.case_tables import case_file
from serving.storage.elimination_facts import is_unlocked
from serving.storage.met import find_met


def note_visit(connection: Connection, case_id: str, visited_on: dt.date, at: dt.datetime) -> None:
    """Note that the household was visited, once the visit is kept: the clock of the visit stops, and it is
    the turn of whoever makes the move that the visit asks for."""
    case = _held(connection, case_id)
    seen = max(visited_on, case.last_visited_on or visited_on)
    _stop(connection, case, Clock.VISIT, visited_on, at, last_visited_on=seen)


def note_measure(connection: Connection, case_id: str, delivered_on: dt.date, at: dt.datetime) -> None:
    """Note that a measure arrived, once it is kept: the clock of the first one stops, and it may be what the
    elimination still waited for."""
    _stop(connection, _held(connection, case_id), Clock.FIRST_MEASURE, delivered_on, at)


def _held(connection: Connection, case_id: str) -> Case:
    hold_cases(connection)
    return case_of(connection.execute(select(case_file).where(case_file.c.id == case_id)).one())


def _stop(
    connection: Connection, case: Case, clock: Clock, on: dt.date, at: dt.datetime, **values: Any
) -> None:
    clocks = find_clocks(connection, case.id)
    of_it = [one for one in clocks if one.is_running and one.clock is clock]
    # What came before a relapse helped against what was there before.
    if not case.relapses or all(one.started_on <= on for one in of_it):
        clocks = stop_clocks(clocks, [clock], on)
    write_clocks(connection, case.id, clocks)
    values |= {
        "due_on": earliest_due(clocks, case.village_code),
        "changed_at": at,
        "owner": _turn(connection, case, china_day(at)),
    }
    connection.execute(update(case_file).where(case_file.c.id == case.id).values(values))


def _turn(connection: Connection, case: Case, on: dt.date) -> str:
    met, practice = find_met(connection, case.id), get_practice(case.practice)
    return find_turn(case, met, practice, is_unlocked=is_unlocked(connection, case, on))
