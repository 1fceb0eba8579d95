"""The moves that a case has behind it, as its store reads them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from serving.cases.case import Case
from serving.cases.clocks import CaseClock
from serving.cases.offers import Beside
from serving.cases.state import CaseState
from serving.storage.case_tables import case_move


@dataclass(frozen=True)
class MoveRecord:
    """One move that was made: what, when, by which account in which role, with which facts."""

    seq: int
    move: str
    from_state: CaseState
    to_state: CaseState
    at: dt.datetime
    effective_on: dt.date
    actor: str
    role: str
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class WholeCase:
    """A case with all its clocks and moves, and what is recorded beside it."""

    case: Case
    clocks: tuple[CaseClock, ...]
    history: tuple[MoveRecord, ...]
    beside: Beside


def next_seq(connection: Connection, case_id: str) -> int:
    """The number of a case's next move."""
    last = select(func.max(case_move.c.seq)).where(case_move.c.case_id == case_id)
    return int(connection.execute(last).scalar() or 0) + 1


def last_move_on(connection: Connection, case_id: str, move: str) -> dt.date | None:
    """The day of a case's last move of that name, if it was ever made."""
    last = select(func.max(case_move.c.effective_on, type_=case_move.c.effective_on.type))
    return connection.execute(last.where(case_move.c.case_id == case_id, case_move.c.move == move)).scalar()


def moves_of(connection: Connection, case_id: str) -> tuple[MoveRecord, ...]:
    """The moves of a case, the first one first; inside somebody's transaction."""
    rows = connection.execute(
        select(case_move).where(case_move.c.case_id == case_id).order_by(case_move.c.seq)
    )
    return tuple(
        MoveRecord(
            one.seq, one.move, CaseState(one.from_state), CaseState(one.to_state), one.at, one.effective_on,
            one.actor, one.role, one.facts,
        )
        for one in rows
    )  # fmt: skip
