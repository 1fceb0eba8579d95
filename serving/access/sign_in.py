"""Signing in and out. Whoever fails is told the same, after the same steps and no sooner than others.

Every try counts before its password is looked at, so that many at once are no more than as many in a row.
Whatever works out a hash runs on one thread of its own, which few may wait for: a flood neither stops
the event loop nor takes the threads that scoring needs.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from serving.access.address_limit import AddressLimit
from serving.access.caller import Caller, Role
from serving.access.passwords import MOST_LENGTH, Passwords, find_fault, is_same
from serving.access.scope import NOWHERE
from serving.access.second_factor import PURPOSE, SECOND_FACTORS, TOTP_KIND, Sealer
from serving.access.signed_in import SignedIn
from serving.errors import AccessError, Problem
from serving.storage.accounts import Account, AccountState, AccountStore, login_name_of
from serving.storage.audit import AuditLog
from serving.storage.audit_actions import Action, Outcome
from serving.storage.sessions import Session

FAILURES_TO_LOCK = 5
LOCK_TIME = dt.timedelta(minutes=15)
"""Doubled with every further five failures, up to `LONGEST_LOCK`."""
LONGEST_LOCK = dt.timedelta(hours=24)
START_PASSWORD_LASTS = dt.timedelta(days=7)
FAILURE_SECONDS = 0.5
"""A failure is answered no sooner: what little the steps differ by cannot be measured."""
MOST_WAITING = 16
RETRY_SECONDS = 5

NOBODY = Caller("nobody", Role.ACCOUNTS, NOWHERE)
"""Who failed to sign in, as the log names them: whether they are who they said is not known."""

_T = TypeVar("_T")


class SignInRefused(Exception):
    """A sign-in, or a change of one's own account, that is not accepted; `code` is the reason to be told."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class SignInDesk:
    """Where people sign in and out and change their password. `failure_seconds` is `FAILURE_SECONDS`."""

    def __init__(
        self,
        accounts: AccountStore,
        signed_in: SignedIn,
        audit: AuditLog,
        passwords: Passwords | None = None,
        limit: AddressLimit | None = None,
        failure_seconds: float = FAILURE_SECONDS,
    ) -> None:
        self.accounts = accounts
        self.signed_in = signed_in
        self.audit = audit
        self._sessions = signed_in.sessions
        self._passwords = passwords or Passwords()
        self._sealer = Sealer(audit.secret_for(PURPOSE))
        self._limit = limit or AddressLimit()
        self._failure_seconds = failure_seconds
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sign-in")
        self._places = threading.BoundedSemaphore(MOST_WAITING)

    async def sign_in(self, address: str, login_name: str, password: str, code: str) -> tuple[str, Account]:
        """The token of a new session, and whose it is.

        Raises `SignInRefused`, the same for an unknown, a locked and a wrong one, and `Problem` where too
        many try.
        """
        started = time.monotonic()
        wait = self._limit.take(address)
        if wait:
            raise Problem("too_many_sign_ins", headers={"Retry-After": str(wait)})
        name = login_name_of(login_name[:MOST_LENGTH])
        made = await self._run(lambda: self._try(name, password, code))
        if made is None:
            await asyncio.sleep(max(0.0, started + self._failure_seconds - time.monotonic()))
            raise SignInRefused("sign_in_failed")
        self._limit.give_back(address)
        return made

    async def sign_out(self, session: Session) -> None:
        """End a session."""

        def end(connection: Connection) -> None:
            self._sessions.end_in(connection, session.token_sha256)
            self._note(connection, session.account.caller, Action.SIGNED_OUT)

        await _told(run_in_threadpool(self._write, end))
        self.signed_in.forget(session)

    async def change_password(self, session: Session, former: str, new: str) -> str:
        """The token of the session that follows; all others of the account end.

        Raises `SignInRefused` with the rule that the new password breaks; ``former`` for a wrong former one.
        """
        fault = find_fault(new[: 2 * MOST_LENGTH], session.account.login_name)
        if fault is None and is_same(former, new):
            # Said before the former one is looked at: whoever knows it has not failed.
            fault = "same"
        if fault is not None:
            raise SignInRefused(fault)
        made = await self._run(lambda: self._change(session, former, new))
        if isinstance(made, SignInRefused):
            await asyncio.sleep(self._failure_seconds)
            raise made
        self.signed_in.forget(session)
        return made

    def offer_second_factor(self, session: Session) -> tuple[str, str, str]:
        """A new secret: sealed for the form, as it is typed, and as an address for the device."""
        account, kind = session.account, SECOND_FACTORS[TOTP_KIND]
        secret = kind.make_secret()
        sealed = self._sealer.seal(secret, account.id)
        return sealed, kind.shown(secret), kind.address(secret, account.login_name)

    def shown_again(self, session: Session, sealed: str) -> tuple[str, str, str]:
        """The same of a secret that was offered before; a new one where it was not offered here."""
        secret, kind = self._sealer.open(sealed, session.account.id), SECOND_FACTORS[TOTP_KIND]
        if secret is None:
            return self.offer_second_factor(session)
        return sealed, kind.shown(secret), kind.address(secret, session.account.login_name)

    async def set_second_factor(self, session: Session, sealed: str, code: str) -> None:
        """Keep an offered secret, once a code shows that the person's device has it.

        Raises `SignInRefused` for a wrong code, and where the account has a second factor already.
        """
        if not await _told(run_in_threadpool(self._set_factor, session, sealed, code)):
            raise SignInRefused("code")
        self.signed_in.forget(session)

    def close(self) -> None:
        """End the thread once what it does is done."""
        self._thread.shutdown(wait=False)

    async def _run(self, work: Callable[[], _T]) -> _T:
        if not self._places.acquire(blocking=False):
            raise Problem("too_many_sign_ins", headers={"Retry-After": str(RETRY_SECONDS)})
        future = self._thread.submit(work)
        # Not when the caller is gone: the work waits for the thread all the same.
        future.add_done_callback(lambda _: self._places.release())
        return await _told(asyncio.wrap_future(future))

    def _write(self, work: Callable[[Connection], _T]) -> _T:
        with self.accounts.writer.begin() as connection:
            return work(connection)

    def _note(self, connection: Connection, caller: Caller, action: Action) -> None:
        self.audit.append(connection, caller, action, [caller.key_id], Outcome.DONE)

    def _try(self, name: str, password: str, code: str) -> tuple[str, Account] | None:
        account, is_admitted, locks = self._write(lambda connection: self._count(connection, name))
        is_right = self._passwords.check(password, account.password_hash if account else None)
        step = self._step(account, code)
        renewed = None
        if account is not None and is_right:
            renewed = self._passwords.renewed(password, account.password_hash)

        def end(connection: Connection) -> tuple[str, Account] | None:
            now_kept = self.accounts.find_in(connection, name)
            is_same = account is not None and now_kept is not None and (
                (now_kept.id, now_kept.password_hash, now_kept.kept_state, now_kept.second_factor_step)
                == (account.id, account.password_hash, AccountState.ACTIVE, account.second_factor_step)
            )  # fmt: skip
            if account is None or not (is_admitted and is_right and is_same) or step is None:
                subject = [self.audit.login(name)]
                self.audit.append(connection, NOBODY, Action.SIGN_IN_FAILED, subject, Outcome.REFUSED)
                if locks:
                    self.audit.append(connection, NOBODY, Action.LOCKED_OUT, subject, Outcome.DONE)
                return None
            changes = {"password_hash": renewed} if renewed else {}
            self.accounts.change_in(
                connection, account, failures=0, locked_until=None, second_factor_step=step, **changes
            )
            token = self._sessions.open_in(connection, account.id)
            self._note(connection, account.caller, Action.SIGNED_IN)
            return token, account

        return self._write(end)

    def _count(self, connection: Connection, name: str) -> tuple[Account | None, bool, bool]:
        """The account, whether it may be tried now, and whether this try, if it fails, locks it."""
        account = self.accounts.find_in(connection, name)
        now = self.accounts.now()
        if account is None or account.state(now) != "active":
            return account, False, False
        if account.is_start_password and now >= account.password_set_at + START_PASSWORD_LASTS:
            return account, False, False
        failures = account.failures + 1
        rounds, rest = divmod(failures, FAILURES_TO_LOCK)
        until = None
        if rest == 0:
            until = now + min(LONGEST_LOCK, LOCK_TIME * 2 ** min(rounds - 1, 10))
        self.accounts.change_in(connection, account, failures=failures, locked_until=until)
        return account, True, rest == 0

    def _step(self, account: Account | None, code: str) -> int | None:
        """The step of the second factor that the code uses up; the last one where the account has none."""
        if account is None:
            return None
        if account.second_factor is None:
            return account.second_factor_step
        secret = self._sealer.open(account.second_factor_secret or "", account.id)
        if secret is None:
            return None
        kind, now = SECOND_FACTORS[account.second_factor], self.accounts.now().timestamp()
        return kind.find_step(secret, code, account.second_factor_step, now)

    def _change(self, session: Session, former: str, new: str) -> str | SignInRefused:
        name = session.account.login_name
        account, is_admitted, locks = self._write(lambda connection: self._count(connection, name))
        if account is None or not is_admitted or not self._passwords.check(former, account.password_hash):
            if locks and account is not None:
                self._write(lambda connection: self._lock_out(connection, name))
            return SignInRefused("former")
        hashed = self._passwords.hash(new)

        def end(connection: Connection) -> str | SignInRefused:
            now_kept = self.accounts.find_in(connection, name)
            if now_kept is None or now_kept.password_hash != account.password_hash:
                # An administrator gave it another meanwhile.
                return SignInRefused("former")
            self.accounts.set_password_in(connection, account, hashed, is_start=False)
            self._note(connection, account.caller, Action.PASSWORD_CHANGED)
            return self._sessions.open_in(connection, account.id)

        return self._write(end)

    def _lock_out(self, connection: Connection, name: str) -> None:
        self.audit.append(connection, NOBODY, Action.LOCKED_OUT, [self.audit.login(name)], Outcome.DONE)

    def _set_factor(self, session: Session, sealed: str, code: str) -> bool:
        secret = self._sealer.open(sealed, session.account.id)
        if secret is None:
            return False

        def end(connection: Connection) -> bool:
            account = self.accounts.get_in(connection, session.account.login_name)
            now = self.accounts.now().timestamp()
            step = SECOND_FACTORS[TOTP_KIND].find_step(secret, code, account.second_factor_step, now)
            if step is None or account.second_factor is not None:
                return False
            self.accounts.change_in(
                connection, account, second_factor=TOTP_KIND, second_factor_secret=sealed,
                second_factor_step=step,
            )  # fmt: skip
            self._note(connection, account.caller, Action.SECOND_FACTOR_SET)
            return True

        return self._write(end)


async def _told(work: Awaitable[_T]) -> _T:
    """What the work makes; a database or a log that fails becomes a `Problem`."""
    try:
        return await work
    except SQLAlchemyError:
        raise Problem("storage_failed") from None
    except AccessError:
        raise Problem("audit_failed") from None
