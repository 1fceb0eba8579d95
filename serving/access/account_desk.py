"""Giving people access: what commands and pages do with accounts, each in one transaction with its entry."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING

from serving.access.caller import Caller, Role, scope_of
from serving.access.passwords import Passwords, make_start_password
from serving.errors import AccessError
from serving.storage.accounts import Account, AccountStore
from serving.storage.audit import AuditLog
from serving.storage.audit_actions import Action, Outcome

if TYPE_CHECKING:
    from sqlalchemy import Connection

Find = Callable[["Connection"], Account]
"""Which account is meant, held until the transaction ends; raises `AccessError` where there is none."""


class AccountDesk:
    """The accounts of one database. Hashing a password takes a core for a while: not on the event loop.

    Start passwords are answered once and kept nowhere. Raises `AccessError` for what is not to be had, and
    where somebody would lock, remove or change the account that they are signed in with.
    """

    def __init__(self, store: AccountStore, audit: AuditLog, passwords: Passwords | None = None) -> None:
        self.store = store
        self.audit = audit
        self.passwords = passwords or Passwords()

    def by_login(self, login_name: str) -> Find:
        """The account of a login name, however it is typed."""
        return lambda connection: self.store.get_in(connection, login_name)

    def by_id(self, account_id: str) -> Find:
        """The account of an id."""
        return lambda connection: self.store.get_by_id_in(connection, account_id)

    def add(
        self, by: Caller, login_name: str, role: Role, area: str | None, lasts: dt.timedelta
    ) -> tuple[Account, str]:
        """Make an account; answered with its start password."""
        password = make_start_password()
        hashed = self.passwords.hash(password)
        with self.store.writer.begin() as connection:
            made = self.store.add_in(connection, login_name, role, area, hashed, lasts)
            self._note(connection, by, made, Action.ACCOUNT_ADDED)
        # Told once it is stored: a password that is shown is in force.
        return made, password

    def reset(self, by: Caller, find: Find) -> tuple[Account, str]:
        """Give an account a new start password, take its second factor away and end its sessions."""
        password = make_start_password()
        hashed = self.passwords.hash(password)
        with self.store.writer.begin() as connection:
            found = find(connection)
            self.store.set_password_in(connection, found, hashed, is_start=True)
            self.store.change_in(connection, found, second_factor=None, second_factor_secret=None)
            self._note(connection, by, found, Action.ACCOUNT_RESET)
            return self.store.get_by_id_in(connection, found.id), password

    def lock(self, by: Caller, find: Find) -> Account:
        """Let an account sign in no more; its sessions end."""
        with self.store.writer.begin() as connection:
            self.store.lock_in(connection, found := _of_another(by, find(connection)))
            self._note(connection, by, found, Action.ACCOUNT_LOCKED)
            return self.store.get_by_id_in(connection, found.id)

    def unlock(self, by: Caller, find: Find) -> Account:
        """Let an account sign in again, whether it was locked by somebody or after failures."""
        with self.store.writer.begin() as connection:
            self.store.unlock_in(connection, found := find(connection))
            self._note(connection, by, found, Action.ACCOUNT_UNLOCKED)
            return self.store.get_by_id_in(connection, found.id)

    def change(self, by: Caller, find: Find, role: Role, area: str | None) -> Account:
        """Give an account another role and area; its sessions end. Changed to what it is, nothing happens."""
        with self.store.writer.begin() as connection:
            found = _of_another(by, find(connection))
            if role is Role.PLATFORM:
                raise AccessError("a platform is a machine and does not sign in: make a key for it")
            if (role, scope_of(role, area).prefix) == (found.role, found.area):
                return found
            self.store.change_role_in(connection, found, role, area)
            self._note(connection, by, found, Action.ACCOUNT_CHANGED)
            return self.store.get_by_id_in(connection, found.id)

    def remove(self, by: Caller, find: Find) -> Account:
        """Delete an account and its sessions; the log keeps its id alone."""
        with self.store.writer.begin() as connection:
            self.store.remove_in(connection, found := _of_another(by, find(connection)))
            self._note(connection, by, found, Action.ACCOUNT_REMOVED)
        return found

    def _note(self, connection: Connection, by: Caller, account: Account, action: Action) -> None:
        self.audit.append(connection, by, action, [account.id], Outcome.DONE)


def _of_another(by: Caller, account: Account) -> Account:
    if account.id == by.key_id:
        raise AccessError("this is the account that you are signed in with: let another administrator do it")
    return account
