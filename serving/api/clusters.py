"""`GET /v1/areas/{area_code}/clusters`: townships with more new events than expected."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from features.errors import FeaturesError, PolicyError
from features.regions import check_area_code
from serving.access.gate import caller_of
from serving.api.areas import is_own
from serving.api.documentation import problems
from serving.api.lead_answers import ClustersAnswer
from serving.board import Boards
from serving.cases.clocks import china_day
from serving.disclosure import LEAST
from serving.errors import Problem
from serving.leads.clusters import Cluster
from serving.query import count_parameter, query_parameter, read_count, read_day, read_text, refused
from serving.storage.keys import utc_now
from serving.storage.page_mark import read_mark, write_mark

MOST_PER_PAGE = 200
_DATE = {"type": "string", "format": "date", "pattern": r"^\d{4}-\d{2}-\d{2}$"}


def router(boards: Boards) -> APIRouter:
    """The route, bound to the boards, which keep what was judged for some minutes."""
    made = APIRouter(tags=["areas"])

    @made.get(
        "/v1/areas/{area_code}/clusters",
        summary="Where more happens than expected (规模性返贫)",
        description="New events by township and theme in the last days, of whichever channels but the score, "
        "beside what the township's own past and its county let expect. Counts of 1 to 4 are null but for "
        "the area's own official. They stand still for some minutes.",
        response_class=Response,
        responses={200: {"model": ClustersAnswer}, **problems(404, 422, 500, 503)},
        openapi_extra={"parameters": [
            query_parameter("as_of_date", _DATE, "The last day that is looked at; today if left out"),
            count_parameter("limit", "How many at most", default=50, most=MOST_PER_PAGE),
            query_parameter("cursor", {"type": "string"}, "Where the page before ended, as it said"),
        ]},
    )  # fmt: skip
    def clusters(area_code: str, request: Request) -> Response:
        caller = caller_of(request)
        as_of = read_day(request, "as_of_date") or china_day(utc_now())
        limit, start = read_count(request, "limit", default=50, most=MOST_PER_PAGE), _start(request)
        try:
            code = check_area_code(area_code)
        except FeaturesError:
            raise Problem("area_not_found") from None
        if not caller.scope.contains(code):
            raise Problem("area_not_found")
        try:
            found = boards.find_clusters(code, as_of)
        except PolicyError as error:
            raise refused("as_of_date", "before_policy", str(error)) from None
        own = is_own(caller, code)
        every = found.found if own else tuple(sorted(found.found, key=_order_told))
        page = every[start : start + limit]
        return JSONResponse({
            "area_code": code,
            "as_of_date": found.as_of.isoformat(),
            "since": found.since.isoformat(),
            "false_share": found.rules.false_share,
            "is_assumption": found.rules.is_assumption,
            "is_small_kept_back": not own,
            "judged": list(found.judged),
            "unjudged": list(found.unjudged),
            "warnings": sum(1 for one in found.found if one.is_warning),
            "clusters": [_told(one, is_whole=own) for one in page],
            "next_cursor": write_mark(start + limit) if start + limit < len(found.found) else None,
        })

    return made


def _told(one: Cluster, *, is_whole: bool) -> dict[str, Any]:
    told = one.as_json()
    if not is_whole:
        # Of the exact means of some townships their past counts could be worked out.
        told |= {"expected": round(one.expected, 1)}
        if one.observed < LEAST:
            # The p-value, however rounded, gives the number away beside what was expected.
            told |= {"observed": None, "p_value": None}
    return told


def _order_told(one: Cluster) -> tuple[Any, ...]:
    """An order that does not tell the p-values that are kept back."""
    is_small = one.observed < LEAST
    return not one.is_warning, is_small, 0.0 if is_small else one.p_value, one.area_code, one.theme


def _start(request: Request) -> int:
    given = read_text(request, "cursor")
    if given is None:
        return 0
    try:
        (start,) = read_mark(given, (int,))
    except ValueError:
        start = -1
    if start < 0:
        raise refused("cursor", "malformed", "give next_cursor of the page before, as it is")
    return int(start)
