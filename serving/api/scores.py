"""`POST /v1/scores`: households with their signals in, explained scores out. Nothing is stored."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from scoring.reasons import MOST_RISK_REASONS
from serving.access import Caller
from serving.access.area import check_within
from serving.access.gate import caller_of
from serving.api.answers import ScoreAnswer
from serving.api.brief_answers import BriefScoreAnswer, brief
from serving.api.documentation import problems, score_request_body
from serving.api.json_body import dump_json, parse_json, read_body
from serving.api.running import MOST_AT_ONCE
from serving.api.score_request import RequestReader, ScoreRequest
from serving.champion import Champion
from serving.errors import FieldError, Problem
from serving.exchange import timed
from serving.neighbourhood import add_neighbourhood
from serving.scorer import Scorer
from serving.settings import Settings
from serving.storage import UsualStore, VillageStore
from serving.storage.recent import Recent


def router(champion: Champion, villages: VillageStore, usual: UsualStore, settings: Settings) -> APIRouter:
    """The route, bound to its model."""
    made = APIRouter(tags=["scores"])
    around = Around(villages, usual, settings.lookup_seconds)

    @made.post(
        "/v1/scores",
        summary="Score households from their signals",
        description="Vectors are built from what was known on `as_of_date`; the answer is in the order of "
        "`households`. A score only asks for a visit: it grants, refuses and ends nothing.",
        response_class=Response,
        responses={
            200: {"model": ScoreAnswer | BriefScoreAnswer},
            **problems(400, 408, 413, 415, 422, 500, 503),
        },
        openapi_extra={
            "requestBody": score_request_body(settings.max_households),
            "parameters": [REASONS_PARAMETER],
        },
    )
    async def score(request: Request) -> Response:
        scorer, caller = champion.scorer(), caller_of(request)
        most_reasons = read_most_reasons(request)
        body = await read_body(request, settings.max_body_bytes, settings.body_seconds)
        if len(body) > MOST_AT_ONCE:
            answer = await run_in_threadpool(_answer, scorer, caller, around, body, settings, most_reasons)
            return Response(answer, media_type="application/json")
        asked = RequestReader(scorer, settings.max_households).read(parse_json(body))
        check_within(caller, (one.village_code for one in asked.households))
        # Only a database that has to be asked is worth the way to a thread and back.
        if around.knows(asked):
            made = _score(scorer, around, asked, most_reasons)
        else:
            made = await run_in_threadpool(_score, scorer, around, asked, most_reasons)
        return Response(made, media_type="application/json")

    return made


class Around:
    """What is stored of the villages of a request, remembered for a moment."""

    def __init__(self, villages: VillageStore, usual: UsualStore, seconds: float) -> None:
        self.villages = Recent(villages.find, seconds)
        self.usual = Recent(usual.find, seconds)

    def knows(self, request: ScoreRequest) -> bool:
        """Whether a request can be answered without asking the database."""
        codes = {one.village_code for one in request.households}
        return self.villages.has(codes, request.as_of) and self.usual.has(codes, request.as_of)


def read_most_reasons(request: Request) -> int:
    """The query parameter `reasons`; raises `Problem` where it is not one number from 0 to 4."""
    given = request.query_params.getlist("reasons")
    if not given:
        return MOST_RISK_REASONS
    if len(given) > 1 or given[0] not in _COUNTS:
        way_out = f"give reasons once, as a whole number from 0 to {MOST_RISK_REASONS}"
        raise Problem("request_invalid", errors=[FieldError("/query/reasons", "out_of_range", way_out)])
    return int(given[0])


def _answer(
    scorer: Scorer, caller: Caller, around: Around, body: bytes, settings: Settings, most_reasons: int
) -> bytes:
    request = RequestReader(scorer, settings.max_households).read(parse_json(body))
    check_within(caller, (one.village_code for one in request.households))
    return _score(scorer, around, request, most_reasons)


@timed
def _score(scorer: Scorer, around: Around, request: ScoreRequest, most_reasons: int) -> bytes:
    households, coverage = add_neighbourhood(
        request.households, request.as_of, request.coverage, around.villages, scorer.assessor.look_back
    )
    usual = around.usual.find((one.village_code for one in households), request.as_of)
    results = scorer.score(households, request.as_of, coverage, usual, most_reasons)
    answer: dict[str, Any] = {
        "model": scorer.versions(),
        "results": results if most_reasons else [brief(one) for one in results],
    }
    return dump_json(answer)


_COUNTS = tuple(str(one) for one in range(MOST_RISK_REASONS + 1))
REASONS_PARAMETER: dict[str, Any] = {
    "name": "reasons",
    "in": "query",
    "required": False,
    "schema": {"type": "integer", "minimum": 0, "maximum": MOST_RISK_REASONS, "default": MOST_RISK_REASONS},
    "description": "At most so many reasons of each kind; 0: score, grade, rule hits and action only",
}
