"""The ledger of leads: every one kept once, merged into its household's case, read inside the caller's
area."""

from __future__ import annotations

import datetime as dt
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, Select, bindparam, select, tuple_, update

from features.policy import DEFAULT_REGION
from serving.access import Caller, Scope
from serving.cases.card import MOST_CAUSES, Card, make_card
from serving.cases.channel import Channel
from serving.cases.events import find_event_keys, same_event_days
from serving.cases.lead import Lead
from serving.cases.practice import get_practice, practice_of
from serving.cases.state import CaseState
from serving.storage.audit import AuditLog
from serving.storage.audit_actions import Action, Outcome
from serving.storage.case_rows import hold_cases
from serving.storage.case_tables import case_file, case_lead
from serving.storage.cases import CaseStore
from serving.storage.database import WRITES, lock_for_all
from serving.storage.keys import utc_now
from serving.storage.page_mark import write_mark
from serving.storage.ranges import inside
from serving.storage.transactions import logged

MOST_LEADS = 2_000
"""Leads that are added at once."""
MOST_OPEN_LEADS = 500
"""Leads besides scores that one open case takes from one source, a department's system or a person, so that
nobody fills it for others. An assumption: one every second day for three years, longer than a case with a new
lead should wait for its visit."""
_COUNTY = 6
_LOCK = 8
_OPEN_TO_LEADS = frozenset({CaseState.FOUND, CaseState.ALERTED, CaseState.VERIFYING})
"""States in which leads still say what a case is about; later on the visit does."""

Place = tuple[str, str]
"""Household and village."""


@dataclass(frozen=True)
class Added:
    """What became of some leads: how many are new, how many were there, cases opened and joined by new
    ones."""

    new: int = 0
    repeated: int = 0
    cases_opened: int = 0
    cases_joined: int = 0

    def __add__(self, other: Added) -> Added:
        return Added(*(mine + others for mine, others in zip(_counts(self), _counts(other), strict=True)))


@dataclass(frozen=True)
class KeptLead:
    """A lead as it lies in the ledger."""

    id: str
    case_id: str
    event_key: str
    received_at: dt.datetime
    lead: Lead


class TooManyLeadsError(Exception):
    """Leads of households, in `places`, whose open case has as many of their source as it takes."""

    def __init__(self, places: Sequence[Place]) -> None:
        super().__init__()
        self.places = frozenset(places)


@dataclass(frozen=True)
class LeadFilter:
    """Which leads are asked for; what is `None` or empty does not matter."""

    area: str = ""
    channel: Channel | None = None
    theme: str | None = None
    code: str | None = None
    is_hard: bool | None = None
    disagreement: str | None = None
    since: dt.date | None = None


@dataclass(frozen=True)
class LeadPage:
    """Some leads, the newest known first; `after` is where the next page begins, `None` at the end."""

    items: tuple[KeptLead, ...]
    after: str | None


class LeadStore:
    """The leads of one database. Whoever reads or writes is in the audit log; `Problem` (503) where it fails.

    `region` is the policy region whose days make one event.
    """

    def __init__(
        self, engine: Engine, audit: AuditLog, cases: CaseStore, region: str = DEFAULT_REGION,
        now: Callable[[], dt.datetime] = utc_now,
    ) -> None:  # fmt: skip
        self.writer = engine.execution_options(**WRITES)
        self.audit = audit
        self.cases = cases
        self.region = region
        self.now = now

    def add(
        self,
        caller: Caller,
        leads: Sequence[Lead],
        *,
        on: dt.date,
        most_open: int | None = None,
        finish: Callable[[Connection, Added], None] | None = None,
    ) -> Added:
        """Keep leads in one transaction: those that are there already change nothing.

        A household without an open case gets one, opened `on` that day. `finish` writes what belongs into
        the same transaction. Raises `ValueError` for more than `MOST_LEADS`, or a lead outside of the
        caller's area, and `TooManyLeadsError` where an open case would have more than `most_open`.
        """
        with logged(self.writer) as connection:
            added = self.add_in(connection, caller, leads, on=on, most_open=most_open)
            if finish is not None:
                finish(connection, added)
        return added

    def add_in(
        self,
        connection: Connection,
        caller: Caller,
        leads: Sequence[Lead],
        *,
        on: dt.date,
        most_open: int | None = None,
    ) -> Added:
        """The same as a part of a transaction that a writer began."""
        if len(leads) > MOST_LEADS or not all(caller.scope.contains(one.village_code) for one in leads):
            raise ValueError(f"give up to {MOST_LEADS} leads of households inside the caller's area")
        self.hold_in(connection)
        # Nor may the case that a lead joins be closed meanwhile, or told something else by a move.
        hold_cases(connection)
        new = _new(connection, leads)
        if not new:
            return Added(repeated=len(leads))
        places = sorted({(one.household_id, one.village_code) for one in new})
        kept = self._kept_at(connection, places)
        cases = _open_cases(connection, places)
        if most_open is not None:
            _check_open_leads(new, kept, cases, most_open)
        rows, moved, opened = [], [], 0
        for place in places:
            ours = [one for one in new if (one.household_id, one.village_code) == place]
            known = kept.get(place, [])
            told = [*(one.lead for one in known), *ours]
            keys = find_event_keys(told, same_event_days(told, self.region))
            case = cases.get(place)
            # A closed case keeps its leads: the card is that of what came since.
            of_case = [one.lead for one in known if case is not None and one.case_id == case.id]
            card = make_card([*of_case, *ours], keys)
            case_id = self._open(connection, card, on) if case is None else self._join(connection, case, card)
            opened += case is None
            rows += [self._row(one, case_id, keys[one.dedup_key]) for one in ours]
            moved += _moved(known, keys)
        _write(connection, rows, moved)
        subjects = [self.audit.household(one) for one in dict.fromkeys(household for household, _ in places)]
        self.audit.append(connection, caller, Action.LEAD_ADDED, subjects, Outcome.DONE)
        return Added(len(new), len(leads) - len(new), opened, len(places) - opened)

    def hold_in(self, connection: Connection) -> None:
        """Let nobody else add leads until the transaction ends: what is there decides what is new.

        Whoever opens a case as well holds the leads first, as `add` does.
        """
        lock_for_all(connection, _LOCK)

    def keep_in(self, connection: Connection, caller: Caller, case_id: str, leads: Sequence[Lead]) -> None:
        """Keep leads of one household in a case that says already what they say, as a part of a transaction
        that holds them."""
        new = _new(connection, leads)
        if not new:
            return
        place = (new[0].household_id, new[0].village_code)
        known = self._kept_at(connection, [place]).get(place, [])
        told = [*(one.lead for one in known), *new]
        keys = find_event_keys(told, same_event_days(told, self.region))
        _write(connection, [self._row(one, case_id, keys[one.dedup_key]) for one in new], _moved(known, keys))
        self.audit.append(
            connection, caller, Action.LEAD_ADDED, [self.audit.household(place[0])], Outcome.DONE
        )

    def page(
        self, caller: Caller, asked: LeadFilter, *, limit: int = 50, after: tuple[dt.date, str] | None = None
    ) -> LeadPage:
        """A page of the leads that the caller may see."""
        conditions = _conditions(caller, asked)
        if after is not None:
            mark = tuple_(*after, types=[one.type for one in _ORDER])
            conditions.append(tuple_(*_ORDER) < mark)
        query = select(case_lead).where(*conditions)
        if asked.disagreement is not None:
            of = select(case_file.c.id).where(case_file.c.disagreement == asked.disagreement)
            query = query.where(case_lead.c.case_id.in_(of))
        query = query.order_by(*(one.desc() for one in _ORDER)).limit(limit + 1)
        with logged(self.writer) as connection:
            rows = connection.execute(query).all()
            page = [kept_lead(one) for one in rows[:limit]]
            read = dict.fromkeys(self.audit.household(one.lead.household_id) for one in page)
            self.audit.append(connection, caller, Action.HOUSEHOLD_LISTED, list(read))
        more = len(rows) > limit
        return LeadPage(tuple(page), write_mark(page[-1].lead.known_on, page[-1].id) if more else None)

    def leads_of(
        self, caller: Caller, *, household_id: str | None = None, case_id: str | None = None
    ) -> tuple[KeptLead, ...]:
        """All leads of a household, or of a case, that the caller may see, the earliest first."""
        if (household_id is None) == (case_id is None):
            raise ValueError("give a household or a case, one of the two")
        of = case_lead.c.household_id == household_id if household_id else case_lead.c.case_id == case_id
        query = select(case_lead).where(of, caller.scope.condition(case_lead.c.village_code))
        with logged(self.writer) as connection:
            rows = connection.execute(query.order_by(case_lead.c.occurred_on, case_lead.c.id)).all()
            made = tuple(kept_lead(one) for one in rows)
            outcome = Outcome.SHOWN if made else Outcome.NOT_FOUND
            whose = dict.fromkeys(one.lead.household_id for one in made)
            if household_id is not None:
                whose = {household_id: None}
            # Of a case that is not there nobody knows whose it would be.
            nobody = [] if whose else [self.audit.value("case", str(case_id))]
            subjects = [*map(self.audit.household, whose), *nobody]
            self.audit.append(connection, caller, Action.HOUSEHOLD_READ, subjects, outcome)
        return made

    def _kept_at(self, connection: Connection, places: Sequence[Place]) -> dict[Place, list[KeptLead]]:
        query = select(case_lead).where(
            case_lead.c.household_id.in_(sorted({household for household, _ in places})),
            case_lead.c.village_code.in_(sorted({village for _, village in places})),
        )
        made: dict[Place, list[KeptLead]] = {}
        for row in connection.execute(query):
            made.setdefault((row.household_id, row.village_code), []).append(kept_lead(row))
        return made

    def _open(self, connection: Connection, card: Card, on: dt.date) -> str:
        practice = practice_of(card.village_code, on)
        made = self.cases.open_in(
            connection, household_id=card.household_id, village_code=card.village_code, opened_on=on,
            grade=practice.grade_of(card.score_grade, card.is_hard), theme=card.theme, is_hard=card.is_hard,
            disagreement=card.disagreement, causes=card.causes,
        )  # fmt: skip
        return made.id

    def _join(self, connection: Connection, case: Row[Any], card: Card) -> str:
        """Say in the case what its leads say by now; what a visit found is added to and never taken back."""
        grade = get_practice(case.practice).grade_of(card.score_grade, card.is_hard)
        # A gap that was found at the door is in no lead.
        is_hard = int(card.is_hard or bool(case.is_hard))
        values: dict[str, Any] = {"is_hard": is_hard, "disagreement": card.disagreement}
        if CaseState(case.state) in _OPEN_TO_LEADS:
            if case.last_visited_on is None:
                values |= {"grade": grade, "theme": card.theme, "causes": list(card.causes)}
            else:
                told = tuple(dict.fromkeys((*case.causes, *card.causes)))
                values["causes"] = list(told[:MOST_CAUSES])
                if grade < case.grade:
                    values |= {"grade": grade, "theme": card.theme}
        changes = {name: value for name, value in values.items() if getattr(case, name) != value}
        if changes:
            changes |= {"version": case.version + 1, "changed_at": self.now()}
            connection.execute(update(case_file).where(case_file.c.id == case.id).values(changes))
        return str(case.id)

    def _row(self, lead: Lead, case_id: str, event_key: str) -> dict[str, Any]:
        return {
            "id": uuid.uuid4().hex, "case_id": case_id, "household_id": lead.household_id,
            "village_code": lead.village_code, "channel": lead.channel.value, "source": lead.source,
            "code": lead.code, "theme": lead.theme,
            "occurred_on": lead.occurred_on, "known_on": lead.known_on,
            "received_at": self.now(), "facts": dict(lead.facts), "is_hard": int(lead.is_hard),
            "event_key": event_key, "dedup_key": lead.dedup_key,
        }  # fmt: skip


def _new(connection: Connection, leads: Sequence[Lead]) -> list[Lead]:
    """Those that are not in the ledger, each once."""
    by_key = {one.dedup_key: one for one in leads}
    found = select(case_lead.c.dedup_key).where(case_lead.c.dedup_key.in_(list(by_key)))
    there = set(connection.execute(found).scalars())
    return [one for key, one in by_key.items() if key not in there]


def _check_open_leads(
    new: Sequence[Lead], kept: Mapping[Place, Sequence[KeptLead]], cases: Mapping[Place, Row[Any]], most: int
) -> None:
    open_ids = {case.id for case in cases.values()}
    there = [one.lead for some in kept.values() for one in some if one.case_id in open_ids]
    count = Counter(
        (one.household_id, one.village_code, one.source)
        for one in (*there, *new)
        if one.channel is not Channel.SCORE
    )
    full = {
        (one.household_id, one.village_code)
        for one in new
        if count[one.household_id, one.village_code, one.source] > most
    }
    if full:
        raise TooManyLeadsError(sorted(full))


def _moved(known: Sequence[KeptLead], keys: Mapping[str, str]) -> list[dict[str, str]]:
    """Whose event is another one now: what came between two events may have made them one."""
    return [
        {"of": one.id, "to": keys[one.lead.dedup_key]}
        for one in known
        if keys[one.lead.dedup_key] != one.event_key
    ]


def _write(connection: Connection, rows: list[dict[str, Any]], moved: list[dict[str, str]]) -> None:
    connection.execute(case_lead.insert(), rows)
    if moved:
        changed = update(case_lead).where(case_lead.c.id == bindparam("of"))
        connection.execute(changed.values(event_key=bindparam("to")), moved)


_ORDER: tuple[ColumnElement[Any], ...] = (case_lead.c.known_on, case_lead.c.id)


def _conditions(caller: Caller, asked: LeadFilter) -> list[ColumnElement[bool]]:
    village = case_lead.c.village_code
    made = [caller.scope.condition(village), Scope(asked.area).condition(village)]
    # The newest of a wide area are found by their days sooner than by its villages.
    narrow = max(caller.scope.prefix or "", asked.area, key=len)
    if len(narrow) >= _COUNTY:
        made += inside(narrow, village)
    equal: Mapping[str, Any] = {
        "channel": asked.channel, "theme": asked.theme, "code": asked.code,
        "is_hard": None if asked.is_hard is None else int(asked.is_hard),
    }  # fmt: skip
    made += [case_lead.c[name] == value for name, value in equal.items() if value is not None]
    if asked.since is not None:
        made.append(case_lead.c.known_on >= asked.since)
    return made


def _open_cases(connection: Connection, places: Sequence[Place]) -> dict[Place, Row[Any]]:
    query: Select[Any] = select(case_file).where(
        case_file.c.household_id.in_(sorted({household for household, _ in places})),
        case_file.c.village_code.in_(sorted({village for _, village in places})),
        case_file.c.closed_on.is_(None),
    )
    return {(one.household_id, one.village_code): one for one in connection.execute(query)}


def kept_lead(row: Row[Any]) -> KeptLead:
    """The lead that a row of the ledger holds."""
    lead = Lead(
        row.household_id, row.village_code, Channel(row.channel), row.source, row.code, row.theme,
        row.occurred_on, row.known_on, row.facts, bool(row.is_hard),
    )  # fmt: skip
    return KeptLead(row.id, row.case_id, row.event_key, row.received_at, lead)


def _counts(added: Added) -> tuple[int, ...]:
    return added.new, added.repeated, added.cases_opened, added.cases_joined
