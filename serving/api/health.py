"""Health: `live` answers as soon as the process does, `ready` once requests for scores and the storage do.

What keeps requests from being answered is a problem (503); what leaves them answered otherwise than meant is
`degraded`, with reasons.
"""

from __future__ import annotations

import anyio
import anyio.to_thread
from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from serving.api.answers import Live, Ready
from serving.api.documentation import problems
from serving.champion import Champion
from serving.storage import AssessmentStore


def router(champion: Champion, store: AssessmentStore) -> APIRouter:
    """The two routes, bound to what they ask."""
    made = APIRouter(tags=["health"], prefix="/health")
    threads = anyio.CapacityLimiter(2)

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
    async def ready() -> Response:
        # Not behind those who wait for the database in the other threads.
        return await anyio.to_thread.run_sync(check, limiter=threads)

    def check() -> Response:
        champion.check_answering()
        store.check()
        concerns = champion.concerns()
        told = {"model_version": None if champion.is_off else champion.version}
        if concerns:
            return JSONResponse({"status": "degraded", **told, "reasons": concerns})
        return JSONResponse({"status": "ready", **told})

    return made
