"""The page on which corrections that visits proposed are approved or refused, by somebody else."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from serving.access.gate import caller_of, session_of
from serving.cases.correction import CorrectionState, Refusal
from serving.cases.texts import case_texts
from serving.console.correction_view import NOT_RESCORED, fact_view, reviewed_view
from serving.console.fields import read_form
from serving.console.pages import Pages, language_of
from serving.console.texts import texts
from serving.console.work import Work
from serving.errors import FieldError, Problem
from serving.storage.corrections import StoredCorrection

PATH = "/corrections"
PER_PAGE = 25
REVIEWED = "reviewed"
"""Names what was just reviewed, so that the page says what became of it however often it is read."""
_NUMBER = re.compile(r"[0-9a-f]{32}")
_REFUSALS = {"correction_own": "correction_own", "correction_reviewed": "correction_reviewed"}


def router(pages: Pages, work: Work) -> APIRouter:
    """The pages, bound to the storage."""
    made = APIRouter(include_in_schema=False)

    @made.get(PATH, response_class=Response)
    def corrections(request: Request) -> Response:
        return listed(request)

    def listed(request: Request, said: str | None = None, status: int = 200) -> Response:
        language, account = language_of(request), session_of(request).account
        given = request.query_params.get("page", "1")
        number = int(given) if re.fullmatch(r"[1-9][0-9]{0,5}", given, re.ASCII) else 1
        found = work.corrections.list(
            caller_of(request), CorrectionState.PROPOSED, limit=PER_PAGE, offset=(number - 1) * PER_PAGE
        )
        count = max(1, -(-found.total // PER_PAGE))
        view = {
            "items": [_item(one, account.id, language) for one in found.items],
            "count": texts(language)["corrections_count"].format(count=found.total),
            "page_text": texts(language)["page_number"].format(page=number, pages=count),
            "previous": number - 1 if 1 < number <= count else None,
            "next": number + 1 if number < count else None,
            "has_pages": count > 1,
            "refusals": [{"key": one.value, "text": case_texts(language)["refusal"][one]} for one in Refusal],
        }
        return pages.page(
            request, "corrections.html", status, has_address=True, view=view, said=said,
            done=None if said else reviewed(request),
        )  # fmt: skip

    def reviewed(request: Request) -> dict[str, Any] | None:
        """What was just reviewed, as far as the caller may see it."""
        number = request.query_params.get(REVIEWED, "")
        found = work.corrections.find(caller_of(request), number) if _NUMBER.fullmatch(number) else None
        if found is None or found.state is CorrectionState.PROPOSED:
            return None
        again = work.past.find_corrected(caller_of(request), found.id)
        told = request.query_params.get("rescored")
        outcome = next((one for one in NOT_RESCORED if one == told), None)
        return reviewed_view(found, again, outcome, language_of(request))

    @made.post(f"{PATH}/{{correction_id}}/review", response_class=Response)
    async def review(correction_id: str, request: Request) -> Response:
        form = await read_form(request)
        review, why = form.find("review"), form.find("why")
        if review not in {"approve", "refuse"}:
            raise _refused("review", "unknown_category", "give one of approve, refuse")
        # A reason that was chosen before the correction was taken after all says nothing.
        if review == "approve":
            return await run_in_threadpool(_review, request, correction_id, None)
        if why is None:
            said = texts(language_of(request))["correction_why_missing"]
            return await run_in_threadpool(listed, request, said, 422)
        if why not in tuple(Refusal):
            raise _refused("why", "unknown_category", f"give one of {', '.join(Refusal)}")
        return await run_in_threadpool(_review, request, correction_id, Refusal(why))

    def _review(request: Request, correction_id: str, refusal: Refusal | None) -> Response:
        caller, account, language = caller_of(request), session_of(request).account, language_of(request)
        try:
            found = work.corrections.review(caller, account.id, correction_id, refusal=refusal)
        except Problem as problem:
            if problem.code not in _REFUSALS:
                raise
            return listed(request, texts(language)[_REFUSALS[problem.code]], problem.kind.status)
        if found is None:
            raise Problem("correction_not_found")
        told = {REVIEWED: found.id}
        if refusal is None and (outcome := work.rescore(found)) != "done":
            told["rescored"] = outcome
        if language == "en":
            told["lang"] = "en"
        return RedirectResponse(f"{PATH}?{urlencode(told)}", status_code=303)

    return made


def _refused(name: str, code: str, way_out: str) -> Problem:
    return Problem("request_invalid", errors=[FieldError(f"/form/{name}", code, way_out)])


def _item(one: StoredCorrection, account_id: str, language: str) -> dict[str, Any]:
    return {
        **fact_view(one, language),
        "id": one.id,
        "household_id": one.household_id,
        "village_code": one.village_code,
        "visited_on": one.visited_on.isoformat(),
        "is_own": one.proposer == account_id,
    }
