"""`/v1/households/{household_id}/visits` and `/v1/corrections`: what was found at the door, and corrected."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from serving.access.gate import caller_of, session_of
from serving.api.documentation import problems
from serving.api.json_body import read_document
from serving.api.visit_answers import (
    CorrectionsAnswer,
    RecordedAnswer,
    ReviewAnswer,
    VisitsAnswer,
    told_correction,
    told_recorded,
    told_visit,
)
from serving.api.visit_documentation import review_request_body, visit_request_body
from serving.cases.clocks import region_of
from serving.cases.correction import CorrectionState, Refusal
from serving.cases.document import DocumentReader
from serving.cases.visit import read_visit
from serving.champion import Champion
from serving.errors import Problem
from serving.query import count_parameter, query_parameter, read_count, read_word
from serving.rescoring import Rescorer
from serving.settings import Settings
from serving.storage.corrections import CorrectionStore
from serving.storage.visits import VisitStore

MOST_BYTES = 200_000
MOST_VISITS = 100
MOST_CORRECTIONS = 100
MOST_OFFSET = 1_000_000


def router(
    visits: VisitStore,
    corrections: CorrectionStore,
    rescorer: Rescorer,
    champion: Champion,
    settings: Settings,
) -> APIRouter:
    """The routes, bound to their stores."""
    made = APIRouter(tags=["visits"])

    @made.post(
        "/v1/households/{household_id}/visits",
        summary="Hand in a visit",
        description="What was found at the door, in fixed words. A visit kept offline and sent twice "
        "under one `submission_key` is there once. Difficulty or a gap in a guarantee opens a case where "
        "none is open. Answers change no score; corrections count once another official approved them.",
        response_class=Response,
        responses={200: {"model": RecordedAnswer}, **problems(400, 404, 408, 413, 415, 422, 500, 503)},
        openapi_extra={"requestBody": visit_request_body()},
    )
    async def hand_in(household_id: str, request: Request) -> Response:
        caller, account = caller_of(request), session_of(request).account
        document = await read_document(request, MOST_BYTES, settings.body_seconds)
        region = region_of(caller.scope.prefix or "")
        form = read_visit(document, household_id, visits.today, region)
        recorded = await run_in_threadpool(visits.record, caller, account.id, household_id, form)
        if recorded is None:
            raise Problem("household_not_found")
        return JSONResponse(told_recorded(recorded))

    @made.get(
        "/v1/households/{household_id}/visits",
        summary="The visits of a household, the latest first",
        response_class=Response,
        responses={200: {"model": VisitsAnswer}, **problems(404, 422, 500, 503)},
        openapi_extra={
            "parameters": [count_parameter("limit", "How many at most", default=20, most=MOST_VISITS)]
        },
    )
    def told(household_id: str, request: Request) -> Response:
        limit = read_count(request, "limit", default=20, most=MOST_VISITS)
        found = visits.list(caller_of(request), household_id, limit=limit)
        if found is None:
            raise Problem("household_not_found")
        said = [told_visit(one, region_of(one.village_code)) for one in found]
        return JSONResponse({"household_id": household_id, "visits": said})

    @made.get(
        "/v1/corrections",
        summary="Facts that visits found to be otherwise",
        description="The longest waiting first.",
        response_class=Response,
        responses={200: {"model": CorrectionsAnswer}, **problems(422, 500, 503)},
        openapi_extra={"parameters": [
            query_parameter(
                "state", {"type": "string", "enum": list(CorrectionState)}, "Of one state alone",
                example="proposed",
            ),
            count_parameter("limit", "How many at most", default=50, most=MOST_CORRECTIONS),
            query_parameter(
                "offset", {"type": "integer", "minimum": 0, "maximum": MOST_OFFSET, "default": 0},
                "How many to leave out at the start",
            ),
        ]},
    )  # fmt: skip
    def waiting(request: Request) -> Response:
        limit = read_count(request, "limit", default=50, most=MOST_CORRECTIONS)
        offset = read_count(request, "offset", default=0, most=MOST_OFFSET, least=0)
        page = corrections.list(caller_of(request), _state(request), limit=limit, offset=offset)
        account = session_of(request).account.id
        said = [told_correction(one, account) for one in page.items]
        return JSONResponse({"total": page.total, "corrections": said})

    @made.post(
        "/v1/corrections/{correction_id}/review",
        summary="Approve or refuse a correction",
        description="By somebody else than who proposed it. One that is refused takes the reason (`why`), "
        "which whoever proposed it reads with the visit. An approved one is laid over the departments' "
        "facts from this day on, and the household is scored again as of the day of its newest assessment, "
        "which its data reach to; its former score stays in the history.",
        response_class=Response,
        responses={
            200: {"model": ReviewAnswer},
            **problems(400, 403, 404, 408, 409, 413, 415, 422, 500, 503),
        },
        openapi_extra={"requestBody": review_request_body()},
    )
    async def review(correction_id: str, request: Request) -> Response:
        caller, account = caller_of(request), session_of(request).account
        refusal = read_review(await read_document(request, MOST_BYTES, settings.body_seconds))
        answer = await run_in_threadpool(_review, caller, account.id, correction_id, refusal)
        return JSONResponse(answer)

    def _review(caller: Any, account_id: str, correction_id: str, refusal: Refusal | None) -> dict[str, Any]:
        found = corrections.review(caller, account_id, correction_id, refusal=refusal)
        if found is None:
            raise Problem("correction_not_found")
        rescored = rescorer.rescore(champion, found) if refusal is None else None
        return {"correction": told_correction(found, account_id), "rescored": rescored}

    return made


def read_review(document: Any) -> Refusal | None:
    """Why a review refuses, `None` where it approves; raises `Problem` for anything else than a review."""
    reader = DocumentReader()
    there = reader.object(document, "", ("is_approved", "why"), ("is_approved",))
    is_approved = reader.flag(there["is_approved"], "/is_approved") if "is_approved" in there else None
    why = reader.word(there["why"], "/why", tuple(Refusal)) if "why" in there else None
    if is_approved is False and "why" not in there:
        reader.add("/why", "missing", "say why it is refused")
    if is_approved and "why" in there:
        reader.add("/why", "not_taken", "leave it out: the correction is approved")
    reader.check()
    return Refusal(why) if why is not None else None


def _state(request: Request) -> CorrectionState | None:
    given = read_word(request, "state", tuple(CorrectionState))
    return None if given is None else CorrectionState(given)
