"""Moving a case from its household's page."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from serving.access.gate import caller_of, session_of
from serving.cases.moves import MOVES, Move
from serving.console.case_panel import read_facts_of
from serving.console.fields import read_form
from serving.console.household_page import HouseholdPage, Said
from serving.console.move_faults import fault_text
from serving.console.pages import language_of
from serving.console.texts import texts
from serving.errors import FieldError, Problem


def router(page: HouseholdPage) -> APIRouter:
    """The route, bound to the household's page."""
    made = APIRouter(include_in_schema=False)
    cases = page.work.cases

    @made.post("/cases/{case_id}/moves", response_class=Response)
    async def move(case_id: str, request: Request) -> Response:
        form = await read_form(request)
        name, version = form.find("move") or "", form.find("version") or ""
        if name not in MOVES or not (version.isascii() and version.isdigit() and len(version) < 10):
            raise Problem(
                "request_invalid", errors=[FieldError("/form/move", "malformed", "use the page's form")]
            )
        facts = read_facts_of(MOVES[name], form)
        return await run_in_threadpool(_move, request, case_id, MOVES[name], int(version), facts)

    def _move(request: Request, case_id: str, move: Move, version: int, facts: dict[str, object]) -> Response:
        caller, session, language = caller_of(request), session_of(request), language_of(request)
        found = cases.find(caller, case_id)
        if found is None:
            raise Problem("case_not_found")
        try:
            page.work.register.check_move(caller, case_id, move.name, facts)
            cases.move(caller, session.account.id, case_id, version, move.name, facts)
        except Problem as problem:
            if problem.code not in {"case_changed", "move_not_allowed"}:
                raise
            said = _said(problem, move, language)
            return page.make(request, found.household_id, said=said, status=problem.kind.status)
        suffix = "&lang=en" if language == "en" else ""
        return RedirectResponse(f"/households/{found.household_id}?moved=1{suffix}#said", status_code=303)

    return made


def _said(problem: Problem, move: Move, language: str) -> Said:
    """What the page says of a move that was not made, every rule in words."""
    words = texts(language)
    if problem.code == "case_changed":
        return Said("refused", words["case_changed"])
    faults = [fault_text(one, move, language) for one in problem.errors]
    return Said(
        "refused",
        words["move_refused"].format(move=move.zh if language == "zh" else move.en),
        faults,
        move.name,
    )
