"""`/v1/cases`: the cases of the caller's area, what was done with each, moves, and the village's notice."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from serving.access import Caller
from serving.access.gate import caller_of, find_session, session_of
from serving.api import idempotency
from serving.api.case_answers import (
    CasesAnswer,
    MovedAnswer,
    NoticeAnswer,
    WholeCaseAnswer,
    told_case,
    told_notice,
    told_whole,
)
from serving.api.case_request import (
    LIST_PARAMETERS,
    MOST_BYTES,
    MOST_CASES,
    MoveOrder,
    move_request_body,
    read_filter,
    read_order,
    read_place,
)
from serving.api.documentation import problems
from serving.api.json_body import read_document
from serving.cases.case import Case
from serving.cases.offers import find_offers
from serving.cases.practice import get_practice
from serving.errors import Problem
from serving.query import read_count
from serving.register import Register
from serving.settings import Settings
from serving.storage.cases import CaseStore
from serving.storage.household_record import RecordStore
from serving.storage.idempotency import Hold, KeyInFlight

CREATED = 201


def router(cases: CaseStore, records: RecordStore, register: Register, settings: Settings) -> APIRouter:
    """The routes, bound to their stores."""
    made = APIRouter(tags=["cases"], prefix="/v1/cases")

    @made.get(
        "",
        summary="The cases of the caller's area, the nearest deadline first",
        response_class=Response,
        responses={200: {"model": CasesAnswer}, **problems(422, 500, 503)},
        openapi_extra={"parameters": LIST_PARAMETERS},
    )
    def listed(request: Request) -> Response:
        limit = read_count(request, "limit", default=50, most=MOST_CASES)
        page = cases.list(caller_of(request), read_filter(request), limit, read_place(request))
        told = [told_case(one, cases.today) for one in page.items]
        return JSONResponse({"total": page.total, "cases": told, "next_cursor": page.after})

    @made.get(
        "/notice/{case_id}",
        summary="The notice of a case for the village's board",
        description="While the case is before the village. It holds no ID number, phone, bank account or "
        "health data, and not the household's key.",
        response_class=Response,
        responses={200: {"model": NoticeAnswer}, **problems(404, 409, 500, 503)},
    )
    def notice(case_id: str, request: Request) -> Response:
        return JSONResponse(told_notice(cases.make_notice(caller_of(request), case_id)))

    @made.get(
        "/{case_id}",
        summary="A case: deadlines, what was done, and what the caller may do",
        description="`moves` are those that the household's page offers, what the last visit asks for first. "
        "Facts have the codes alone that would be taken, and what cannot be made now says why. It is empty "
        "for keys and tokens: only somebody who is signed in moves a case.",
        response_class=Response,
        responses={200: {"model": WholeCaseAnswer}, **problems(404, 500, 503)},
    )
    def told(case_id: str, request: Request) -> Response:
        caller = caller_of(request)
        whole = records.find_case(caller, case_id)
        if whole is None:
            raise Problem("case_not_found")
        if find_session(request) is None:
            return JSONResponse(told_whole(whole, cases.today, ()))
        beside = register.ask_for(whole, caller.role.value, cases.today)
        practice = get_practice(whole.case.practice)
        offers = find_offers(whole.case, caller.role.value, practice, beside, cases.today)
        return JSONResponse(told_whole(whole, cases.today, offers))

    @made.post(
        "/{case_id}/moves",
        summary="Move a case",
        description="By somebody who is signed in, with the `version` that they saw: where somebody else "
        "changed the case since, nothing is done (409). State, deadlines, log and outbox change together.",
        status_code=CREATED,
        response_class=Response,
        responses={
            CREATED: {"model": MovedAnswer},
            **problems(400, 404, 408, 409, 413, 415, 422, 500, 503),
        },
        openapi_extra={"requestBody": move_request_body(), "parameters": [idempotency.HEADER]},
    )
    async def move(case_id: str, request: Request) -> Response:
        caller, account = caller_of(request), session_of(request).account
        hold = idempotency.hold_of(request, cases.engine, caller)
        order = read_order(await read_document(request, MOST_BYTES, settings.body_seconds))
        return await run_in_threadpool(_move, caller, account.id, case_id, order, hold)

    def _move(caller: Caller, account_id: str, case_id: str, order: MoveOrder, hold: Hold | None) -> Response:
        asked = order.fingerprint(case_id)
        try:
            kept = idempotency.take(hold)
        except SQLAlchemyError:
            raise Problem("storage_failed") from None
        if kept is not None:
            again = idempotency.replay(kept, asked)
            # The answer shows the household: it is read again, and the log says so.
            if cases.find(caller, case_id) is None:
                raise Problem("case_not_found")
            return again
        answer: dict[str, Any] = {}

        def finish(connection: Connection, case: Case) -> None:
            answer.update(body={"case": told_case(case, cases.today)}, headers={})
            if hold is not None:
                hold.finish(connection, asked, CREATED, answer)

        try:
            register.check_move(caller, case_id, order.move, order.facts)
            cases.move(caller, account_id, case_id, order.version, order.move, order.facts, finish)
        except BaseException as error:
            if hold is not None:
                _release(hold)
            if isinstance(error, KeyInFlight):
                raise idempotency.in_flight() from None
            raise
        return JSONResponse(answer["body"], status_code=CREATED)

    return made


def _release(hold: Hold) -> None:
    try:
        hold.release()
    except SQLAlchemyError:
        # It runs out by itself.
        return
