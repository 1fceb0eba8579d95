"""Households of a run of which nothing is known: they have no score, and are told and counted too."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    Subquery,
    cast,
    delete,
    func,
    literal,
    null,
    select,
    tuple_,
    union_all,
)

from serving.access import Caller, Scope
from serving.errors import Problem
from serving.storage.area_counts import CountChanges
from serving.storage.audit import AuditLog
from serving.storage.audit_actions import Action
from serving.storage.columns import Real
from serving.storage.database import WRITES
from serving.storage.ranges import inside
from serving.storage.runs import Run, count_run, has_counts
from serving.storage.saved import Saved
from serving.storage.tables import assessment
from serving.storage.tables import unheard_household as table
from serving.storage.transactions import logged, unlogged

FROM_FILES = "is_from_files"
"""What marks an assessment that a job made: what it was made from is not kept."""

Key: TypeAlias = tuple[str, dt.date, str]
"""Household, date, model."""
Place: TypeAlias = tuple[str, str]
"""Household and village."""


@dataclass(frozen=True)
class Unheard:
    """A household of which nothing was known on a date; `feeds` are its silent ones by `missing_feeds`, …"""

    household_id: str
    village_code: str
    as_of_date: dt.date
    written_at: dt.datetime
    feeds: Mapping[str, Sequence[str]]


class UnheardStore:
    """Those of one database. Raises `Problem` (503) where it does not answer or cannot log."""

    def __init__(self, engine: Engine, audit: AuditLog | None) -> None:
        self.engine = engine
        self.writer = engine.execution_options(**WRITES)
        self.audit = audit

    def list_run(
        self, caller: Caller, run: Run, *, area: str = "", limit: int = 50, offset: int = 0
    ) -> tuple[Unheard, ...]:
        """Those of a run and an area that the caller may see, by village and key: nothing ranks them."""
        query = (
            select(table)
            .where(*_in_run(run, caller.scope.within(Scope(area))))
            .order_by(table.c.village_code, table.c.household_id)
        )
        if self.audit is None:
            raise Problem("audit_failed")
        with logged(self.writer) as connection:
            found = connection.execute(query.limit(limit).offset(offset)).all()
            read = [self.audit.household(one.household_id) for one in found]
            self.audit.append(connection, caller, Action.HOUSEHOLD_LISTED, read)
        return tuple(map(_made_of, found))

    def count(self, caller: Caller, run: Run, area: str = "") -> int:
        """How many there are. Of an area that has a code it is not counted, but read."""
        both = caller.scope.within(Scope(area))
        with unlogged(self.engine) as connection:
            if has_counts(both.prefix):
                return count_run(connection, run, both.prefix).nothing_known
            query = select(func.count()).where(*_in_run(run, both))
            return int(connection.execute(query).scalar_one())


def unheard_in(connection: Connection, run: Run, area: str, household_id: str | None = None) -> list[Place]:
    """Household and village of those of a run in an area; or of one of them."""
    query = select(table.c.household_id, table.c.village_code).where(*_in_run(run, Scope(area)))
    if household_id is not None:
        query = query.where(table.c.household_id == household_id)
    return [(one.household_id, one.village_code) for one in connection.execute(query)]


def told_of(household_id: str, *scopes: Scope) -> Subquery:
    """What runs said of a household inside of all scopes: its assessments, and that nothing was known."""
    parts = []
    for of, score, number in ((assessment, assessment.c.score, assessment.c.id), (table, null(), literal(0))):
        read = (of.c.household_id, of.c.village_code, of.c.as_of_date, of.c.model_version, of.c.written_at)
        within = (one.condition(of.c.village_code) for one in scopes)
        parts.append(
            select(*read, cast(score, Real).label("score"), number.label("id")).where(
                of.c.household_id == household_id, *within
            )
        )
    return union_all(*parts).subquery()


def unheard_since(
    connection: Connection, caller: Caller, said: Mapping[Place, tuple[dt.date, dt.datetime] | None]
) -> set[Place]:
    """The households of which nothing was known after they were assessed: `said` has when that was."""
    if not said:
        return set()
    query = select(table.c.household_id, table.c.village_code, table.c.as_of_date, table.c.written_at).where(
        tuple_(table.c.household_id, table.c.village_code).in_(said),
        caller.scope.condition(table.c.village_code),
    )
    found = set()
    for row in connection.execute(query):
        place = row.household_id, row.village_code
        when = said[place]
        if when is None or when < (row.as_of_date, row.written_at):
            found.add(place)
    return found


def find_unheard(
    connection: Connection, caller: Caller, household_id: str, as_of: dt.date | None
) -> Unheard | None:
    """The last time that nothing was known of a household, or that of a date, in any village."""
    query = select(table).where(
        table.c.household_id == household_id, caller.scope.condition(table.c.village_code)
    )
    if as_of is not None:
        query = query.where(table.c.as_of_date == as_of)
    newest = (table.c.as_of_date.desc(), table.c.written_at.desc())
    row = connection.execute(query.order_by(*newest).limit(1)).first()
    return _made_of(row) if row else None


def unheard_moments(
    connection: Connection, caller: Caller, household_id: str
) -> list[tuple[dt.date, dt.datetime]]:
    """Of which days nothing was known of a household, and when that was written."""
    query = select(table.c.as_of_date, table.c.written_at).where(
        table.c.household_id == household_id, caller.scope.condition(table.c.village_code)
    )
    return [(one.as_of_date, one.written_at) for one in connection.execute(query)]


def save_unheard_in(
    connection: Connection,
    said: Iterable[tuple[Mapping[str, Any], str]],
    within: Scope,
    now: dt.datetime,
    counts: CountChanges,
) -> Saved:
    """Keep statements without a score, each with its village, in place of what the same run said before.

    A score that a job made of files of its own stays in its village: something is known there. Any other row
    of the key inside the area goes, as it does when a score is saved: a household is stored where it is now.
    """
    rows = {_key(row): row for row in (_row(body, village, now) for body, village in said)}
    if not rows:
        return Saved()
    scored = connection.execute(
        select(assessment.c.id, *_keys(assessment), assessment.c.body, assessment.c.village_code).where(
            tuple_(*_keys(assessment)).in_(rows), within.condition(assessment.c.village_code)
        )
    ).all()
    kept: dict[Key, tuple[str, str]] = {}
    gone = []
    for one in scored:
        if one.body.get(FROM_FILES) and one.village_code == rows[_key_of(one)]["village_code"]:
            kept[_key_of(one)] = one.body["grade"], one.body["suggested_action"]
        else:
            gone.append(one)
    if gone:
        connection.execute(delete(assessment).where(assessment.c.id.in_([one.id for one in gone])))
    for one in gone:
        counts.add(one.body, one.village_code, -1)
    former, same, outdated = _found(connection, rows, within), set(), []
    for had in former:
        key = _key_of(had)
        row = rows[key]
        if key not in kept and (had.feeds, had.village_code) == (row["feeds"], row["village_code"]):
            same.add(key)
        else:
            outdated.append(had)
    _let_go(connection, outdated, counts)
    written = [row for key, row in rows.items() if key not in kept.keys() | same]
    if written:
        connection.execute(table.insert(), written)
    for row in written:
        counts.add(_said(row["as_of_date"], row["model_version"], row["feeds"]), row["village_code"])
    replaced = {_key_of(one) for one in (*gone, *former)}
    new = sum(1 for row in written if _key(row) not in replaced)
    return Saved(new, len(rows) - len(written), len(written) - new, tuple(kept.values()))


def forget_unheard_in(
    connection: Connection, keys: Iterable[Key], within: Scope, counts: CountChanges
) -> None:
    """Let go of those that are scored now."""
    _let_go(connection, _found(connection, keys, within), counts)


def _let_go(connection: Connection, found: Sequence[Row[Any]], counts: CountChanges) -> None:
    if not found:
        return
    of_these = tuple_(*_keys(table), table.c.village_code)
    places = [(*_key_of(one), one.village_code) for one in found]
    connection.execute(delete(table).where(of_these.in_(places)))
    for one in found:
        counts.add(_said(one.as_of_date, one.model_version, one.feeds), one.village_code, -1)


def _found(connection: Connection, keys: Iterable[Key], within: Scope) -> Sequence[Row[Any]]:
    wanted = list(keys)
    if not wanted:
        return ()
    of_these = tuple_(*_keys(table)).in_(wanted)
    return connection.execute(select(table).where(of_these, within.condition(table.c.village_code))).all()


def _in_run(run: Run, scope: Scope) -> list[ColumnElement[bool]]:
    return [
        table.c.as_of_date == run.as_of_date,
        table.c.model_version == run.model_version,
        scope.condition(table.c.village_code),
        *inside(scope.prefix, table.c.village_code),
    ]


def _keys(of: Any) -> tuple[Any, ...]:
    return of.c.household_id, of.c.as_of_date, of.c.model_version


def _key(row: Mapping[str, Any]) -> Key:
    return row["household_id"], row["as_of_date"], row["model_version"]


def _key_of(row: Any) -> Key:
    return row.household_id, row.as_of_date, row.model_version


def _row(body: Mapping[str, Any], village_code: str, now: dt.datetime) -> dict[str, Any]:
    return {
        "household_id": body["household_id"],
        "as_of_date": dt.date.fromisoformat(body["as_of_date"]),
        "model_version": body["model_version"],
        "village_code": village_code,
        "feeds": {name: body[name] for name in _SILENT},
        "written_at": now,
    }


def _said(as_of: dt.date, model_version: str, feeds: Mapping[str, Any]) -> dict[str, Any]:
    """The statement that a row holds, as it is counted."""
    return {"as_of_date": as_of.isoformat(), "model_version": model_version, **feeds}


def _made_of(row: Row[Any]) -> Unheard:
    return Unheard(row.household_id, row.village_code, row.as_of_date, row.written_at, row.feeds)


_SILENT = ("missing_feeds", "stale_feeds", "partial_feeds")
