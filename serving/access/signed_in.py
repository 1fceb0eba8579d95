"""Who is signed in, as the gate asks for every page: the session of a cookie, and what comes first."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from serving.access.caller import Role
from serving.access.kept import Kept
from serving.access.origin import SAFE_METHODS, Origin
from serving.storage.accounts import Account
from serving.storage.keys import digest_of
from serving.storage.sessions import Session, SessionStore


@dataclass(frozen=True)
class SignInRules:
    """What a place asks of people: roles with a second factor, days until a password changes (0: never)."""

    second_factor_roles: frozenset[Role] = frozenset()
    password_days: int = 90

    def needed(self, account: Account, now: dt.datetime) -> str | None:
        """The code of the problem that an account is refused with until it did what is needed."""
        is_old = self.password_days and now >= account.password_set_at + dt.timedelta(self.password_days)
        if account.is_start_password or is_old:
            return "password_change_needed"
        if account.second_factor is None and account.role in self.second_factor_roles:
            return "second_factor_needed"
        return None


class SignedIn:
    """The sessions of the requests that come in."""

    def __init__(
        self, sessions: SessionStore, origin: Origin, rules: SignInRules, kept: Kept[Session] | None = None
    ) -> None:
        self.sessions = sessions
        self.origin = origin
        self.rules = rules
        self._kept = Kept[Session]() if kept is None else kept

    async def find(self, request: Request) -> Session | None:
        """The session of the request's cookie.

        Raises `Problem` where the request would change something and comes from no page of this service.
        """
        token = request.cookies.get(self.origin.cookie)
        if not token:
            return None
        digest = digest_of(token)
        found = self._kept.find(digest)
        if found is None:
            found = await run_in_threadpool(self.sessions.find, token)
            if found is None:
                return None
            self._kept.keep(digest, found)
        if request.method not in SAFE_METHODS:
            self.origin.check(request)
        return found

    def needed(self, session: Session) -> str | None:
        """The problem that the session's person is refused with until they did what is needed."""
        return self.rules.needed(session.account, self.sessions.now())

    def forget(self, session: Session) -> None:
        """Look at the database the next time."""
        self._kept.forget(session.token_sha256)
