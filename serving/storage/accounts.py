"""Accounts of people: a login name, the hash of a password, a role and an area."""

from __future__ import annotations

import datetime as dt
import re
import secrets
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, delete, func, select, update

from serving.access.caller import Caller, Role, scope_of
from serving.access.scope import NOWHERE, Scope
from serving.errors import AccessError
from serving.storage.database import WRITES
from serving.storage.keys import utc_now
from serving.storage.tables import account as table
from serving.storage.tables import session

ID_MARK = "p"
"""What the ids of accounts begin with; those of keys are hexadecimal and cannot."""
_LOGIN_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{2,39}", re.ASCII)


class AccountState(StrEnum):
    """Whether an administrator lets an account sign in."""

    ACTIVE = "active"
    LOCKED = "locked"


@dataclass(frozen=True)
class Account:
    """One account as it is kept. Neither hash nor secret is in a text made of it."""

    id: str
    login_name: str
    password_hash: str = field(repr=False)
    password_set_at: dt.datetime
    is_start_password: bool
    role: Role
    area: str | None
    kept_state: AccountState
    created_at: dt.datetime
    expires_at: dt.datetime
    failures: int
    locked_until: dt.datetime | None
    second_factor: str | None
    second_factor_secret: str | None = field(repr=False)
    second_factor_step: int

    @property
    def caller(self) -> Caller:
        """The caller that the account signs in as."""
        return Caller(self.id, self.role, Scope(self.area) if self.role.sees_households else NOWHERE)

    def state(self, now: dt.datetime) -> str:
        """``active``, ``expired``, ``locked`` by an administrator, or ``locked_out`` after failures."""
        if self.kept_state is AccountState.LOCKED:
            return "locked"
        if now >= self.expires_at:
            return "expired"
        return "locked_out" if self.locked_until is not None and now < self.locked_until else "active"


def login_name_of(text: str) -> str:
    """A login name as it is kept: in whatever width or case it is typed."""
    return unicodedata.normalize("NFKC", text).strip().lower()


def is_login_name(text: str) -> bool:
    """Whether somebody may be called so."""
    return _LOGIN_NAME.fullmatch(login_name_of(text)) is not None


class AccountStore:
    """The accounts of one database. Methods that end in ``_in`` are a part of a writer's transaction."""

    def __init__(self, engine: Engine, now: Callable[[], dt.datetime] = utc_now) -> None:
        self.engine = engine
        self.writer = engine.execution_options(**WRITES)
        self.now = now

    def add_in(
        self,
        connection: Connection,
        login_name: str,
        role: Role,
        area: str | None,
        password_hash: str,
        lasts: dt.timedelta,
    ) -> Account:
        """Make an account with a start password. Raises `AccessError` where it is not to be had."""
        if role is Role.PLATFORM:
            raise AccessError("a platform is a machine and does not sign in: make a key for it")
        scope = scope_of(role, area)
        name = login_name_of(login_name)
        if not is_login_name(name):
            raise AccessError(
                "a login name has 3 to 40 letters a-z, digits, dots, dashes and underscores, such as a staff "
                "number, and begins with a letter or digit"
            )
        if self.find_in(connection, name) is not None:
            raise AccessError("an account of that login name is there: `python -m serving accounts list`")
        now = self.now()
        values = {
            "id": ID_MARK + secrets.token_hex(6)[1:],
            "login_name": name,
            "password_hash": password_hash,
            "password_set_at": now,
            "is_start_password": 1,
            "role": role.value,
            "area_code": scope.prefix,
            "state": AccountState.ACTIVE.value,
            "created_at": now,
            "expires_at": now + lasts,
            "failures": 0,
            "second_factor_step": 0,
        }
        return account_of(connection.execute(table.insert().values(values).returning(table)).one()._mapping)

    def list(self) -> Sequence[Account]:
        """Every account there is, by login name."""
        with self.engine.connect() as connection:
            rows = connection.execute(select(table).order_by(table.c.login_name)).all()
        return [account_of(one._mapping) for one in rows]

    def page(
        self, *, role: Role | None = None, area: str = "", limit: int = 50, offset: int = 0
    ) -> tuple[Sequence[Account], int]:
        """Some accounts by login name, of a role or with an area inside one, and how many there are in
        all.
        """
        conditions = [] if role is None else [table.c.role == role.value]
        if area:
            conditions.append(Scope(area).condition(table.c.area_code))
        query = select(table).where(*conditions).order_by(table.c.login_name).limit(limit).offset(offset)
        with self.engine.connect() as connection:
            rows = connection.execute(query).all()
            counted = select(func.count()).select_from(table).where(*conditions)
            total = connection.execute(counted).scalar_one()
        return [account_of(one._mapping) for one in rows], int(total)

    def find(self, login_name: str) -> Account | None:
        """The account of a login name, however it is typed."""
        query = select(table).where(table.c.login_name == login_name_of(login_name))
        with self.engine.connect() as connection:
            found = connection.execute(query).first()
        return account_of(found._mapping) if found else None

    def find_in(self, connection: Connection, login_name: str) -> Account | None:
        """The account of a login name, held until the transaction ends."""
        query = select(table).where(table.c.login_name == login_name).with_for_update()
        found = connection.execute(query).first()
        return account_of(found._mapping) if found else None

    def get_in(self, connection: Connection, login_name: str) -> Account:
        """The same; raises `AccessError` where there is none."""
        found = self.find_in(connection, login_name_of(login_name))
        if found is None:
            raise AccessError("there is no account of that login name: `python -m serving accounts list`")
        return found

    def get_by_id_in(self, connection: Connection, account_id: str) -> Account:
        """The account of an id, held until the transaction ends; raises `AccessError` where there is none."""
        query = select(table).where(table.c.id == account_id).with_for_update()
        found = connection.execute(query).first()
        if found is None:
            raise AccessError("there is no account of that id: `python -m serving accounts list`")
        return account_of(found._mapping)

    def change_in(self, connection: Connection, account: Account, **values: Any) -> None:
        """Write columns of an account."""
        connection.execute(update(table).where(table.c.id == account.id).values(values))

    def set_password_in(
        self, connection: Connection, account: Account, password_hash: str, *, is_start: bool
    ) -> None:
        """Give an account another password; every session that it has ends."""
        self.change_in(
            connection, account, password_hash=password_hash, password_set_at=self.now(),
            is_start_password=int(is_start), failures=0, locked_until=None,
        )  # fmt: skip
        self._end_sessions(connection, account)

    def lock_in(self, connection: Connection, account: Account) -> None:
        """Let an account sign in no more; its sessions end."""
        self.change_in(connection, account, state=AccountState.LOCKED.value)
        self._end_sessions(connection, account)

    def change_role_in(self, connection: Connection, account: Account, role: Role, area: str | None) -> None:
        """Give an account another role and area; its sessions end. Raises `AccessError` where they do not
        fit.
        """
        self.change_in(connection, account, role=role.value, area_code=scope_of(role, area).prefix)
        self._end_sessions(connection, account)

    def unlock_in(self, connection: Connection, account: Account) -> None:
        """Let an account sign in again, whether an administrator or failures locked it."""
        self.change_in(connection, account, state=AccountState.ACTIVE.value, failures=0, locked_until=None)

    def remove_in(self, connection: Connection, account: Account) -> None:
        """Delete an account and its sessions; the log keeps the id."""
        connection.execute(delete(session).where(session.c.account_id == account.id))
        connection.execute(delete(table).where(table.c.id == account.id))

    def _end_sessions(self, connection: Connection, account: Account) -> None:
        open_ones = update(session).where(session.c.account_id == account.id, session.c.ended_at.is_(None))
        connection.execute(open_ones.values(ended_at=self.now()))


def account_of(columns: RowMapping) -> Account:
    """The account of a row; other columns of it are left out."""
    values = {one.name: columns[one] for one in table.columns}
    values["area"] = values.pop("area_code")
    values["kept_state"] = AccountState(values.pop("state"))
    values["role"] = Role(values["role"])
    values["is_start_password"] = bool(values["is_start_password"])
    return Account(**values)
