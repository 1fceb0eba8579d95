"""The last visit of a case that met somebody: what excluding it, its next step and whose turn it is go by."""

from __future__ import annotations

from sqlalchemy import Connection, exists, select

from serving.cases.guarantees import Guarantees
from serving.cases.moves import MOVES
from serving.cases.next_step import Met
from serving.cases.visit import Finding
from serving.storage.case_tables import case_move, visit

_PASSING = sorted(one.name for one in MOVES.values() if one.passes_over)


def find_met(connection: Connection, case_id: str) -> Met | None:
    """The visit, inside somebody's transaction; `None` where nobody was met yet."""
    passed = exists().where(
        case_move.c.case_id == visit.c.case_id,
        case_move.c.move.in_(_PASSING),
        # A visit that is handed in afterwards was not known, whatever day it is of.
        case_move.c.at >= visit.c.received_at,
    )
    row = connection.execute(
        select(visit.c.visited_on, visit.c.finding, visit.c.body, passed.label("is_passed_over"))
        .where(visit.c.case_id == case_id, visit.c.finding != Finding.NOT_MET.value)
        .order_by(visit.c.visited_on.desc(), visit.c.received_at.desc(), visit.c.id.desc())
        .limit(1)
    ).first()
    if row is None:
        return None
    kept = row.body.get("guarantees")
    return Met(
        row.visited_on,
        row.finding == Finding.DIFFICULTY,
        bool(kept and Guarantees.of_kept(kept).gaps),
        bool(row.is_passed_over),
    )
