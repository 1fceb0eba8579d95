"""`POST /v1/scores`: households with their signals in, explained scores out. Nothing is stored.

While the model is off the departments' rules alone answer, marked so.
"""

from __future__ import annotations

from contextlib import nullcontext

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from serving.access.area import check_within
from serving.access.gate import caller_of
from serving.access.route import DirectRoute
from serving.api.answers import ScoreAnswer
from serving.api.asked import ASKED_PARAMETERS, Asked, read_asked
from serving.api.brief_answers import BriefScoreAnswer
from serving.api.documentation import any_score_request_body, problems
from serving.api.excerpt_answers import ExcerptAnswer
from serving.api.json_body import dump_json, parse_json
from serving.api.rules_answers import RulesAnswer, by_rules
from serving.api.running import MOST_AT_ONCE, read_sized
from serving.api.score_request import RequestReader, ScoreRequest
from serving.api.scored import score_each
from serving.api.stored_scores import IDS, StoredRequest, StoredRequestReader, StoredScoring
from serving.around import Around
from serving.champion import Champion
from serving.neighbourhood import add_neighbourhood
from serving.rules_scorer import RulesScorer
from serving.scorer import Scorer
from serving.settings import Settings
from serving.steps import Steps, go_on, take_all, take_steps, timed_steps
from serving.turns import Turns


def router(
    champion: Champion, around: Around, stored: StoredScoring, settings: Settings, turns: Turns
) -> APIRouter:
    """The route, bound to its model."""
    made = APIRouter(tags=["scores"], route_class=DirectRoute)

    @made.post(
        "/v1/scores",
        summary="Score households from their signals, or by their keys",
        description="Either `coverage` and `households` with their signals, or `household_ids` of households "
        "whose signals are stored here. Vectors are built from what was known on `as_of_date`; the answer is "
        "in the order of the request. Where every department's feed is missing or out of date there is "
        "`problem` with the code `nothing_known` in place of a score. A score only asks for a visit: it "
        "grants, refuses and ends nothing. "
        "While the model is turned off, `model` is `off`, and each result has the rule hits and no score.",
        response_class=Response,
        responses={
            200: {"model": ScoreAnswer | BriefScoreAnswer | ExcerptAnswer | RulesAnswer},
            **problems(400, 408, 409, 413, 415, 422, 500, 503),
        },
        openapi_extra={
            "requestBody": any_score_request_body(settings.max_households),
            "parameters": ASKED_PARAMETERS,
        },
    )
    async def score(request: Request) -> Response:
        # Taken once: whatever is put into service meanwhile, this answer is of one version.
        scorer, caller = champion.rules() or champion.scorer(), caller_of(request)
        asked_for = read_asked(request.scope["query_string"])
        body = await read_sized(request, settings, turns)

        def answer(asked: ScoreRequest | StoredRequest) -> bytes:
            if isinstance(asked, StoredRequest):
                return dump_json(stored.score(scorer, caller, asked, asked_for))
            return take_all(steps_of(asked))

        def steps_of(asked: ScoreRequest) -> Steps[bytes]:
            check_within(caller, (one.village_code for one in asked.households))
            return _score(scorer, around, asked, asked_for)

        if len(body) > MOST_AT_ONCE:
            made = await turns.run(lambda: answer(_read(scorer, body, settings)))
            return Response(made, media_type="application/json")
        # Whole answers take four times as long, in one step: beside each other nothing is gained.
        with nullcontext(go_on) if asked_for.excerpt is None else turns.abreast.join(len(body)) as wait:
            await wait()
            asked = _read(scorer, body, settings)
            if isinstance(asked, StoredRequest):
                return Response(await turns.run(answer, asked), media_type="application/json")
            await wait()
            # Only a database that has to be asked is worth the way to a thread and back. What is known may be
            # forgotten in the next turn of the loop: the first step, which asks, is taken in this one.
            tells_usual = asked_for.excerpt is None and not isinstance(scorer, RulesScorer)
            if around.knows(asked.households, asked.as_of, scorer.look_back, tells_usual=tells_usual):
                made = await take_steps(steps_of(asked), wait)
            else:
                made = await run_in_threadpool(answer, asked)
        return Response(made, media_type="application/json")

    return made


def _read(scorer: Scorer | RulesScorer, body: bytes, settings: Settings) -> ScoreRequest | StoredRequest:
    most = settings.max_households
    plain = RequestReader(scorer, most).read_plain(body)
    if plain is not None:
        return plain
    document = parse_json(body)
    if isinstance(document, dict) and IDS in document:
        return StoredRequestReader(scorer, most).read_ids(document)
    return RequestReader(scorer, most).read(document)


@timed_steps
def _score(scorer: Scorer | RulesScorer, around: Around, request: ScoreRequest, asked: Asked) -> Steps[bytes]:
    households, coverage = add_neighbourhood(
        request.households, request.as_of, request.coverage, around.villages, scorer.look_back
    )
    if isinstance(scorer, RulesScorer):
        return dump_json(by_rules(scorer.score(households, request.as_of, coverage)))
    results = yield from score_each(scorer, around, households, request.as_of, coverage, asked)
    return dump_json({"model": scorer.versions(), "results": results})
