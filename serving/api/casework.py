"""`GET /v1/areas/{area_code}/casework`: what came in, where cases stand, what is late, what was found."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from features.errors import FeaturesError
from features.regions import AREA_LEVELS, check_area_code
from serving.access.gate import caller_of
from serving.api.casework_answers import AreaCaseworkAnswer
from serving.api.documentation import problems
from serving.board import Boards
from serving.casework_desk import AreaCasework
from serving.errors import Problem
from serving.query import count_parameter, query_parameter, read_count, read_text, refused
from serving.storage.casework import LEAD_MONTHS, LIST_DAYS, VILLAGE

MOST_AREAS = 200
_MOST_GRID = 20


def router(boards: Boards) -> APIRouter:
    """The route, bound to what is stored."""
    made = APIRouter(tags=["areas"])

    @made.get(
        "/v1/areas/{area_code}/casework",
        summary="The casework of an area and of the areas, or grids, one level below it",
        description="Leads by channel and theme, stages of cases, overdue cases by the level that is told, "
        "lists and visits, difficulty found beside what the scores let expect, and estimates of whom lists "
        "miss. Counts of 1 to 4, and whatever would give them away by subtraction, are null but for whoever "
        "works on the area's cases.",
        response_class=Response,
        responses={200: {"model": AreaCaseworkAnswer}, **problems(404, 422, 500, 503)},
        openapi_extra={"parameters": [
            count_parameter("limit", "How many parts below at most", default=50, most=MOST_AREAS),
            query_parameter("cursor", {"type": "string"}, "Where the page before ended, as it said"),
        ]},
    )  # fmt: skip
    def casework(area_code: str, request: Request) -> Response:
        caller = caller_of(request)
        limit, after = read_count(request, "limit", default=50, most=MOST_AREAS), _after(request)
        try:
            found = boards.find(caller, check_area_code(area_code))
        except FeaturesError:
            # What is no code is no area; whether a code is one of the country's is not told either.
            found = None
        if found is None:
            raise Problem("area_not_found")
        told = found.casework
        return JSONResponse({
            "area_code": area_code,
            "level": AREA_LEVELS[len(area_code)],
            "on": told.on.isoformat(),
            "lead_months": LEAD_MONTHS,
            "list_days": LIST_DAYS,
            "is_small_kept_back": told.is_small_kept_back,
            **told.figures.as_json(),
            "missed": [one.as_json() for one in found.missed],
            "below": _below(told, limit, after),
        })

    return made


def _below(told: AreaCasework, limit: int, after: str | None) -> dict[str, Any]:
    names = sorted(told.below)
    page = [one for one in names if after is None or one > after][:limit]
    is_grid = told.level > VILLAGE
    return {
        "level": "grid" if is_grid else AREA_LEVELS[told.level],
        "count": len(names),
        "parts": [{"grid" if is_grid else "area_code": one, **told.below[one].as_json()} for one in page],
        "next_cursor": page[-1] if page and page[-1] != names[-1] else None,
    }


def _after(request: Request) -> str | None:
    given = read_text(request, "cursor")
    if given is not None and not (len(given) <= _MOST_GRID and given.isprintable()):
        raise refused("cursor", "malformed", "give next_cursor of the page before, as it is")
    return given
