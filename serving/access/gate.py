"""The gate before every route: it makes the caller of a request, or refuses it.

A key or a token is taken from the Authorization header alone, and is all that counts where there is one; else
the session of the cookie. Unknown, expired and revoked ones take the same way and get the same answer.
"""

from __future__ import annotations

from fastapi import Request
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from serving.access.caller import OPEN, Caller
from serving.access.kept import Kept
from serving.access.local import Access, check_local
from serving.access.policy import POLICIES, PUBLIC, Policy
from serving.access.signed_in import SignedIn
from serving.access.tokens import TokenReader, parse_token
from serving.errors import Problem
from serving.storage.keys import KeyStore, digest_of, parse_key
from serving.storage.sessions import Session


class Gate:
    """Admits requests. Without `signed_in` there are no people, without `tokens` no identity provider."""

    def __init__(
        self,
        keys: KeyStore,
        access: Access,
        signed_in: SignedIn | None = None,
        tokens: TokenReader | None = None,
        kept: Kept[Caller] | None = None,
    ) -> None:
        self.keys = keys
        self.access = access
        self.signed_in = signed_in
        self.tokens = tokens
        self._kept = Kept[Caller]() if kept is None else kept

    async def admit(self, request: Request) -> None:
        """Set the request's caller, and its session; raises `Problem` where it may not use the route."""
        route = getattr(request.scope.get("route"), "path", "")
        policy = POLICIES.get(f"{request.method} {route}")
        if policy is PUBLIC:
            return
        if self.access is Access.OPEN:
            check_local(request)
            caller, session = OPEN, None
        else:
            try:
                caller, session = await self._find(request)
            except SQLAlchemyError:
                raise Problem("storage_failed") from None
        # For the page that a refusal becomes, as well.
        request.state.session = session
        if policy is None or not policy.admits(caller.role, is_signed_in=session is not None):
            raise Problem("role_not_allowed")
        if session is not None:
            self._check_ready(session, policy)
        request.state.caller = caller

    async def _find(self, request: Request) -> tuple[Caller, Session | None]:
        given = [one for one in request.headers.getlist("authorization") if one]
        if given:
            return await self._shown(given), None
        session = await self.signed_in.find(request) if self.signed_in is not None else None
        if session is None:
            raise _unknown()
        return session.account.caller, session

    async def _shown(self, given: list[str]) -> Caller:
        key = parse_key(given[0]) if len(given) == 1 else None
        token = parse_token(given[0]) if len(given) == 1 and key is None else None
        if key is not None:
            digest = digest_of(key.secret)
            kept = self._kept.find(digest)
            if kept is not None and kept.key_id == key.key_id:
                return kept
            caller = await run_in_threadpool(self.keys.find_caller, key)
        elif token is not None and self.tokens is not None:
            digest = digest_of(token)
            kept = self._kept.find(digest)
            if kept is not None:
                return kept
            caller = await run_in_threadpool(self.tokens.find_caller, token)
        else:
            raise _unknown()
        if caller is None:
            self._kept.forget(digest)
            raise _unknown()
        return self._kept.keep(digest, caller)

    def _check_ready(self, session: Session, policy: Policy) -> None:
        needed = self.signed_in.needed(session) if self.signed_in is not None else None
        if needed is not None and needed not in policy.mends:
            raise Problem(needed)


def caller_of(request: Request) -> Caller:
    """Whom the gate admitted; raises `Problem` where it admitted nobody."""
    caller = getattr(request.state, "caller", None)
    if not isinstance(caller, Caller):
        raise _unknown()
    return caller


def session_of(request: Request) -> Session:
    """The session of whoever is signed in; raises `Problem` where nobody is."""
    session = find_session(request)
    if session is None:
        raise _unknown()
    return session


def find_session(request: Request) -> Session | None:
    """The same, or `None`."""
    session = getattr(request.state, "session", None)
    return session if isinstance(session, Session) else None


def _unknown() -> Problem:
    return Problem("key_not_accepted", headers={"WWW-Authenticate": 'Bearer realm="fangfan"'})
