"""`GET /v1/measures`: the help catalogue with dates, sources and assumption marks."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from features import policy_version
from features.policy.measures import Measure, groups, measures
from serving.api.documentation import problems
from serving.api.what_if_answers import MeasureCatalogue
from serving.champion import Champion


def router(champion: Champion) -> APIRouter:
    """The route, bound to the region in service."""
    made = APIRouter(tags=["what-if"])

    @made.get(
        "/v1/measures",
        summary="The help catalogue",
        description="Every measure of the 14 official groups, with its amounts by date. An amount is where a "
        "what-if starts from; it is no claim of a household.",
        response_class=Response,
        responses={200: {"model": MeasureCatalogue}, **problems(500, 503)},
    )
    async def catalogue() -> Response:
        return JSONResponse(whole_catalogue(champion.region()))

    return made


def whole_catalogue(region: str) -> dict[str, Any]:
    """The catalogue of one policy region as JSON."""
    return {
        "region": region,
        "policy_version": policy_version(),
        "groups": [{"code": one.code, "name": {"zh": one.zh, "en": one.en}} for one in groups().values()],
        "measures": [_measure(one, region) for one in measures().values()],
    }


def _measure(one: Measure, region: str) -> dict[str, Any]:
    return {
        "code": one.code,
        "name": {"zh": one.zh, "en": one.en},
        "group": one.group,
        "paid": one.paid,
        "per": one.per,
        "whom": one.whom,
        "at_most_yuan": one.at_most_yuan or None,
        "change": one.changes.kind,
        "entries": [
            {
                "region": entry.region,
                "effective_from": entry.effective_from.isoformat(),
                "effective_until": entry.effective_until and entry.effective_until.isoformat(),
                "amount_yuan": entry.value_yuan,
                "is_assumption": entry.is_assumption,
                "source": entry.source,
            }
            for entry in one.history(region)
        ],
    }
