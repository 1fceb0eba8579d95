"""Stored corrections: proposed at a visit, approved or refused by another person, and facts from then on."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Connection, Engine, Row, Select, func, select, true, update

from serving.access import Caller
from serving.cases.clocks import china_day
from serving.cases.correction import Approved, Correction, CorrectionState, Refusal
from serving.errors import Problem
from serving.storage.audit import AuditLog
from serving.storage.audit_actions import Action, Outcome
from serving.storage.case_rows import hold_cases
from serving.storage.case_tables import correction, visit
from serving.storage.database import WRITES
from serving.storage.keys import utc_now
from serving.storage.transactions import logged, unlogged

Corrections: TypeAlias = dict[str, list[Approved]]
"""Household → its approved corrections, the first first."""
COUNTY = 6
"""Characters of a county's code: a correction follows its household inside of the county."""
_MOST_KEYS = 500


@dataclass(frozen=True)
class StoredCorrection:
    """One correction with its visit's date and proposer; reviewed, by whom, when and, where refused, why."""

    id: str
    visit_id: str
    household_id: str
    village_code: str
    visited_on: dt.date
    correction: Correction
    state: CorrectionState
    proposer: str
    proposed_at: dt.datetime
    reviewer: str | None
    reviewed_at: dt.datetime | None
    why: Refusal | None


@dataclass(frozen=True)
class CorrectionPage:
    """Some corrections, the longest waiting first, and how many there are in all."""

    items: tuple[StoredCorrection, ...]
    total: int


def propose_in(
    connection: Connection,
    visit_id: str,
    household_id: str,
    village_code: str,
    given: Sequence[Correction],
    now: dt.datetime,
) -> None:
    """Keep the corrections of a visit, in its transaction."""
    rows = [
        {
            "id": uuid.uuid4().hex, "visit_id": visit_id, "household_id": household_id,
            "village_code": village_code, "feed": one.feed, "row": dict(one.row),
            "replaces": dict(one.replaces) if one.replaces is not None else None,
            "state": CorrectionState.PROPOSED.value, "proposed_at": now,
        }
        for one in given
    ]  # fmt: skip
    if rows:
        connection.execute(correction.insert(), rows)


class CorrectionStore:
    """The corrections of one database. Raises `Problem` (503) when it does not answer or cannot log."""

    def __init__(self, engine: Engine, audit: AuditLog, now: Callable[[], dt.datetime] = utc_now) -> None:
        self.engine = engine
        self.writer = engine.execution_options(**WRITES)
        self.audit = audit
        self.now = now

    def list(
        self,
        caller: Caller,
        state: CorrectionState | None = None,
        *,
        limit: int = 50,
        offset: int = 0,
    ) -> CorrectionPage:
        """The corrections that the caller may see, of one state if asked for."""
        chosen = [caller.scope.condition(correction.c.village_code)]
        if state is not None:
            chosen.append(correction.c.state == state.value)
        with logged(self.writer) as connection:
            total = connection.execute(
                select(func.count()).select_from(correction).where(*chosen)
            ).scalar_one()
            rows = connection.execute(
                _stored(chosen)
                .order_by(correction.c.proposed_at, correction.c.id)
                .limit(limit)
                .offset(offset)
            ).all()
            read = [self.audit.household(one) for one in dict.fromkeys(row.household_id for row in rows)]
            self.audit.append(connection, caller, Action.HOUSEHOLD_LISTED, read)
        return CorrectionPage(tuple(_made(one) for one in rows), total)

    def find(self, caller: Caller, correction_id: str) -> StoredCorrection | None:
        """One correction; `None` for one that the caller may not see."""
        chosen = [correction.c.id == correction_id, caller.scope.condition(correction.c.village_code)]
        with logged(self.writer) as connection:
            row = connection.execute(_stored(chosen)).first()
            subject = [self.audit.household(row.household_id if row is not None else "")]
            outcome = Outcome.NOT_FOUND if row is None else Outcome.SHOWN
            self.audit.append(connection, caller, Action.HOUSEHOLD_READ, subject, outcome)
        return None if row is None else _made(row)

    def review(
        self, caller: Caller, account_id: str, correction_id: str, *, refusal: Refusal | None
    ) -> StoredCorrection | None:
        """Refuse a correction for a reason, or without one approve it; saying the same again changes nothing.

        Raises `Problem`: `correction_own` (403) for whoever proposed it, `correction_reviewed` (409) where it
        was reviewed otherwise. `None` for one that the caller may not see.
        """
        state = CorrectionState.APPROVED if refusal is None else CorrectionState.REFUSED
        chosen = [
            correction.c.id == correction_id, caller.scope.condition(correction.c.village_code)
        ]  # fmt: skip
        with logged(self.writer) as connection:
            hold_cases(connection)
            row = connection.execute(_stored(chosen)).first()
            if row is None:
                # What was asked for may be anything, and is not repeated in the log.
                self.audit.append(
                    connection, caller, Action.CORRECTION_REVIEWED, [self.audit.household("")],
                    Outcome.NOT_FOUND,
                )  # fmt: skip
                return None
            found = _made(row)
            if (found.state, found.why, found.reviewer) == (state, refusal, account_id):
                subject = [self.audit.household(found.household_id)]
                self.audit.append(connection, caller, Action.HOUSEHOLD_READ, subject)
                return found
            if found.state is not CorrectionState.PROPOSED:
                raise Problem("correction_reviewed")
            if found.proposer == account_id:
                raise Problem("correction_own")
            connection.execute(
                update(correction)
                .where(correction.c.id == correction_id)
                .values(state=state.value, reviewed_at=self.now(), reviewer=account_id, why=refusal)
            )
            outcome = Outcome.DONE if refusal is None else Outcome.REFUSED
            subject = [self.audit.household(found.household_id)]
            self.audit.append(connection, caller, Action.CORRECTION_REVIEWED, subject, outcome)
            return _made(connection.execute(_stored(chosen)).one())

    def approved_of(self, household_ids: Collection[str], before: dt.datetime | None = None) -> Corrections:
        """Household → its approved corrections, the first first; those reviewed until a moment.

        For the code that lays them over facts which a caller was found to be allowed to see.
        """
        made: Corrections = {}
        keys = sorted(set(household_ids))
        for start in range(0, len(keys), _MOST_KEYS):
            part = correction.c.household_id.in_(keys[start : start + _MOST_KEYS])
            with unlogged(self.engine) as connection:
                made |= _approved(connection, part, before)
        return made


def corrections_of(connection: Connection, visit_ids: Sequence[str]) -> dict[str, list[StoredCorrection]]:
    """Visit → the corrections that it proposed, in the order of their feeds: of visits that may be seen."""
    query = _stored([correction.c.visit_id.in_(visit_ids)]).order_by(correction.c.feed, correction.c.id)
    made: dict[str, list[StoredCorrection]] = {}
    for row in connection.execute(query) if visit_ids else ():
        made.setdefault(row.visit_id, []).append(_made(row))
    return made


def approved_corrections(engine: Engine) -> dict[str, list[Approved]]:
    """Household → its approved corrections, of every household: for a batch."""
    with engine.connect() as connection:
        return _approved(connection, true(), None)


def _approved(
    connection: Connection, part: ColumnElement[bool], before: dt.datetime | None
) -> dict[str, list[Approved]]:
    query = select(correction).where(correction.c.state == CorrectionState.APPROVED.value, part)
    if before is not None:
        query = query.where(correction.c.reviewed_at <= before)
    made: dict[str, list[Approved]] = {}
    for row in connection.execute(query.order_by(correction.c.reviewed_at, correction.c.id)):
        told = Correction(row.feed, row.row, row.replaces)
        one = Approved(row.household_id, row.village_code, told, china_day(row.reviewed_at))
        made.setdefault(one.household_id, []).append(one)
    return made


def concerning(approved: Sequence[Approved], village_code: str) -> list[Approved]:
    """Those of the household in a village: two counties may each know a household of one key."""
    return [one for one in approved if one.village_code[:COUNTY] == village_code[:COUNTY]]


def _stored(chosen: Sequence[ColumnElement[bool]]) -> Select[Any]:
    return select(correction, visit.c.visited_on, visit.c.visitor).join(visit).where(*chosen)


def _made(row: Row[Any]) -> StoredCorrection:
    told: Mapping[str, Any] | None = row.replaces
    return StoredCorrection(
        row.id, row.visit_id, row.household_id, row.village_code, row.visited_on,
        Correction(row.feed, row.row, told), CorrectionState(row.state), row.visitor, row.proposed_at,
        row.reviewer, row.reviewed_at, Refusal(row.why) if row.why is not None else None,
    )  # fmt: skip
