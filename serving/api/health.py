"""Health: `live` answers as soon as the process does, `ready` once the model and the storage answer."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from serving.api.answers import Live, Ready
from serving.api.documentation import problems
from serving.champion import Champion
from serving.storage import AssessmentStore


def router(champion: Champion, store: AssessmentStore) -> APIRouter:
    """The two routes, bound to what they ask."""
    made = APIRouter(tags=["health"], prefix="/health")

    @made.get(
        "/live",
        summary="Whether the process runs",
        response_class=Response,
        responses={200: {"model": Live}, **problems(500)},
    )
    async def live() -> Response:
        return JSONResponse({"status": "live"})

    @made.get(
        "/ready",
        summary="Whether scores can be asked for",
        response_class=Response,
        responses={200: {"model": Ready}, **problems(500, 503)},
    )
    def ready() -> Response:
        scorer = champion.scorer()
        store.check()
        return JSONResponse({"status": "ready", "model_version": scorer.model_version})

    return made
