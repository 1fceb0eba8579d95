"""Cases and their clocks as rows: read, written, and found for a change."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Row, RowMapping, select, update

from serving.access import Caller
from serving.cases.case import Case
from serving.cases.clocks import CaseClock, Clock
from serving.cases.state import CaseState
from serving.storage.case_tables import case_clock, case_file
from serving.storage.database import insert_into, lock_for_all

_FLAGS = ("is_hard", "is_without_labour", "is_green_lane")
_LOCK = 7
_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)


def hold_cases(connection: Connection) -> None:
    """Let transactions that change cases, or rely on where one stands, follow one another.

    A store with a lock of its own takes that one first, then this one, then the audit log's.
    """
    lock_for_all(connection, _LOCK)


def case_of(row: Row[Any] | RowMapping) -> Case:
    """The case that a row of `case_file` holds, whatever else it has."""
    whole = row if isinstance(row, RowMapping) else row._mapping
    said = {one.name: whole[one.name] for one in case_file.c}
    said |= {name: bool(said[name]) for name in _FLAGS}
    return Case(**{**said, "state": CaseState(said["state"]), "causes": tuple(said["causes"])})


def find_case(connection: Connection, caller: Caller, case_id: str) -> Case | None:
    """A case that the caller may see; of anything that is no id there is none."""
    if not _ID.fullmatch(case_id):
        return None
    row = connection.execute(
        select(case_file).where(case_file.c.id == case_id, caller.scope.condition(case_file.c.village_code))
    ).first()
    return case_of(row) if row else None


def counts_in(connection: Connection, case: Case, on: dt.date) -> str:
    """The case in which help of a day counts: of one that went on in a relapse, from then on, that one."""
    if case.state is not CaseState.JOINED or case.closed_on is None or on < case.closed_on:
        return case.id
    relapsed = select(case_file.c.id).where(
        case_file.c.household_id == case.household_id,
        case_file.c.village_code == case.village_code,
        case_file.c.closed_on.is_(None),
        case_file.c.relapses > 0,
    )
    return connection.execute(relapsed).scalar() or case.id


def row_of(case: Case) -> dict[str, Any]:
    """A case as its row."""
    said = {one.name: getattr(case, one.name) for one in case_file.c}
    said |= {name: int(said[name]) for name in _FLAGS}
    return {**said, "state": case.state.value, "causes": list(case.causes)}


def insert_case(connection: Connection, case: Case, clocks: Iterable[CaseClock]) -> None:
    """Write a new case and its clocks."""
    connection.execute(case_file.insert().values(row_of(case)))
    write_clocks(connection, case.id, clocks)


def update_case(connection: Connection, case: Case) -> bool:
    """Write a case whose version was counted up; whether it still was at the version before."""
    was = update(case_file).where(case_file.c.id == case.id, case_file.c.version == case.version - 1)
    return connection.execute(was.values(row_of(case))).rowcount == 1


def find_clocks(connection: Connection, case_id: str) -> tuple[CaseClock, ...]:
    """Every clock of a case, in the order in which they were started."""
    rows = connection.execute(
        select(case_clock)
        .where(case_clock.c.case_id == case_id)
        .order_by(case_clock.c.started_on, case_clock.c.clock, case_clock.c.round)
    )
    return tuple(
        CaseClock(Clock(one.clock), one.round, one.started_on, one.due_on, one.stopped_on) for one in rows
    )


def write_clocks(connection: Connection, case_id: str, clocks: Iterable[CaseClock]) -> None:
    """Write clocks that are new or were stopped."""
    write_clocks_of(connection, {case_id: clocks})


def write_clocks_of(connection: Connection, by_case: Mapping[str, Iterable[CaseClock]]) -> None:
    """The same of several cases together."""
    rows = [
        {
            "case_id": case_id, "clock": one.clock.value, "round": one.round, "started_on": one.started_on,
            "due_on": one.due_on, "stopped_on": one.stopped_on,
        }
        for case_id, clocks in by_case.items()
        for one in clocks
    ]  # fmt: skip
    if rows:
        written = insert_into(connection, case_clock)
        connection.execute(
            written.on_conflict_do_update(
                index_elements=[case_clock.c.case_id, case_clock.c.clock, case_clock.c.round],
                set_={"stopped_on": written.excluded.stopped_on},
            ),
            rows,
        )
