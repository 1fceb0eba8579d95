"""Stored assessments: written in batches, read one by one or as the list of a run."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    FromClause,
    Row,
    Select,
    delete,
    func,
    select,
    text,
    tuple_,
)

from scoring.changes import make_changes
from scoring.silence import is_scored
from scoring.statement import put_into_words
from serving.access import EVERYWHERE, Caller, Scope
from serving.errors import Problem
from serving.storage.alerts import add_alerts
from serving.storage.area_counts import CountChanges
from serving.storage.audit import AuditLog
from serving.storage.audit_actions import Action, Outcome
from serving.storage.database import WRITES, insert_into, lock_for_all
from serving.storage.elsewhere import Elsewhere, find_elsewhere
from serving.storage.last_written import last_written
from serving.storage.ranges import inside
from serving.storage.rescored import every_assessment, is_made_again
from serving.storage.runs import Run, count_run, find_runs, has_counts
from serving.storage.saved import Saved
from serving.storage.tables import assessment, model_release
from serving.storage.transactions import logged, unlogged
from serving.storage.unheard import FROM_FILES, Unheard, find_unheard, forget_unheard_in, save_unheard_in


@dataclass(frozen=True)
class Stored:
    """One assessment as it was written; `body` is what the API says, `horizon_months` the model's."""

    body: dict[str, Any]
    village_code: str
    horizon_months: int
    written_at: dt.datetime


@dataclass(frozen=True)
class History:
    """An assessment of a household, the one of the latest date before it, and the other villages in which a
    run knew its key; as far as the caller may see. `unheard` is a later run's word that nothing is known, in
    the village of the assessment or in one of the others.
    """

    latest: Stored
    former: Stored | None
    elsewhere: tuple[Elsewhere, ...] = ()
    unheard: Unheard | None = None

    @property
    def changes(self) -> dict[str, Any] | None:
        """What moved since the assessment before this one; `None` where there is none."""
        return make_changes(self.former.body, self.latest.body) if self.former else None


@dataclass(frozen=True)
class Page:
    """Some assessments of a run, highest score first, and how many there are in all: more than `MOST_LISTED`
    of one action are told as one more.
    """

    items: tuple[Stored, ...]
    total: int


class AssessmentStore:
    """The assessments of one database. Reading raises `Problem` (503) when the database does not answer.

    Whoever reads is a `Caller`, sees nothing outside their area, and is in the audit log when they do;
    without a log nothing can be read.
    """

    def __init__(self, engine: Engine, audit: AuditLog | None = None) -> None:
        self.engine = engine
        self.writer = engine.execution_options(**WRITES)
        self.audit = audit

    def check(self) -> None:
        """Raise `Problem` unless the database answers."""
        self._read(select(text("1")))

    def save_release(self, version: str, manifest_sha256: str, horizon_months: int) -> None:
        """Note a model before its first assessment; noting it again changes nothing."""
        with self.writer.begin() as connection:
            self.save_release_in(connection, version, manifest_sha256, horizon_months)

    def save_release_in(
        self, connection: Connection, version: str, manifest_sha256: str, horizon_months: int
    ) -> None:
        """The same as a part of a transaction that a writer began."""
        row = {
            "version": version,
            "manifest_sha256": manifest_sha256,
            "horizon_months": horizon_months,
            "first_used_at": dt.datetime.now(dt.UTC),
        }
        connection.execute(insert_into(connection, model_release).values(row).on_conflict_do_nothing())

    def save(
        self, bodies: Sequence[Mapping[str, Any]], village_codes: Sequence[str], within: Scope = EVERYWHERE
    ) -> Saved:
        """Write answers in one transaction, those without a score apart (`serving.storage.unheard`).

        A row of the same household, date and model is kept when it says the same and replaced when it says
        something else; how many of each is returned, so that nothing is replaced unnoticed. Rows outside
        `within` are neither counted nor touched; raises `ValueError` where one would be written.
        """
        with self.writer.begin() as connection:
            return self.save_in(connection, bodies, village_codes, within)

    def save_in(
        self,
        connection: Connection,
        bodies: Sequence[Mapping[str, Any]],
        village_codes: Sequence[str],
        within: Scope = EVERYWHERE,
    ) -> Saved:
        """The same as a part of a transaction that a writer began."""
        if not bodies:
            return Saved()
        if not all(map(within.contains, village_codes)):
            raise ValueError("a household lies outside the area that may be written")
        # What is counted below depends on what was there: nobody else may change it meanwhile.
        lock_for_all(connection, _LOCK)
        now, counts = dt.datetime.now(dt.UTC), CountChanges()
        said = list(zip(bodies, village_codes, strict=True))
        saved = save_unheard_in(
            connection, (one for one in said if not is_scored(one[0])), within, now, counts
        )
        rows = [_row(body, village, now) for body, village in said if is_scored(body)]
        saved += self._save_scored(connection, rows, within, counts)
        counts.write(connection)
        return saved

    def _save_scored(
        self, connection: Connection, rows: Sequence[dict[str, Any]], within: Scope, counts: CountChanges
    ) -> Saved:
        if not rows:
            return Saved()
        keys = [_key(one) for one in rows]
        found = connection.execute(
            select(assessment.c.id, *_KEY, assessment.c.body, assessment.c.village_code).where(
                tuple_(*_KEY).in_(keys), within.condition(assessment.c.village_code)
            )
        ).all()
        said = {_key(one): (one["body"], one["village_code"]) for one in rows}
        # A household that moved inside the area is stored once: where it is now.
        moved = {one.id for one in found if one.village_code != said[tuple(one[1:4])][1]}
        if moved:
            connection.execute(delete(assessment).where(assessment.c.id.in_(moved)))
        former = {tuple(one[1:4]): (one.body, one.village_code) for one in found}
        new = [one for one, key in zip(rows, keys, strict=True) if key not in former]
        changed = [
            one
            for one, key in zip(rows, keys, strict=True)
            if key in former and not _is_same(former[key], (one["body"], one["village_code"]))
        ]
        if new or changed:
            statement = insert_into(connection, assessment)
            replaced = {name: statement.excluded[name] for name in _REPLACED}
            # Two writers that take the same rows in the same order wait for each other, and not for ever.
            written = sorted(new + changed, key=lambda one: (one["household_id"], one["as_of_date"]))
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=[*_KEY, assessment.c.village_code], set_=replaced
                ),
                written,
            )
            add_alerts(connection, written, within)
        replaced_keys = {_key(one) for one in changed}
        for one in found:
            if one.id in moved or tuple(one[1:4]) in replaced_keys:
                counts.add(one.body, one.village_code, -1)
        for row in {_key(one): one for one in new + changed}.values():
            counts.add(row["body"], row["village_code"])
        forget_unheard_in(connection, keys, within, counts)
        return Saved(len(new), len(rows) - len(new) - len(changed), len(changed))

    def find(
        self, caller: Caller, household_id: str, as_of: dt.date | None = None
    ) -> History | Unheard | None:
        """The assessment of a date, or the latest, of a household that the caller may see; or that nothing
        was known of it, where there is none.

        Of several models' it is the one written last. That there was nothing to see is logged as well: so
        it takes the same steps whether the household is elsewhere or nowhere.
        """
        every = every_assessment()
        query = stored_assessments(of=every).where(
            every.c.household_id == household_id, caller.scope.condition(every.c.village_code)
        )
        if as_of is not None:
            query = query.where(every.c.as_of_date == as_of)
        order = (every.c.as_of_date.desc(), every.c.written_at.desc(), every.c.id.desc())
        audit = self._audit()
        with logged(self.writer) as connection:
            row = connection.execute(query.order_by(*order).limit(1)).first()
            former = connection.execute(_former(caller, row)).first() if row else None
            others = find_elsewhere(connection, caller, household_id, row.village_code) if row else ()
            unheard = find_unheard(connection, caller, household_id, as_of)
            outcome = Outcome.SHOWN if row or unheard else Outcome.NOT_FOUND
            audit.append(connection, caller, Action.HOUSEHOLD_READ, [audit.household(household_id)], outcome)
        if row is None:
            return unheard
        said = dt.date.fromisoformat(row.body["as_of_date"]), row.written_at
        if unheard is not None and (unheard.as_of_date, unheard.written_at) <= said:
            unheard = None
        return History(made_of(row), made_of(former) if former else None, others, unheard)

    def find_run(self, caller: Caller) -> Run | None:
        """The latest whole run of what the caller may see; of several models' the one that wrote last."""
        with unlogged(self.engine) as connection:
            runs = find_runs(connection, caller.scope.prefix)
            if len(runs) > 1:
                return max(runs, key=lambda one: last_written(connection, caller.scope, one))
        return runs[0] if runs else None

    def list_run(
        self,
        caller: Caller,
        run: Run,
        *,
        action: str | None = None,
        area: str = "",
        limit: int = 50,
        offset: int = 0,
    ) -> Page:
        """Assessments of a run that the caller may see, highest score first, and how many there are.

        Of one suggested action or one area if asked for. None are shown beyond the first `MOST_LISTED`.
        """
        both = caller.scope.within(Scope(area))
        conditions = _conditions(both, run, action)
        # Counted outside of the transaction that writes the log: others wait for that one.
        total = self._count(both, run, action)
        # Chosen from an index first: to sort what is shown is to read it.
        order = (assessment.c.score.desc(), assessment.c.household_id, assessment.c.village_code)
        limit = max(0, min(limit, MOST_LISTED - offset))
        chosen = select(assessment.c.id).where(*conditions).order_by(*order).limit(limit).offset(offset)
        query = stored_assessments().where(assessment.c.id.in_(chosen)).order_by(*order)
        audit = self._audit()
        with logged(self.writer) as connection:
            found = connection.execute(query).all() if limit else []
            read = [audit.household(one.body["household_id"]) for one in found]
            audit.append(connection, caller, Action.HOUSEHOLD_LISTED, read)
        return Page(tuple(made_of(one) for one in found), total)

    def _count(self, scope: Scope, run: Run, action: str | None) -> int:
        """How many there are; of one action, as of a part of an area that has no code, up to one too many."""
        if action is None and has_counts(scope.prefix):
            with unlogged(self.engine) as connection:
                return count_run(connection, run, scope.prefix).scored
        some = select(assessment.c.score).where(*_conditions(scope, run, action)).limit(MOST_LISTED + 1)
        if len(scope.prefix or "") < _COUNTY:
            # What asks for a visit stands before what does not: of a wide area enough are counted sooner.
            some = some.order_by(assessment.c.score.desc())
        return int(self._read(select(func.count()).select_from(some.subquery()))[0][0])

    def note_result(self, caller: Caller, job_id: str) -> None:
        """Log that a job's result file is read; raises `Problem` where that cannot be."""
        audit = self._audit()
        with logged(self.writer) as connection:
            audit.append(connection, caller, Action.RESULT_READ, [job_id])

    def _audit(self) -> AuditLog:
        if self.audit is None:
            raise Problem("audit_failed")
        return self.audit

    def _read(self, query: Select[Any]) -> Sequence[Row[Any]]:
        with unlogged(self.engine) as connection:
            return connection.execute(query).all()


MOST_LISTED = 10_000
"""Whoever wants to see those of lower scores asks for a smaller area."""
_COUNTY = 6
_LOCK = 4
_KEY = (assessment.c.household_id, assessment.c.as_of_date, assessment.c.model_version)
_REPLACED = ("score", "grade", "suggested_action", "body", "written_at")


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["household_id"], row["as_of_date"], row["model_version"]


def _conditions(scope: Scope, run: Run, action: str | None = None) -> list[ColumnElement[bool]]:
    village, prefix = assessment.c.village_code, scope.prefix
    made = [
        scope.condition(village),
        assessment.c.as_of_date == run.as_of_date,
        assessment.c.model_version == run.model_version,
    ]
    if prefix is not None and len(prefix) >= _COUNTY:
        # The first of a wider area are found by score sooner than by its villages.
        made += inside(prefix, village)
    return made if action is None else [*made, assessment.c.suggested_action == action]


def _former(caller: Caller, row: Row[Any]) -> Select[Any]:
    """The assessment before this one: of an earlier date, or of the same one before a correction.

    Of several of a date it is the same model's, or the one written last.
    """
    body, every = row.body, every_assessment()
    day = dt.date.fromisoformat(body["as_of_date"])
    before = every.c.as_of_date < day
    if is_made_again(body):
        before |= (every.c.as_of_date == day) & (every.c.written_at < row.written_at)
    return (
        stored_assessments(of=every)
        .where(
            every.c.household_id == body["household_id"],
            before,
            caller.scope.condition(every.c.village_code),
        )
        .order_by(
            every.c.as_of_date.desc(),
            (every.c.model_version == body["model_version"]).desc(),
            every.c.written_at.desc(),
            every.c.id.desc(),
        )
        .limit(1)
    )


def stored_assessments(*more: ColumnElement[Any], of: FromClause = assessment) -> Select[Any]:
    """The query for what `made_of` reads, and `more` columns; `of` the runs, or of `every_assessment`."""
    read = (of.c.body, of.c.village_code, model_release.c.horizon_months, of.c.written_at)
    added = [one for one in more if not any(one is had for had in read)]
    joined = of.join(model_release, model_release.c.version == of.c.model_version)
    return select(*read, *added).select_from(joined)


def made_of(row: Row[Any]) -> Stored:
    """The assessment that a row of `stored_assessments` holds, in words."""
    return Stored(put_into_words(row.body), row.village_code, row.horizon_months, row.written_at)


def _is_same(former: tuple[dict[str, Any], str], latter: tuple[dict[str, Any], str]) -> bool:
    """Whether two bodies say the same of one village, and the latter is not the first from signals that are
    kept: from then on a replay answers for it."""
    if former[0].get(FROM_FILES) and not latter[0].get(FROM_FILES):
        return False
    said = [({**body, FROM_FILES: None}, village) for body, village in (former, latter)]
    return said[0] == said[1]


def _row(body: Mapping[str, Any], village_code: str, now: dt.datetime) -> dict[str, Any]:
    return {
        "household_id": body["household_id"],
        "as_of_date": dt.date.fromisoformat(body["as_of_date"]),
        "model_version": body["model_version"],
        "village_code": village_code,
        "score": body["score"],
        "grade": body["grade"],
        "suggested_action": body["suggested_action"],
        "body": dict(body),
        "written_at": now,
    }
