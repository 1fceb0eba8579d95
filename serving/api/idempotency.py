"""`Idempotency-Key`: a request that creates may be repeated, and creates once."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from fastapi.responses import JSONResponse
from sqlalchemy import Engine
from starlette.requests import Request
from starlette.responses import Response

from serving.access import Caller
from serving.errors import Problem
from serving.storage.idempotency import Hold, KeptAnswer, KeyInFlight

HEADER: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[!-~]+$"},
    "description": "The same key and request of the same caller get the same answer for 48 hours, and create "
    "once. Another API key is another caller.",
    "example": "3f0c2c1e-6f0a-4f5e-9d0e-0c8a3f0b7f55",
}
_KEY = re.compile(r"[!-~]{1,255}")


def hold_of(request: Request, engine: Engine, caller: Caller) -> Hold | None:
    """The hold that the request's key asks for, not taken yet; raises `Problem` for no proper key.

    Callers share none: one that another uses as well tells nothing. Another API key is another caller, also
    of the same holder, and so is somebody whose role or area is another by now.
    """
    given = request.headers.getlist("idempotency-key")
    if not given:
        return None
    if len(given) > 1 or not _KEY.fullmatch(given[0]):
        raise Problem("idempotency_key_malformed")
    route = str(getattr(request.scope.get("route"), "path", request.url.path))
    who = f"{caller.key_id} {caller.role.value} {caller.scope.prefix or ''}"
    asked = f"{request.method} {route}\n{who}\n{given[0]}"
    return Hold(engine, hashlib.sha256(asked.encode()).hexdigest())


def take(hold: Hold | None) -> KeptAnswer | None:
    """Take the hold; raises `Problem` while another request has it."""
    try:
        return hold.take() if hold is not None else None
    except KeyInFlight:
        raise in_flight() from None


def in_flight() -> Problem:
    """The problem of a key that another request holds."""
    return Problem("idempotency_key_in_flight", headers={"Retry-After": "5"})


def replay(kept: KeptAnswer, request_sha256: str) -> Response:
    """The answer that was given before; raises `Problem` where it was given to another request."""
    if kept.request_sha256 != request_sha256:
        raise Problem("idempotency_key_reused")
    headers = {**kept.answer["headers"], "Idempotency-Replayed": "true"}
    return JSONResponse(kept.answer["body"], status_code=kept.status, headers=headers)
