"""The gate before every route: it makes the caller of a request, or refuses it.

A key is taken from the Authorization header alone. Unknown, expired and revoked keys take the same way and
get the same answer. A caller is remembered for `KEPT_SECONDS`, so that a busy platform costs one look at the
database in that time; a revoked key is refused at the latest that much later.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from fastapi import Request
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from serving.access.caller import OPEN, Caller
from serving.access.local import Access, check_local
from serving.access.policy import POLICIES, PUBLIC
from serving.errors import Problem
from serving.storage.keys import KeyStore, digest_of, parse_key

KEPT_SECONDS = 2.0
MOST_KEPT = 1_000


class Gate:
    """Admits requests. `now` is a clock that never goes back, in seconds."""

    def __init__(self, keys: KeyStore, access: Access, now: Callable[[], float] = time.monotonic) -> None:
        self.keys = keys
        self.access = access
        self._now = now
        self._kept: dict[str, tuple[float, Caller]] = {}

    async def admit(self, request: Request) -> None:
        """Set the request's caller; raises `Problem` where it has none or may not use the route."""
        route = getattr(request.scope.get("route"), "path", "")
        policy = POLICIES.get(f"{request.method} {route}")
        if policy is PUBLIC:
            return
        caller = await self._caller(request)
        if policy is None or policy.roles is None or caller.role not in policy.roles:
            raise Problem("role_not_allowed")
        request.state.caller = caller

    async def _caller(self, request: Request) -> Caller:
        if self.access is Access.OPEN:
            check_local(request)
            return OPEN
        given = request.headers.getlist("authorization")
        shown = parse_key(given[0]) if len(given) == 1 else None
        if shown is None:
            raise _unknown()
        digest = digest_of(shown.secret)
        kept = self._kept.get(digest)
        if kept is not None and kept[0] > self._now() and kept[1].key_id == shown.key_id:
            return kept[1]
        try:
            caller = await run_in_threadpool(self.keys.find_caller, shown)
        except SQLAlchemyError:
            raise Problem("storage_failed") from None
        if caller is None:
            self._kept.pop(digest, None)
            raise _unknown()
        if len(self._kept) >= MOST_KEPT:
            self._kept.clear()
        self._kept[digest] = (self._now() + KEPT_SECONDS, caller)
        return caller


def caller_of(request: Request) -> Caller:
    """Whom the gate admitted; raises `Problem` where it admitted nobody."""
    caller = getattr(request.state, "caller", None)
    if not isinstance(caller, Caller):
        raise _unknown()
    return caller


def _unknown() -> Problem:
    return Problem("key_not_accepted", headers={"WWW-Authenticate": 'Bearer realm="fangfan"'})
