"""The pages of a visit, and the sheet that the household is left with.

A visit may come long after it was made, and twice: it was kept in a browser until there was a network again.
Whose it is stands in the form; another person's session does not hand it in.
"""

from __future__ import annotations

import secrets
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from serving.access import Caller
from serving.access.gate import caller_of, session_of
from serving.cases.clocks import region_of
from serving.cases.household_sheet import Occasion, known_of, make_sheet
from serving.cases.visit import read_visit
from serving.console.fields import Form, read_form
from serving.console.household_page import HouseholdPage, is_key
from serving.console.pages import Pages, language_of
from serving.console.texts import COLON, texts
from serving.console.visit_form import asked_of, document_of, form_view, question_of
from serving.errors import FieldError, Problem
from serving.identity import IdentityStore
from serving.storage import History, Stored

_VISIT, _SHEET = "/households/{household_id}/visit", "/households/{household_id}/sheet"


def router(pages: Pages, page: HouseholdPage, identities: IdentityStore | None) -> APIRouter:
    """The pages, bound to the storage."""
    made = APIRouter(include_in_schema=False)
    work = page.work

    @made.get(_VISIT, response_class=Response)
    def form(household_id: str, request: Request) -> Response:
        return form_page(request, household_id)

    @made.post(_VISIT, response_class=Response)
    async def record(household_id: str, request: Request) -> Response:
        return await run_in_threadpool(_record, request, household_id, await read_form(request))

    def _record(request: Request, household_id: str, given: Form) -> Response:
        caller, account, language = caller_of(request), session_of(request).account, language_of(request)
        # Before anything else: a browser keeps what is refused so, and hands it in for the right person.
        if given.find("person") != account.id:
            raise Problem("visit_of_another")
        village, _ = place_of(caller, household_id)
        wants_page = "text/html" in request.headers.get("accept", "")
        try:
            visit = read_visit(document_of(given), household_id, work.my_list.today(), region_of(village))
            recorded = work.visits.record(caller, account.id, household_id, visit)
        except Problem as problem:
            if problem.code != "request_invalid" or not wants_page:
                raise
            return form_page(request, household_id, given, problem)
        if recorded is None:
            raise Problem("household_not_found")
        if not wants_page:
            # What the script of the page asks: it knows then that it need not keep the visit.
            return JSONResponse({"visit_id": recorded.visit_id, "is_new": recorded.is_new}, 201)
        suffix = "&lang=en" if language == "en" else ""
        return RedirectResponse(f"/households/{household_id}?visited=1{suffix}", status_code=303)

    def form_page(
        request: Request, household_id: str, given: Form | None = None, problem: Problem | None = None
    ) -> Response:
        caller, language = caller_of(request), language_of(request)
        village, stored = place_of(caller, household_id)
        faults = [_fault(one, language) for one in problem.errors] if problem else []
        body = stored.body if stored else None
        view = form_view(
            asked_of(body, language), village, work.my_list.today(), language, given,
            work.find_records(household_id, village, body),
        )  # fmt: skip
        return pages.page(
            request, "visit.html", problem.kind.status if problem else 200, has_address=True, view=view,
            household_id=household_id, village_code=village,
            head=_head(identities, caller, household_id, village),
            faults=list(dict.fromkeys(faults)), submission_key=secrets.token_hex(16),
        )  # fmt: skip

    @made.get(_SHEET, response_class=Response)
    def sheet(household_id: str, request: Request) -> Response:
        caller, language = caller_of(request), language_of(request)
        village, stored = place_of(caller, household_id)
        visits = work.visits.list(caller, household_id, limit=1) or ()
        body = stored.body if stored else None
        is_listed = body is not None and (body["suggested_action"] == "visit" or bool(body["rule_hits"]))
        # That it was drawn by lot is told when the visit is recorded: nobody looks otherwise for it.
        is_drawn = bool(visits) and visits[0].is_random
        occasion = Occasion.RANDOM if is_drawn else Occasion.LISTED if is_listed else Occasion.UNLISTED
        known = known_of(body, language) if body is not None else []
        visited_on = visits[0].visited_on if visits else None
        made_sheet = make_sheet(language, occasion, known, village, work.my_list.today(), visited_on)
        return pages.page(
            request, "sheet.html", sheet=made_sheet, household_id=household_id, village_code=village
        )

    def place_of(caller: Caller, household_id: str) -> tuple[str, Stored | None]:
        """The village of a household that the caller may see, and its assessment; raises `Problem` (404)."""
        if not is_key(household_id):
            raise Problem("household_not_found")
        found = work.assessments.find(caller, household_id)
        if isinstance(found, History):
            there, silent = found.latest.village_code, found.unheard
            if silent is None or silent.village_code == there:
                return there, found.latest
            # Nothing is known of it where it is by now, and nothing is asked of what was said before: unless
            # its open case is still there.
            case = work.cases.find_of_household(caller, household_id)
            if case is None or case.closed_on is not None:
                return silent.village_code, None
            return case.village_code, found.latest if case.village_code == there else None
        case = work.cases.find_of_household(caller, household_id)
        if case is not None:
            return case.village_code, None
        if found is None:
            raise Problem("household_not_found")
        return found.village_code, None

    return made


def _head(identities: IdentityStore | None, caller: Caller, household_id: str, village: str) -> str | None:
    """The masked name of the head, where one is kept and can be read."""
    if identities is None:
        return None
    try:
        return identities.find_heads(caller, [household_id]).get((household_id, village))
    except Problem as problem:
        if problem.code != "identity_unreadable":
            raise
        return None


def _fault(error: FieldError, language: str) -> str:
    words: dict[str, Any] = texts(language)
    told = words[_FAULTS.get(error.code, "fault_other")]
    question = question_of(error, language)
    return f"{question}{COLON[language]}{told}" if question else told


_FAULTS = {
    "missing": "fault_missing",
    "in_the_future": "fault_future",
    "too_long_ago": "fault_too_long_ago",
    "before_lead": "fault_before_lead",
    "not_taken": "fault_not_taken",
    "out_of_range": "fault_range",
    "wrong_number": "fault_account_empty",
    "unknown_reason": "fault_reason_gone",
    "wrong_type": "fault_amount",
    "repeated": "fault_repeated",
}
"""Codes of what a visit's reader refuses, and the keys of their words."""
