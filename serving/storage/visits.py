"""Stored visits: each once, however often it is sent; with the case, list and corrections it touches."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, select, update

from features.policy import policy_value
from serving.access import Caller
from serving.cases.clocks import china_day, region_of
from serving.cases.practice import practice_of
from serving.cases.visit import (
    Finding,
    VisitForm,
    check_answers,
    check_in_time,
    check_since,
    families_of,
)
from serving.cases.visit_leads import find_visit_leads
from serving.errors import FieldError, Problem
from serving.storage.audit import AuditLog
from serving.storage.audit_actions import Action, Outcome
from serving.storage.case_notes import note_visit
from serving.storage.case_rows import hold_cases
from serving.storage.case_tables import case_file, visit, worklist, worklist_entry
from serving.storage.cases import CaseStore
from serving.storage.corrections import propose_in
from serving.storage.database import WRITES
from serving.storage.keys import utc_now
from serving.storage.leads import LeadStore
from serving.storage.rescored import every_assessment
from serving.storage.stored_visits import StoredVisit, stored_visit
from serving.storage.transactions import logged
from serving.storage.unheard import find_unheard
from serving.storage.whereabouts import find_village

LIST_DAYS = 62
"""A worklist of longer ago is not why anybody came."""
RANDOM = "random"
OTHER = "other"

AS_GRADED = "high"
"""Difficulty that was seen at the door is as urgent as what a score calls high."""


@dataclass(frozen=True)
class Recorded:
    """A visit that is kept. `is_new` is false where it had been sent before."""

    visit_id: str
    case_id: str | None
    case_version: int | None
    is_new: bool


class VisitStore:
    """The visits of one database. Raises `Problem` (503) when it does not answer or cannot log.

    What they mean for cases is told to `cases`.
    """

    def __init__(
        self, engine: Engine, audit: AuditLog, cases: CaseStore, now: Callable[[], dt.datetime] = utc_now
    ) -> None:
        self.writer = engine.execution_options(**WRITES)
        self.audit = audit
        self.cases = cases
        self.leads = LeadStore(engine, audit, cases, now=now)
        self.now = now

    @property
    def today(self) -> dt.date:
        """The day in China."""
        return china_day(self.now())

    def record(self, caller: Caller, account_id: str, household_id: str, form: VisitForm) -> Recorded | None:
        """Keep a visit, and what it means for the household's case, leads and list, in one transaction.

        The same form under the same key is there once; raises `Problem` (422) for another one under it, for
        a visit of before the case's first lead or of too long ago, for an answer to a reason that the
        household's score does not have, and for corrections of one that no run found in the village.
        `None` for a household that the caller may not see.
        """
        with logged(self.writer) as connection:
            if form.surfaces:
                self.leads.hold_in(connection)
            hold_cases(connection)
            subject = [self.audit.household(household_id)]
            village = find_village(connection, caller, household_id)
            if village is None:
                self.audit.append(connection, caller, Action.VISIT_RECORDED, subject, Outcome.NOT_FOUND)
                return None
            former = connection.execute(
                select(visit).where(visit.c.submission_key == form.submission_key)
            ).first()
            if former is not None:
                self.audit.append(connection, caller, Action.HOUSEHOLD_READ, subject)
                return _again(connection, former, household_id, village, form)
            check_in_time(form, self.today, region_of(village))
            found = _open_case(connection, household_id, village)
            if found is not None:
                check_since(form, found.opened_on)
            answered = self._answered(connection, household_id, village, form)
            _check_places(form, village)
            _check_register(connection, caller, form, household_id, village)
            case_id = self._tell_case(connection, household_id, village, form, found)
            if found is None and case_id is not None:
                leads = find_visit_leads(form, household_id, village, account_id, self.today)
                self.leads.keep_in(connection, caller, case_id, leads)
            number = uuid.uuid4().hex
            entry = _entry(connection, household_id, village, form.visited_on)
            is_random = entry is not None and entry.why == RANDOM
            connection.execute(
                visit.insert().values(
                    id=number, case_id=case_id, household_id=household_id, village_code=village,
                    submission_key=form.submission_key, visited_on=form.visited_on, received_at=self.now(),
                    visitor=account_id, role=caller.role.value, is_random=int(is_random),
                    chance=entry.chance if is_random and entry is not None else None,
                    finding=form.finding.value, body={**form.kept(), "answered": answered},
                )
            )  # fmt: skip
            if case_id is not None and form.finding is not Finding.NOT_MET:
                note_visit(connection, case_id, form.visited_on, self.now())
            if entry is not None:
                _settle(connection, entry, number)
            propose_in(connection, number, household_id, village, form.corrections, self.now())
            version = _version(connection, case_id)
            self.audit.append(connection, caller, Action.VISIT_RECORDED, subject, Outcome.DONE)
        return Recorded(number, case_id, version, is_new=True)

    def list(self, caller: Caller, household_id: str, *, limit: int = 50) -> tuple[StoredVisit, ...] | None:
        """The household's visits, the latest first; `None` for one that the caller may not see."""
        query = (
            select(visit)
            .where(visit.c.household_id == household_id, caller.scope.condition(visit.c.village_code))
            .order_by(visit.c.visited_on.desc(), visit.c.received_at.desc(), visit.c.id)
            .limit(limit)
        )
        with logged(self.writer) as connection:
            rows = connection.execute(query).all()
            is_there = bool(rows) or find_village(connection, caller, household_id) is not None
            outcome = Outcome.SHOWN if is_there else Outcome.NOT_FOUND
            subject = [self.audit.household(household_id)]
            self.audit.append(connection, caller, Action.HOUSEHOLD_READ, subject, outcome)
        return tuple(stored_visit(one) for one in rows) if is_there else None

    def _answered(
        self, connection: Connection, household_id: str, village: str, form: VisitForm
    ) -> dict[str, str] | None:
        """Which assessment the answers are about: the last that was there at the visit."""
        if not form.answers:
            return None
        every = every_assessment()
        # One that was made again after a later correction was not.
        said_on = func.coalesce(every.c.body["corrected_on"].as_string(), "")
        row = connection.execute(
            select(every.c.body)
            .where(
                every.c.household_id == household_id,
                every.c.village_code == village,
                every.c.as_of_date <= form.visited_on,
                said_on <= form.visited_on.isoformat(),
            )
            .order_by(every.c.as_of_date.desc(), every.c.written_at.desc())
            .limit(1)
        ).first()
        body = row.body if row is not None else {"risk_reasons": [], "protective_reasons": []}
        check_answers(form, families_of(body))
        return {name: body[name] for name in ("as_of_date", "model_version")}

    def _tell_case(
        self,
        connection: Connection,
        household_id: str,
        village: str,
        form: VisitForm,
        found: Row[Any] | None,
    ) -> str | None:
        """The household's open case; difficulty and gaps open one where there is none."""
        case_id = found.id if found is not None else None
        if form.surfaces:
            practice = practice_of(village, form.visited_on)
            codes = policy_value("reason_codes", region_of(village), form.visited_on).value
            first = form.causes[0] if form.causes else OTHER
            opened = self.cases.open_in(
                connection,
                household_id=household_id,
                village_code=village,
                opened_on=form.visited_on,
                grade=practice.grade_of(AS_GRADED, form.has_gap),
                theme=codes[first]["theme"] if first in codes else OTHER,
                is_hard=form.has_gap,
                disagreement=None,
                causes=form.causes,
            )
            case_id = opened.id
        return case_id


def _again(
    connection: Connection, row: Row[Any], household_id: str, village: str, form: VisitForm
) -> Recorded:
    body = {name: value for name, value in row.body.items() if name != "answered"}
    said = (row.household_id, row.village_code, row.visited_on, row.finding, body)
    # As it would be read back: documents know lists and no tuples, and no words of their own.
    if said != (household_id, village, form.visited_on, form.finding.value, form.kept()):
        raise Problem("submission_key_reused")
    return Recorded(row.id, row.case_id, _version(connection, row.case_id), is_new=False)


def _version(connection: Connection, case_id: str | None) -> int | None:
    return connection.execute(select(case_file.c.version).where(case_file.c.id == case_id)).scalar()


def _open_case(connection: Connection, household_id: str, village: str) -> Any:
    return connection.execute(
        select(case_file.c.id, case_file.c.opened_on).where(
            case_file.c.household_id == household_id,
            case_file.c.village_code == village,
            case_file.c.closed_on.is_(None),
        )
    ).first()


def _check_places(form: VisitForm, village: str) -> None:
    errors = [
        FieldError(f"/corrections/{at}/row/village_code", "other_village", "moves are told by the register")
        for at, one in enumerate(form.corrections)
        if one.feed == "household" and one.row.get("village_code", village) != village
    ]
    if errors:
        raise Problem("request_invalid", errors=errors)


def _check_register(
    connection: Connection, caller: Caller, form: VisitForm, household_id: str, village: str
) -> None:
    """Facts are corrected where a run found the household, also one that knew nothing of it. A lead opens a
    case for any key in any village: without this the facts of another village's household could be corrected
    from there."""
    if not form.corrections:
        return
    every = every_assessment()
    scored = select(every.c.id).where(every.c.household_id == household_id, every.c.village_code == village)
    if connection.execute(scored.limit(1)).first() is not None:
        return
    # Of several villages, the last that a run found it in.
    unheard = find_unheard(connection, caller, household_id, None)
    if unheard is None or unheard.village_code != village:
        way_out = "correct the facts of a household that a run found in this village"
        raise Problem("request_invalid", errors=[FieldError("/corrections", "not_scored", way_out)])


def _entry(connection: Connection, household_id: str, village: str, visited_on: dt.date) -> Any:
    """The household's place in the last list of up to the visit, unless a visit met somebody for it."""
    return connection.execute(
        select(
            worklist_entry.c.worklist_id, worklist_entry.c.household_id, worklist_entry.c.village_code,
            worklist_entry.c.why, worklist_entry.c.chance, worklist_entry.c.visit_id,
        )
        .join(worklist)
        .outerjoin(visit, visit.c.id == worklist_entry.c.visit_id)
        .where(
            worklist_entry.c.household_id == household_id,
            worklist_entry.c.village_code == village,
            worklist.c.made_on <= visited_on,
            worklist.c.made_on > visited_on - dt.timedelta(days=LIST_DAYS),
            func.coalesce(visit.c.finding == Finding.NOT_MET.value, True),
        )
        .order_by(worklist.c.made_on.desc(), worklist.c.made_at.desc())
        .limit(1)
    ).first()  # fmt: skip


def _settle(connection: Connection, entry: Row[Any], visit_id: str) -> None:
    """A draw is one random visit: one that met nobody hands its chance on to the one that comes after it."""
    if entry.visit_id is not None:
        connection.execute(update(visit).where(visit.c.id == entry.visit_id).values(is_random=0, chance=None))
    connection.execute(
        update(worklist_entry)
        .where(
            worklist_entry.c.worklist_id == entry.worklist_id,
            worklist_entry.c.household_id == entry.household_id,
            worklist_entry.c.village_code == entry.village_code,
        )
        .values(visit_id=visit_id)
    )
