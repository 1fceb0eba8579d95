"""The pages of a case's plan and of what arrived of it, with what the plan would change."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Callable
from typing import TypeAlias

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from serving.access.gate import caller_of, find_session, session_of
from serving.access.policy import POLICIES
from serving.cases.clocks import region_of
from serving.cases.plan import what_if_choices
from serving.cases.plan_form import read_delivery, read_measure
from serving.console.fields import Form, read_form
from serving.console.pages import Pages, language_of
from serving.console.plan_effect import effect_view
from serving.console.plan_view import SAID, delivery_document, measure_document, plan_view, said_view
from serving.console.texts import COLON, texts
from serving.console.work import Work
from serving.errors import FieldError, Problem
from serving.storage import History
from serving.storage.plans import CasePlan

_Said: TypeAlias = tuple[str, str]
"""What was done, one of `SAID`, and the measure that it was done with."""
PLAN = "/cases/{case_id}/plan"
_MAY = {
    "plan": POLICIES["POST /cases/{case_id}/measures"],
    "deliver": POLICIES["POST /cases/{case_id}/measures/{measure_id}/deliveries"],
}
"""What of the page is shown to whom."""
_KINDLY = {"request_invalid", "case_closed", "submission_key_reused"}


def router(pages: Pages, work: Work) -> APIRouter:
    """The pages, bound to the storage."""
    made = APIRouter(include_in_schema=False)

    @made.get(PLAN, response_class=Response)
    def plan(case_id: str, request: Request) -> Response:
        return shown(request, case_id)

    @made.get("/cases/{case_id}/what-if", response_class=Response)
    def what_if(case_id: str, request: Request) -> Response:
        caller, language = caller_of(request), language_of(request)
        found = find(request, case_id)
        scored = work.assessments.find(caller, found.case.household_id)
        # The day that its data reach to: of today they would be silent.
        body = scored.latest.body if isinstance(scored, History) else {}
        as_of, corrected_on = (_day(body.get(name)) for name in ("as_of_date", "corrected_on"))
        answer = work.effects.find(caller, found, as_of or work.plans.today, corrected_on)
        words = texts(language)
        said = [
            *([words["what_if_as_of"].format(date=as_of)] if as_of else []),
            *([words["rescored_note"].format(date=as_of, on=corrected_on)] if corrected_on else []),
        ]
        view = effect_view(answer, language) if answer else None
        region = region_of(found.case.village_code)
        has_plan = bool(what_if_choices(found.measures, as_of or work.plans.today, region))
        return pages.page(
            request, "what_if.html", view=view, said=said, case_id=case_id,
            not_here=words["what_if_not_here" if has_plan else "what_if_nothing"],
        )  # fmt: skip

    @made.post("/cases/{case_id}/measures", response_class=Response)
    async def add(case_id: str, request: Request) -> Response:
        form = await read_form(request)

        def work_on(found: CasePlan) -> _Said | None:
            caller, account = caller_of(request), session_of(request).account
            region = region_of(found.case.village_code)
            measure = read_measure(measure_document(form), work.plans.today, region)
            made = work.plans.add(caller, account.id, case_id, measure)
            return ("added" if made[1] else "there", made[0].id) if made else None

        return await run_in_threadpool(done, request, case_id, work_on, form)

    @made.post("/cases/{case_id}/measures/{measure_id}/deliveries", response_class=Response)
    async def deliver(case_id: str, measure_id: str, request: Request) -> Response:
        form = await read_form(request)

        def work_on(found: CasePlan) -> _Said | None:
            caller, account = caller_of(request), session_of(request).account
            of = next((one for one in found.measures if one.id == measure_id), None)
            if of is None:
                return None
            delivery = read_delivery(delivery_document(form), of.entry, work.plans.today)
            made = work.plans.deliver(caller, account.id, case_id, measure_id, delivery)
            return ("delivered", made[0].id) if made else None

        return await run_in_threadpool(done, request, case_id, work_on, None)

    def done(
        request: Request, case_id: str, work_on: Callable[[CasePlan], _Said | None], form: Form | None
    ) -> Response:
        """Do it and show the plan; what is wrong is told beside what was filled in."""
        found = find(request, case_id)
        try:
            told = work_on(found)
        except Problem as problem:
            if problem.code not in _KINDLY:
                raise
            return shown(request, case_id, form, problem)
        if told is None:
            raise Problem("case_not_found")
        suffix = "&lang=en" if language_of(request) == "en" else ""
        return RedirectResponse(f"/cases/{case_id}/plan?{told[0]}={told[1]}{suffix}", status_code=303)

    def find(request: Request, case_id: str) -> CasePlan:
        found = work.plans.find(caller_of(request), case_id)
        if found is None:
            raise Problem("case_not_found")
        return found

    def shown(
        request: Request, case_id: str, form: Form | None = None, problem: Problem | None = None
    ) -> Response:
        language = language_of(request)
        chosen = request.query_params.get("measure")
        plan = find(request, case_id)
        view = plan_view(plan, work.plans.today, language, form, chosen)
        told = (
            []
            if problem
            else [(name, request.query_params[name]) for name in SAID if name in request.query_params]
        )
        done = said_view(plan, *told[0], language) if told else None
        role, is_person = caller_of(request).role, find_session(request) is not None
        may = {name: one.admits(role, is_signed_in=is_person) for name, one in _MAY.items()}
        return pages.page(
            request, "plan.html", problem.kind.status if problem else 200, view=view, may=may, done=done,
            faults=_faults(problem, language), submission_key=secrets.token_hex(16),
        )  # fmt: skip

    return made


def _day(told: str | None) -> dt.date | None:
    return None if told is None else dt.date.fromisoformat(told)


def _faults(problem: Problem | None, language: str) -> list[str]:
    if problem is None:
        return []
    words = texts(language)
    if problem.code != "request_invalid":
        return [words["plan_closed" if problem.code == "case_closed" else "fault_repeated"]]
    return [_fault(one, language) for one in problem.errors]


def _fault(error: FieldError, language: str) -> str:
    words = texts(language)
    told = words[_FAULTS.get(error.code, "fault_other")]
    name = _FIELDS.get(error.pointer.strip("/"))
    return f"{words[name]}{COLON[language]}{told}" if name else told


_FIELDS = {
    "measure": "plan_measure", "cause": "visit_causes", "amount_yuan": "plan_amount_yuan",
    "persons": "plan_persons", "starts_on": "plan_starts_on", "due_on": "plan_due_on",
    "delivered_on": "plan_delivered_on",
}  # fmt: skip
_FAULTS = {
    "missing": "fault_missing",
    "in_the_future": "fault_future",
    "out_of_range": "fault_range",
    "not_taken": "fault_not_paid",
    "before_lead": "fault_before_lead",
    "more_than_planned": "fault_more_than_planned",
    "too_many": "fault_too_many",
    "wrong_type": "fault_amount",
    "not_in_force": "fault_not_in_force",
}
