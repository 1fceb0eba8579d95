"""`GET /v1/models`: which model is in service, whether it is on, and every change there was."""

from __future__ import annotations

import re
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError

from scoring.rules_only import off_text
from serving.api.documentation import problems
from serving.api.models_answers import EXAMPLE, ModelsAnswer
from serving.champion import Champion, shown
from serving.errors import FieldError, Problem
from serving.models.own_words import why_texts
from serving.storage.releases import Pick

MOST_RELEASES = 100
USUAL_RELEASES = 20
_NUMBER = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)


def router(champion: Champion) -> APIRouter:
    """The route, bound to the champion."""
    made = APIRouter(tags=["model"])

    @made.get(
        "/v1/models",
        summary="The model in service and its releases",
        description="Which admitted version answers, which a rollback would go to, whether the model is on, "
        "and the release log, the newest entry first. It is changed by the operator's command alone.",
        response_class=Response,
        responses={
            200: {"model": ModelsAnswer, "content": {"application/json": {"example": EXAMPLE}}},
            **problems(422, 500, 503),
        },
        openapi_extra={"parameters": _PARAMETERS},
    )
    def models(request: Request) -> Response:
        limit = _number(request, "limit", USUAL_RELEASES, MOST_RELEASES)
        before = _number(request, "before", None, 10**9 - 1)
        assert limit is not None
        try:
            state, releases = champion.models.state(), champion.models.log.page(limit + 1, before)
        except SQLAlchemyError:
            raise Problem("storage_failed") from None
        told, more = releases[:limit], releases[limit:]
        return JSONResponse({
            "state": "on" if state.is_on else "off",
            "state_text": None if state.is_on else off_text(),
            "serving_version": champion.version if state.is_on else None,
            "current": _version(shown(state.current)),
            "previous": _version(state.previous),
            "reasons": champion.concerns(),
            "releases": [{**one.as_json(), "why_text": why_texts(one.why)} for one in told],
            "next_before": told[-1].seq if more else None,
        })

    return made


def _version(pick: Pick | None) -> dict[str, str] | None:
    return None if pick is None else {"version": pick.version, "manifest_sha256": pick.sha256}


def _number(request: Request, name: str, usual: int | None, most: int) -> int | None:
    given = request.query_params.getlist(name)
    if not given:
        return usual
    if len(given) > 1 or not _NUMBER.fullmatch(given[0]) or int(given[0]) > most:
        way_out = f"give {name} once, as a whole number from 1 to {most}"
        raise Problem("request_invalid", errors=[FieldError(f"/query/{name}", "out_of_range", way_out)])
    return int(given[0])


_PARAMETERS: list[dict[str, Any]] = [
    {
        "name": "limit",
        "in": "query",
        "required": False,
        "schema": {"type": "integer", "minimum": 1, "maximum": MOST_RELEASES, "default": USUAL_RELEASES},
        "description": "How many releases at most",
    },
    {
        "name": "before",
        "in": "query",
        "required": False,
        "schema": {"type": "integer", "minimum": 1, "maximum": 10**9 - 1},
        "description": "Releases of lower numbers: the `next_before` of the page before",
    },
]
