"""The history of a household: its stored assessments, newest first, each beside the one before it."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, func, select, tuple_

from serving.access import Caller
from serving.storage.assessments import History, Stored, made_of, stored_assessments
from serving.storage.audit import AuditLog
from serving.storage.audit_actions import Action, Outcome
from serving.storage.case_tables import rescored_assessment
from serving.storage.database import WRITES
from serving.storage.rescored import every_assessment, is_made_again
from serving.storage.tables import model_release
from serving.storage.transactions import logged
from serving.storage.unheard import Unheard, find_unheard

_EVERY = every_assessment()
_ORDER = (_EVERY.c.as_of_date, _EVERY.c.written_at, _EVERY.c.id)


@dataclass(frozen=True)
class Mark:
    """Where a page ended: what comes after it was assessed, or written, before."""

    as_of: dt.date
    written_at: dt.datetime
    id: int

    @property
    def text(self) -> str:
        """The mark as a client is given it; it names no household."""
        said = [self.as_of.isoformat(), self.written_at.isoformat(), self.id]
        return base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")

    @classmethod
    def read(cls, text: str) -> Mark:
        """The inverse of `text`; raises `ValueError` for anything else."""
        try:
            said = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            as_of, written_at, number = said
            mark = cls(dt.date.fromisoformat(as_of), dt.datetime.fromisoformat(written_at), number)
            # At the ends of time a moment elsewhere is none in UTC, in which it is looked for.
            mark.written_at.astimezone(dt.UTC)
        except (ValueError, TypeError, OverflowError, binascii.Error, RecursionError):
            raise ValueError("no mark of a page") from None
        is_whole = type(number) is int and 0 < number < 2**63 and mark.written_at.tzinfo is not None
        if not is_whole or mark.text != text:
            raise ValueError("no mark of a page")
        return mark


@dataclass(frozen=True)
class HistoryPage:
    """Some assessments of a household, each with the one of the latest date before it; `after` is where the
    next page begins, `None` at the end. `unheard` is that nothing was known of it after all its assessments,
    those of other pages and periods too, or where it has none."""

    items: tuple[History, ...]
    after: Mark | None
    unheard: Unheard | None = None


@dataclass(frozen=True)
class Past:
    """One past assessment and the hash of the model that made it."""

    stored: Stored
    manifest_sha256: str


class HistoryStore:
    """The histories of one database. Whoever reads sees nothing outside their area, and is in the audit log.

    Raises `Problem` (503) when the database does not answer or the read cannot be logged.
    """

    def __init__(self, engine: Engine, audit: AuditLog) -> None:
        self.writer = engine.execution_options(**WRITES)
        self.audit = audit

    def list(
        self,
        caller: Caller,
        household_id: str,
        *,
        since: dt.date | None = None,
        until: dt.date | None = None,
        limit: int = 20,
        after: Mark | None = None,
    ) -> HistoryPage | None:
        """A page of the assessments from `since` to `until`; `None` for a household the caller cannot see."""
        visible = _visible(caller, household_id)
        chosen = [*visible]
        if since is not None:
            chosen.append(_EVERY.c.as_of_date >= since)
        if until is not None:
            chosen.append(_EVERY.c.as_of_date <= until)
        if after is not None:
            chosen.append(_before(after))
        with logged(self.writer) as connection:
            newest = connection.execute(
                select(*_ORDER).where(*visible).order_by(*(one.desc() for one in _ORDER)).limit(1)
            ).first()
            unheard = find_unheard(connection, caller, household_id, None)
            rows = self._rows(connection, chosen, limit + 1)
            page, more = rows[:limit], len(rows) > limit
            older = self._older(connection, visible, page[-1]) if page else []
            outcome = Outcome.SHOWN if newest or unheard else Outcome.NOT_FOUND
            self._log(connection, caller, household_id, outcome)
        if newest is None and unheard is None:
            return None
        if newest is not None and unheard is not None:
            said = newest.as_of_date, newest.written_at
            unheard = unheard if said < (unheard.as_of_date, unheard.written_at) else None
        all_rows = [*page, *older]
        items = [History(made_of(row), _former(row, all_rows[at + 1 :])) for at, row in enumerate(page)]
        return HistoryPage(tuple(items), _mark(page[-1]) if more else None, unheard)

    def find(
        self,
        caller: Caller,
        household_id: str,
        as_of: dt.date,
        model_version: str | None = None,
        written_at: dt.datetime | None = None,
    ) -> Past | None:
        """The assessment of a date, of a model or of the one that wrote last; `None` where there is none.

        A date has several where a correction was approved: `written_at`, to the second, says which.
        """
        query = stored_assessments(model_release.c.manifest_sha256, of=_EVERY).where(
            *_visible(caller, household_id), _EVERY.c.as_of_date == as_of
        )
        if model_version is not None:
            query = query.where(_EVERY.c.model_version == model_version)
        if written_at is not None:
            first, last = (written_at.replace(microsecond=one) for one in (0, 999_999))
            query = query.where(_EVERY.c.written_at.between(first, last))
        with logged(self.writer) as connection:
            row = connection.execute(query.order_by(*(one.desc() for one in _ORDER)).limit(1)).first()
            self._log(connection, caller, household_id, Outcome.SHOWN if row else Outcome.NOT_FOUND)
        return Past(made_of(row), row.manifest_sha256) if row else None

    def find_corrected(self, caller: Caller, correction_id: str) -> History | None:
        """The assessment that was made again after a correction, beside the one before it; `None` where none
        was, or the caller cannot see it."""
        query = select(rescored_assessment).where(
            rescored_assessment.c.correction_id == correction_id,
            caller.scope.condition(rescored_assessment.c.village_code),
        )
        with logged(self.writer) as connection:
            found = connection.execute(query).first()
            if found is None:
                return None
            visible = _visible(caller, found.household_id)
            its = (_EVERY.c.as_of_date == found.as_of_date, _EVERY.c.written_at == found.written_at)
            rows = self._rows(connection, [*visible, *its, _EVERY.c.id == found.id])
            older = self._older(connection, visible, rows[0])
            self._log(connection, caller, found.household_id, Outcome.SHOWN)
        return History(made_of(rows[0]), _former(rows[0], older))

    def note_scored(self, caller: Caller, household_ids: Sequence[str], found: Collection[str]) -> None:
        """Log that what is stored of households is scored anew, before it is told; those not `found` too."""
        with logged(self.writer) as connection:
            for outcome in (Outcome.SHOWN, Outcome.NOT_FOUND):
                subjects = [
                    self.audit.household(one)
                    for one in household_ids
                    if (one in found) == (outcome is Outcome.SHOWN)
                ]
                self.audit.append(connection, caller, Action.HOUSEHOLD_SCORED, subjects, outcome)

    def _rows(
        self, connection: Connection, conditions: Sequence[ColumnElement[bool]], limit: int | None = None
    ) -> Sequence[Row[Any]]:
        query = stored_assessments(*_ORDER, _EVERY.c.model_version, of=_EVERY).where(*conditions)
        return connection.execute(query.order_by(*(one.desc() for one in _ORDER)).limit(limit)).all()

    def _older(
        self, connection: Connection, visible: Sequence[ColumnElement[bool]], last: Row[Any]
    ) -> Sequence[Row[Any]]:
        """The assessments after a page down to the end of the next date: one of them is the last's former."""
        next_date = (
            select(func.max(_EVERY.c.as_of_date))
            .where(*visible, _EVERY.c.as_of_date < last.as_of_date)
            .scalar_subquery()
        )
        down_to = func.coalesce(next_date, last.as_of_date, type_=_EVERY.c.as_of_date.type)
        return self._rows(connection, [*visible, _before(_mark(last)), _EVERY.c.as_of_date >= down_to])

    def _log(self, connection: Connection, caller: Caller, household_id: str, outcome: Outcome) -> None:
        subject = [self.audit.household(household_id)]
        self.audit.append(connection, caller, Action.HOUSEHOLD_READ, subject, outcome)


def _visible(caller: Caller, household_id: str) -> list[ColumnElement[bool]]:
    return [_EVERY.c.household_id == household_id, caller.scope.condition(_EVERY.c.village_code)]


def _before(mark: Mark) -> ColumnElement[bool]:
    types = [one.type for one in _ORDER]
    return tuple_(*_ORDER) < tuple_(mark.as_of, mark.written_at, mark.id, types=types)


def _mark(row: Row[Any]) -> Mark:
    return Mark(row.as_of_date, row.written_at, row.id)


def _former(row: Row[Any], older: Sequence[Row[Any]]) -> Stored | None:
    """Of the latest date before the row's, the same model's assessment or the one written last.

    One that was made after a correction is compared with the one before it, of the same date too.
    """
    earlier = [one for one in older if is_made_again(row.body) or one.as_of_date < row.as_of_date]
    of_date = [one for one in earlier if one.as_of_date == earlier[0].as_of_date]
    if not of_date:
        return None
    same_model = [one for one in of_date if one.model_version == row.model_version]
    return made_of((same_model or of_date)[0])
