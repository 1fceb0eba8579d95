"""The tables that `training` reads beside the signals, made of what the service recorded.

``outcomes``: each household's first verified identification (the label). ``visits``: who was visited, and who
of them by lot. ``helped``: measures that arrived, so that who was helped before an outcome is no clean
negative. ``endings``: excluded with the reason, eliminated, relapsed. ``answers``: what visitors said of the
score's reasons. Every row says where it comes from: a hash of the case, the move, and the role that made it.
No row names an account, and none has a text that somebody wrote.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, Row, select

from serving.cases.channel import Channel
from serving.cases.clocks import end_of_day
from serving.cases.moves import IDENTIFY, RELAPSE
from serving.storage.case_tables import (
    case_file,
    case_lead,
    case_move,
    measure_delivery,
    plan_measure,
    visit,
)

ENDINGS = {"exclude": "excluded", "resolve": "eliminated", RELAPSE: "relapsed"}
"""Moves that say what became of a case. One that goes on in a relapse has no ending of its own."""
FOUND_BY = {
    Channel.DECLARATION: "declaration",
    Channel.SWEEP: "sweep",
    Channel.GRID: "sweep",
    Channel.DEPARTMENT: "screening",
    Channel.SCORE: "screening",
}
"""Channel of a case's first lead → training's word: asked for, gone and seen, or drawn from the data."""
NO_LEAD = "sweep"
"""A case that a visit opened had somebody go and see."""

_DAY = pa.timestamp("ms")
_PROVENANCE = [
    pa.field("case_sha256", pa.string()),
    pa.field("recorded_move", pa.string()),
    pa.field("recorded_role", pa.string()),
    pa.field("recorded_on", _DAY),
]
SCHEMAS: Mapping[str, pa.Schema] = {
    "outcomes": pa.schema([
        pa.field("household_id", pa.string()),
        pa.field("identified_on", _DAY),
        pa.field("cause_code", pa.string()),
        pa.field("object_type", pa.string()),
        pa.field("found_by", pa.string()),
        *_PROVENANCE,
    ]),
    "visits": pa.schema([
        pa.field("household_id", pa.string()),
        pa.field("visited_on", _DAY),
        pa.field("is_random", pa.bool_()),
        pa.field("chance", pa.float64()),
        pa.field("finding", pa.string()),
        *_PROVENANCE,
    ]),
    "helped": pa.schema([
        pa.field("household_id", pa.string()),
        pa.field("helped_on", _DAY),
        pa.field("measure", pa.string()),
        pa.field("measure_group", pa.string()),
        *_PROVENANCE,
    ]),
    "endings": pa.schema([
        pa.field("household_id", pa.string()),
        pa.field("ended_on", _DAY),
        pa.field("ending", pa.string()),
        pa.field("reason", pa.string()),
        *_PROVENANCE,
    ]),
    "answers": pa.schema([
        pa.field("household_id", pa.string()),
        pa.field("visited_on", _DAY),
        pa.field("as_of_date", _DAY),
        pa.field("model_version", pa.string()),
        pa.field("family", pa.string()),
        pa.field("is_agreed", pa.bool_()),
        pa.field("why", pa.string()),
        *_PROVENANCE,
    ]),
}
"""Table → its columns; those of `outcomes` and `visits` are training's, with where each row comes from."""


@dataclass(frozen=True)
class OutcomeTables:
    """The tables by name, of what had happened by a day."""

    until: dt.date
    tables: Mapping[str, pa.Table]

    @property
    def counts(self) -> dict[str, int]:
        """Rows by table."""
        return {name: len(table) for name, table in self.tables.items()}


def gather_outcomes(connection: Connection, until: dt.date, former: pa.Table | None = None) -> OutcomeTables:
    """The tables of what had happened, and was recorded, by a day: what is handed in later changes nothing.

    `former` has identifications from before the service, in training's columns: each household keeps its
    first one, whoever recorded it.
    """
    moves = connection.execute(
        select(
            case_file.c.household_id, case_move.c.case_id, case_move.c.move, case_move.c.effective_on,
            case_move.c.role, case_move.c.facts,
        )
        .join(case_file)
        .where(case_move.c.effective_on <= until, case_move.c.move.in_((IDENTIFY, *ENDINGS)))
        .order_by(case_move.c.effective_on, case_move.c.at, case_move.c.case_id, case_move.c.seq)
    ).all()  # fmt: skip
    rows = {
        "outcomes": _outcomes(connection, moves, former, until),
        "visits": list(_visits(connection, until)),
        "helped": list(_helped(connection, until)),
        "endings": [
            {
                "household_id": one.household_id,
                "ended_on": one.effective_on,
                "ending": ENDINGS[one.move],
                "reason": one.facts.get("reason"),
                **_recorded(one.case_id, one.move, one.role, one.effective_on),
            }
            for one in moves
            if one.move in ENDINGS
        ],
        "answers": list(_answers(connection, until)),
    }
    return OutcomeTables(until, {name: _table(name, rows[name]) for name in SCHEMAS})


def _outcomes(
    connection: Connection, moves: Sequence[Any], former: pa.Table | None, until: dt.date
) -> list[dict[str, Any]]:
    first: dict[str, dict[str, Any]] = {}
    for row in former.to_pylist() if former is not None else ():
        first[row["household_id"]] = {name: row.get(name) for name in SCHEMAS["outcomes"].names}
    channels = _first_channels(connection, until)
    for one in moves:
        had = first.get(one.household_id)
        if one.move != IDENTIFY or (had is not None and _day_of(had["identified_on"]) <= one.effective_on):
            continue
        channel = channels.get(one.case_id)
        first[one.household_id] = {
            "household_id": one.household_id,
            "identified_on": one.effective_on,
            "cause_code": _official(one.facts.get("causes", ())),
            "object_type": one.facts.get("object_type"),
            "found_by": NO_LEAD if channel is None else FOUND_BY[channel],
            **_recorded(one.case_id, one.move, one.role, one.effective_on),
        }
    return [first[key] for key in sorted(first)]


def _first_channels(connection: Connection, until: dt.date) -> dict[str, Channel]:
    """Case → the channel of its first lead, of those that had come by a day."""
    rows = connection.execute(
        select(case_lead.c.case_id, case_lead.c.channel)
        .where(case_lead.c.received_at < end_of_day(until))
        .order_by(case_lead.c.known_on.desc(), case_lead.c.received_at.desc(), case_lead.c.id.desc())
    )
    return {one.case_id: Channel(one.channel) for one in rows}


def _visits(connection: Connection, until: dt.date) -> Iterator[dict[str, Any]]:
    for one in _stored_visits(connection, until):
        yield {
            "household_id": one.household_id,
            "visited_on": one.visited_on,
            "is_random": bool(one.is_random),
            "chance": one.chance,
            "finding": one.finding,
            **_recorded(one.case_id, "visit", one.role, one.visited_on),
        }


def _answers(connection: Connection, until: dt.date) -> Iterator[dict[str, Any]]:
    for one in _stored_visits(connection, until):
        for said in one.body["answers"]:
            answered = one.body["answered"]
            yield {
                "household_id": one.household_id,
                "visited_on": one.visited_on,
                "as_of_date": dt.date.fromisoformat(answered["as_of_date"]),
                "model_version": answered["model_version"],
                **said,
                **_recorded(one.case_id, "visit", one.role, one.visited_on),
            }


def _stored_visits(connection: Connection, until: dt.date) -> Iterator[Row[Any]]:
    query = select(visit).where(visit.c.visited_on <= until, visit.c.received_at < end_of_day(until))
    ordered = query.order_by(visit.c.visited_on, visit.c.household_id, visit.c.id)
    yield from connection.execute(ordered.execution_options(yield_per=5_000))


def _helped(connection: Connection, until: dt.date) -> Iterator[dict[str, Any]]:
    """The first delivery of every measure: what follows it is the same help going on."""
    rows = connection.execute(
        select(
            case_file.c.household_id, plan_measure.c.id, plan_measure.c.case_id, plan_measure.c.measure,
            plan_measure.c.measure_group, measure_delivery.c.delivered_on,
        )
        .select_from(measure_delivery.join(plan_measure).join(case_file))
        .where(
            measure_delivery.c.delivered_on <= until, measure_delivery.c.recorded_at < end_of_day(until)
        )
        .order_by(measure_delivery.c.delivered_on, plan_measure.c.id, measure_delivery.c.id)
    )  # fmt: skip
    seen: set[str] = set()
    for one in rows:
        if one.id in seen:
            continue
        seen.add(one.id)
        yield {
            "household_id": one.household_id,
            "helped_on": one.delivered_on,
            "measure": one.measure,
            "measure_group": one.measure_group,
            **_recorded(one.case_id, "delivery", None, one.delivered_on),
        }


def _recorded(case_id: str | None, move: str, role: str | None, on: dt.date) -> dict[str, Any]:
    digest = hashlib.sha256(case_id.encode()).hexdigest() if case_id is not None else None
    return {"case_sha256": digest, "recorded_move": move, "recorded_role": role, "recorded_on": on}


def _official(causes: Sequence[str]) -> str | None:
    """The main cause, as a code that has a number: training knows no other."""
    return next((one for one in causes if one.isdigit()), None)


def _day_of(value: dt.date) -> dt.date:
    return value.date() if isinstance(value, dt.datetime) else value


def _table(name: str, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    schema = SCHEMAS[name]
    columns = {
        field.name: pa.array([_stamped(row.get(field.name)) for row in rows], field.type) for field in schema
    }
    return pa.table(columns, schema=schema)


def _stamped(value: Any) -> Any:
    is_day = isinstance(value, dt.date) and not isinstance(value, dt.datetime)
    return dt.datetime.combine(value, dt.time()) if is_day else value
