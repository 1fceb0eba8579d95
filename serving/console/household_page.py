"""The page of one household: what is foreseen of it, its case, and everything that was said and done."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from features.signals import CONTRACTS
from features.signals.defects import Defect
from serving.access import Caller
from serving.access.gate import caller_of, find_session
from serving.access.policy import POLICIES
from serving.cases.people import MOVERS
from serving.cases.practice import get_practice
from serving.cases.visit import Finding
from serving.console.case_offers import offers_view
from serving.console.case_panel import case_view, history_view, leads_view
from serving.console.course import course_view
from serving.console.earlier_cases import earlier_view
from serving.console.elimination_view import conditions_view
from serving.console.household import household_view
from serving.console.identity import hidden_view
from serving.console.pages import Pages, language_of
from serving.console.texts import texts
from serving.console.visit_history import visits_view
from serving.console.work import Work
from serving.errors import Problem
from serving.identity import IdentityStore
from serving.query import read_day
from serving.storage import History, Unheard
from serving.storage.case_history import WholeCase
from serving.storage.stored_visits import StoredVisit

_VISIT, _SHEET = (POLICIES[f"GET /households/{{household_id}}/{one}"] for one in ("visit", "sheet"))
_PLAN = POLICIES["GET /cases/{case_id}/plan"]
_REVIEW = POLICIES["GET /corrections"]
_KEY = CONTRACTS["household"].field("household_id")


@dataclass(frozen=True)
class Said:
    """What the page says of what was just done or refused: ``done`` or ``refused``, and of which move."""

    kind: str
    text: str
    faults: Sequence[str] = ()
    of: str | None = None


class HouseholdPage:
    """Makes the page from what the caller may see; somebody else's household is as one that is not there."""

    def __init__(self, pages: Pages, work: Work, identities: IdentityStore | None) -> None:
        self.pages = pages
        self.work = work
        self.identities = identities

    def make(
        self,
        request: Request,
        household_id: str,
        *,
        persons: dict[str, Any] | None = None,
        said: Said | None = None,
        status: int = 200,
    ) -> Response:
        """The page; `persons` are shown in place of the masked ones. Raises `Problem` (404)."""
        caller, language = caller_of(request), language_of(request)
        told = self.find(request, household_id)
        found = told if isinstance(told, History) else None
        unheard = told.unheard if isinstance(told, History) else told
        record = self.work.records.find(caller, household_id) if is_key(household_id) else None
        whole = record.whole if record else None
        if record is None or (told is None and whole is None):
            raise Problem("household_not_found")
        if persons is None:
            persons = hidden_view(self.identities, caller, household_id, language)
        view = (
            household_view(found.latest, language, found.changes, is_unheard=unheard is not None)
            if found
            else None
        )
        village = _village(found, whole, unheard)
        today, is_person = self.work.my_list.today(), find_session(request) is not None
        shown: dict[str, Any] = {
            "case": None,
            "past_moves": [],
            "conditions": None,
            "earlier": None,
            "met": None,
            "elsewhere": (),
            "unheard": _unheard(unheard, found, language),
            "course": None,
            "leads": leads_view([one.lead for one in record.leads], language),
            "visits": visits_view(
                record.visits,
                record.corrections,
                found.latest.body if found else None,
                language,
                # Whoever sees the records at a visit, or reviews what is wrong with them.
                is_told=any(one.admits(caller.role, is_signed_in=is_person) for one in (_VISIT, _REVIEW)),
            ),
        }
        if found:
            shown["course"] = course_view(record.course, found.latest.body["base_rate"], language)
            shown["elsewhere"] = found.elsewhere
            shown["met"] = _met_since(record.visits, found.latest.body["as_of_date"], language)
        if whole:
            may_move = is_person and caller.role.value in MOVERS
            role = caller.role.value if may_move else None
            shown["conditions"] = conditions_view(whole.beside.conditions, language)
            shown["earlier"] = earlier_view(whole.case, record.earlier, role, today, language)
            beside = self.work.register.ask_for(whole, role, today) if role else whole.beside
            account = next((one.account for one in record.visits if one.account is not None), None)
            shown["case"] = {
                **case_view(whole.case, whole.clocks, today, language),
                **offers_view(whole.case, role, beside, account, today, language),
            }
            shown["past_moves"] = history_view(whole.history, get_practice(whole.case.practice), language)
        return self.pages.page(
            request, "household.html", status, view=view, persons=persons, household_id=household_id,
            title=texts(language)["household_title"].format(id=household_id), village_code=village,
            doings=self._doings(caller, household_id, whole, is_person=is_person, language=language),
            said=said or self._done(request, language), **shown,
        )  # fmt: skip

    def has(self, request: Request, household_id: str) -> bool:
        """Whether the caller may see a page of the household: a run knew of it, or it has a case."""
        if self.find(request, household_id) is not None:
            return True
        return is_key(household_id) and bool(self.work.records.find(caller_of(request), household_id).whole)

    def find(self, request: Request, household_id: str) -> History | Unheard | None:
        """The assessment that is asked for, or that nothing was known; `None` where there is none to see."""
        day = read_day(request, "as_of_date")
        if not is_key(household_id):
            return None
        return self.work.assessments.find(caller_of(request), household_id, day)

    def _doings(
        self, caller: Caller, household_id: str, whole: WholeCase | None, *, is_person: bool, language: str
    ) -> list[dict[str, str]]:
        """What may be done from here: the visit first."""
        words, at = texts(language), f"/households/{household_id}"
        offered = [
            (_VISIT, f"{at}/visit", "visit_title"),
            *([(_PLAN, f"/cases/{whole.case.id}/plan", "plan_title")] if whole else []),
            (_SHEET, f"{at}/sheet", "sheet_title"),
        ]
        return [
            {"path": path, "text": words[name]}
            for policy, path, name in offered
            if policy.admits(caller.role, is_signed_in=is_person)
        ]

    def _done(self, request: Request, language: str) -> Said | None:
        for name, text in (("visited", "visit_done"), ("moved", "move_done")):
            if request.query_params.get(name) == "1":
                return Said("done", texts(language)[text])
        return None


def is_key(text: str) -> bool:
    """Whether a text has the form of a household's key, which somebody's ID number or phone has not."""
    try:
        _KEY.parse(text)
    except Defect:
        return False
    return True


def _village(found: History | None, whole: WholeCase | None, unheard: Unheard | None) -> str:
    if found is not None:
        return found.latest.village_code
    if whole is not None:
        return whole.case.village_code
    return unheard.village_code if unheard is not None else ""


def _unheard(unheard: Unheard | None, found: History | None, language: str) -> str | None:
    """That a run knew nothing of the household, and of when the assessment is that is shown."""
    if unheard is None:
        return None
    words = texts(language)
    said = [words["unheard_on"].format(date=unheard.as_of_date.isoformat())]
    if found:
        said.append(words["unheard_before"].format(date=found.latest.body["as_of_date"]))
    return " ".join(said) if language == "en" else "".join(said)


def _met_since(visits: Sequence[StoredVisit], as_of: str, language: str) -> str | None:
    """That somebody was there since the assessment: the visit that it asks for may have been that one."""
    since = dt.date.fromisoformat(as_of)
    days = [one.visited_on for one in visits if one.finding is not Finding.NOT_MET and one.visited_on > since]
    return str(texts(language)["met_since"]).format(date=max(days).isoformat()) if days else None
