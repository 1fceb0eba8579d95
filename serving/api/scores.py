"""`POST /v1/scores`: households with their signals in, explained scores out. Nothing is stored."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from serving.access import Caller
from serving.access.area import check_within
from serving.access.gate import caller_of
from serving.api.answers import ScoreAnswer
from serving.api.documentation import problems, score_request_body
from serving.api.json_body import parse_json, read_body
from serving.api.score_request import RequestReader
from serving.champion import Champion
from serving.neighbourhood import add_neighbourhood
from serving.scorer import Scorer
from serving.settings import Settings
from serving.storage import UsualStore, VillageStore


def router(champion: Champion, villages: VillageStore, usual: UsualStore, settings: Settings) -> APIRouter:
    """The route, bound to its model."""
    made = APIRouter(tags=["scores"])

    @made.post(
        "/v1/scores",
        summary="Score households from their signals",
        description="Vectors are built from what was known on `as_of_date`; the answer is in the order of "
        "`households`. A score only asks for a visit: it grants, refuses and ends nothing.",
        response_class=Response,
        responses={200: {"model": ScoreAnswer}, **problems(400, 408, 413, 415, 422, 500, 503)},
        openapi_extra={"requestBody": score_request_body(settings.max_households)},
    )
    async def score(request: Request) -> Response:
        scorer, caller = champion.scorer(), caller_of(request)
        body = await read_body(request, settings.max_body_bytes, settings.body_seconds)
        answer = await run_in_threadpool(
            _answer, scorer, caller, villages, usual, body, settings.max_households
        )
        return Response(answer, media_type="application/json")

    return made


def _answer(
    scorer: Scorer,
    caller: Caller,
    villages: VillageStore,
    usual: UsualStore,
    body: bytes,
    most_households: int,
) -> bytes:
    request = RequestReader(scorer, most_households).read(parse_json(body))
    check_within(caller, (one.village_code for one in request.households))
    households, coverage = add_neighbourhood(
        request.households, request.as_of, request.coverage, villages, scorer.assessor.look_back
    )
    around = usual.find((one.village_code for one in households), request.as_of)
    answer: dict[str, Any] = {
        "model": scorer.versions(),
        "results": scorer.score(households, request.as_of, coverage, around),
    }
    return json.dumps(answer, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
