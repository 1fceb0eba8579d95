"""`GET /v1/households/{household_id}`: the stored assessment of one household."""

from __future__ import annotations

import datetime as dt
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from features.signals.defects import Defect
from features.signals.fields import Date
from scoring.changes import make_changes
from serving.access.gate import caller_of
from serving.api.answers import AssessmentAnswer
from serving.api.documentation import AS_OF_PARAMETER, problems
from serving.errors import FieldError, Problem
from serving.storage import AssessmentStore, History

_DAY = Date(name="as_of_date", zh="日期", en="date")


def router(store: AssessmentStore) -> APIRouter:
    """The route, bound to its storage."""
    made = APIRouter(tags=["households"])

    @made.get(
        "/v1/households/{household_id}",
        summary="The stored assessment of a household",
        description="The latest one, or the one of `as_of_date`. `changes` says what moved since the "
        "assessment before it.",
        response_class=Response,
        responses={200: {"model": AssessmentAnswer}, **problems(404, 422, 500, 503)},
        openapi_extra={"parameters": [AS_OF_PARAMETER]},
    )
    def household(household_id: str, request: Request) -> Response:
        found = store.find(caller_of(request), household_id, as_of_of(request))
        if found is None:
            raise Problem("household_not_found")
        return JSONResponse({**found.latest.body, "changes": changes_of(found)})

    return made


def changes_of(history: History) -> dict[str, Any] | None:
    """What changed since the household's assessment before this one; `None` where there is none."""
    return make_changes(history.former.body, history.latest.body) if history.former else None


def as_of_of(request: Request) -> dt.date | None:
    """The date of the query, if one was given; raises `Problem` when it is none."""
    given = request.query_params.getlist("as_of_date")
    if len(given) > 1:
        errors = [FieldError("/query/as_of_date", "repeated", "give as_of_date once")]
        raise Problem("request_invalid", errors=errors)
    try:
        day = _DAY.parse(given[0]) if given else None
    except Defect as defect:
        errors = [FieldError("/query/as_of_date", defect.code, defect.way_out)]
        raise Problem("request_invalid", errors=errors) from None
    assert day is None or isinstance(day, dt.date)
    return day
