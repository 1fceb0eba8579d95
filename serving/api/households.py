"""`GET /v1/households/{household_id}`: the stored assessment of one household."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from serving.access.gate import caller_of
from serving.api.documentation import AS_OF_PARAMETER, problems
from serving.api.not_scored import nothing_known
from serving.api.stored_answers import StoredAssessmentAnswer
from serving.errors import Problem
from serving.query import read_day
from serving.storage import AssessmentStore, Unheard


def router(store: AssessmentStore) -> APIRouter:
    """The route, bound to its storage."""
    made = APIRouter(tags=["households"])

    @made.get(
        "/v1/households/{household_id}",
        summary="The stored assessment of a household",
        description="The latest one, or the one of `as_of_date`. `changes` says what moved since the "
        "assessment before it, `elsewhere` in which other villages a run knew the same key, "
        "`nothing_known` that a later run found every department silent: what is answered is from before it. "
        "Where there is no assessment and nothing was known the answer is 409 `nothing_known`.",
        response_class=Response,
        responses={200: {"model": StoredAssessmentAnswer}, **problems(404, 409, 422, 500, 503)},
        openapi_extra={"parameters": [AS_OF_PARAMETER]},
    )
    def household(household_id: str, request: Request) -> Response:
        found = store.find(caller_of(request), household_id, read_day(request, "as_of_date"))
        if found is None:
            raise Problem("household_not_found")
        if isinstance(found, Unheard):
            raise Problem("nothing_known")
        return JSONResponse({
            **found.latest.body,
            "village_code": found.latest.village_code,
            "elsewhere": [
                {"village_code": one.village_code, "as_of_date": one.as_of_date.isoformat()}
                for one in found.elsewhere
            ],
            "changes": found.changes,
            "nothing_known": nothing_known(found.unheard),
        })

    return made
