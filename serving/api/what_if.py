"""`POST /v1/what-if`: one household and planned measures in, what they change out. Nothing is stored."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, Request, Response

from serving.access import Caller
from serving.access.area import check_within
from serving.access.gate import caller_of
from serving.api.documentation import problems, what_if_request_body
from serving.api.json_body import parse_json
from serving.api.running import read_sized
from serving.api.what_if_answers import WhatIfAnswer
from serving.api.what_if_request import WhatIfReader
from serving.champion import Champion
from serving.exchange import timed
from serving.neighbourhood import add_neighbourhood
from serving.scorer import Scorer
from serving.settings import Settings
from serving.storage import VillageStore
from serving.turns import Turns


def router(champion: Champion, villages: VillageStore, settings: Settings, turns: Turns) -> APIRouter:
    """The route, bound to its model."""
    made = APIRouter(tags=["what-if"])

    @made.post(
        "/v1/what-if",
        summary="What measures would change for one household",
        description="Each measure changes the household's facts. The answer has the exact effect on "
        "reference income per person against the monitoring line, the model's changed score, which is an "
        "association and not an effect, and whether the measures answer the household's causes. A household "
        "of which no department told anything by as_of_date has no score to change (409 `nothing_known`). "
        "Nothing is stored; help is neither granted nor refused by it.",
        response_class=Response,
        responses={200: {"model": WhatIfAnswer}, **problems(400, 408, 409, 413, 415, 422, 500, 503)},
        openapi_extra={"requestBody": what_if_request_body()},
    )
    async def what_if(request: Request) -> Response:
        scorer, caller = champion.scorer(), caller_of(request)
        body = await read_sized(request, settings, turns)
        answer = await turns.run(_answer, scorer, caller, villages, body)
        return Response(answer, media_type="application/json")

    return made


@timed
def _answer(scorer: Scorer, caller: Caller, villages: VillageStore, body: bytes) -> bytes:
    request = WhatIfReader(scorer).read_plan(parse_json(body))
    check_within(caller, [request.household.village_code])
    (household,), coverage = add_neighbourhood(
        [request.household], request.as_of, request.coverage, villages, scorer.assessor.look_back
    )
    answer: dict[str, Any] = {
        "model_in_service": scorer.versions(),
        **scorer.what_if(household, request.as_of, coverage, request.plan),
    }
    return json.dumps(answer, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
