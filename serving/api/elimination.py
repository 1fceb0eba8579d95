"""What stands in the way of an elimination, condition by condition; and the watch for relapses."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from serving.access.gate import caller_of
from serving.api.documentation import problems
from serving.api.elimination_answers import (
    EliminationAnswer,
    RelapsesAnswer,
    told_conditions,
    told_relapses,
)
from serving.errors import Problem
from serving.query import count_parameter, query_parameter, read_count
from serving.storage.elimination import EliminationStore

MOST_CASES, MOST_OFFSET = 100, 1_000_000
_PAGE = [
    count_parameter("limit", "How many", default=50, most=MOST_CASES),
    query_parameter(
        "offset",
        {"type": "integer", "minimum": 0, "maximum": MOST_OFFSET, "default": 0},
        "How many to pass over",
    ),
]


def router(eliminations: EliminationStore) -> APIRouter:
    """The routes, bound to their store."""
    made = APIRouter(tags=["cases"], prefix="/v1")

    @made.get(
        "/cases/{case_id}/elimination",
        summary="The conditions of the elimination lock, met and unmet, and what each rests on",
        description="As they stand today. No score is among them. The move `resolve` is refused until every "
        "one is met.",
        response_class=Response,
        responses={200: {"model": EliminationAnswer}, **problems(404, 500, 503)},
    )
    def conditions(case_id: str, request: Request) -> Response:
        found = eliminations.find_conditions(caller_of(request), case_id)
        if found is None:
            raise Problem("case_not_found")
        return JSONResponse(told_conditions(case_id, found))

    @made.get(
        "/relapses",
        summary="Resolved cases of the caller's area with something new since, the latest resolved first",
        description="A new lead, or a grade that is higher now than it was. A lead whose case was excluded "
        "is no sign, but for one that was on file twice. It asks for a look: whether it is a relapse a "
        "person finds.",
        response_class=Response,
        responses={200: {"model": RelapsesAnswer}, **problems(422, 500, 503)},
        openapi_extra={"parameters": _PAGE},
    )
    def relapses(request: Request) -> Response:
        limit = read_count(request, "limit", default=50, most=MOST_CASES)
        offset = read_count(request, "offset", default=0, most=MOST_OFFSET, least=0)
        page = eliminations.relapse_watch(caller_of(request), limit=limit, offset=offset)
        return JSONResponse(told_relapses(page))

    return made
