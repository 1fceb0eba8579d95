"""A desk that people sign in at, with a clock that the test moves and passwords that cost little."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Coroutine
from typing import Any, TypeVar

from pwdlib.hashers.argon2 import Argon2Hasher
from starlette.requests import Request

from serving.access import Role
from serving.access.address_limit import AddressLimit
from serving.access.kept import Kept
from serving.access.origin import Origin
from serving.access.passwords import Passwords
from serving.access.sign_in import SignInDesk, SignInRefused
from serving.access.signed_in import SignedIn, SignInRules
from serving.storage import Account, AccountStore, AuditLog, Session, SessionStore, open_database
from tests.serving.readers import AUDIT_KEY

VILLAGE = "500999100201"
RIGHT, OTHER = "Right-horse-1", "Other-horse-2"
ADDRESS = "192.0.2.7"
ORIGIN = "https://service.test"

T = TypeVar("T")


class CheapPasswords(Passwords):
    """Real argon2 with the least it can cost; counts what it was asked."""

    def __init__(self) -> None:
        super().__init__(Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1))
        self.asked: list[bool] = []

    def check(self, password: str, kept: str | None) -> bool:
        self.asked.append(kept is not None)
        return super().check(password, kept)


class Town:
    """A database with a desk; `clock` and `seconds` are its time."""

    def __init__(
        self, url: str, rules: SignInRules | None = None, *, limit: AddressLimit | None = None
    ) -> None:
        self.clock = dt.datetime(2026, 11, 2, 8, tzinfo=dt.UTC)
        self.engine = open_database(url)
        self.audit = AuditLog(self.engine, AUDIT_KEY, now=self.now)
        self.accounts = AccountStore(self.engine, now=self.now)
        idle, longest = dt.timedelta(minutes=30), dt.timedelta(hours=12)
        self.sessions = SessionStore(self.engine, idle, longest, now=self.now)
        self.signed_in = SignedIn(
            self.sessions, Origin(ORIGIN), rules or SignInRules(), Kept[Session](now=self.seconds)
        )
        self.passwords = CheapPasswords()
        self.desk = SignInDesk(
            self.accounts, self.signed_in, self.audit, self.passwords,
            limit or AddressLimit(now=self.seconds), failure_seconds=0,
        )  # fmt: skip

    def now(self) -> dt.datetime:
        return self.clock

    def seconds(self) -> float:
        return self.clock.timestamp()

    def move(self, **time: float) -> None:
        self.clock += dt.timedelta(**time)

    def add(
        self, name: str = "w100", role: Role = Role.VILLAGE_OFFICIAL, area: str | None = VILLAGE,
        *, is_start: bool = False,
    ) -> Account:  # fmt: skip
        """An account whose password is `RIGHT`."""
        hashed = self.passwords.hash(RIGHT)
        with self.accounts.writer.begin() as connection:
            made = self.accounts.add_in(connection, name, role, area, hashed, dt.timedelta(days=365))
            if not is_start:
                self.accounts.change_in(connection, made, is_start_password=0)
        return made

    def account(self, name: str = "w100") -> Account:
        with self.accounts.writer.begin() as connection:
            return self.accounts.get_in(connection, name)

    def sign_in(
        self, name: str = "w100", password: str = RIGHT, code: str = "", address: str = ADDRESS
    ) -> str:
        """The token; raises `SignInRefused`."""
        return asyncio.run(self.desk.sign_in(address, name, password, code))[0]

    def is_refused(self, name: str = "w100", password: str = RIGHT, code: str = "") -> bool:
        try:
            self.sign_in(name, password, code)
        except SignInRefused as refused:
            return refused.code == "sign_in_failed"
        return False

    def session(self, token: str) -> Session:
        found = self.sessions.find(token)
        assert found is not None
        return found

    def find(self, token: str, method: str = "GET", **headers: str) -> Session | None:
        """What the gate finds for a request with the cookie."""
        given = {"cookie": f"__Host-fangfan={token}", **headers}
        encoded = [(name.replace("_", "-").encode(), value.encode()) for name, value in given.items()]
        scope = {"type": "http", "method": method, "path": "/", "query_string": b"", "headers": encoded}
        return asyncio.run(self.signed_in.find(Request(scope)))

    def actions(self) -> list[str]:
        """What the log has, the first first."""
        assert self.audit.verify().faults == ()
        return [one.action for one in self.audit.search(limit=1_000)][::-1]

    def close(self) -> None:
        self.desk.close()
        self.engine.dispose()


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)
