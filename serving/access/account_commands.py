"""Commands of whoever gives people access: make accounts, lock and unlock them, hand over start passwords."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from features.screen import show_table
from serving.access.caller import Role
from serving.access.commands import MOST_DAYS
from serving.access.scope import ALL_AREAS
from serving.command import OPERATOR, AsJson, AuditKeyFile, DatabaseOption, opened, opened_database

if TYPE_CHECKING:
    from serving.access.account_desk import AccountDesk
    from serving.storage import Account, AccountStore

accounts = typer.Typer(
    name="accounts", help="Accounts of people who sign in: make, list, lock, reset.", no_args_is_help=True
)

LoginName = Annotated[str, typer.Argument(help="The login name that `accounts list` shows")]
_SHOWN = ("id", "login_name", "role", "area", "state", "second_factor", "expires_at")


@accounts.command()
def add(
    database: DatabaseOption,
    login_name: Annotated[
        str, typer.Option("--login", help="What the person types to sign in, such as a staff number")
    ],
    role: Annotated[Role, typer.Option(help="What the person does; a platform is a machine and has a key")],
    area: Annotated[str | None, typer.Option(help="Area code; none where none is seen")] = None,
    days: Annotated[int, typer.Option(help="How long the account lasts", min=1, max=MOST_DAYS)] = 365,
    audit_key_file: AuditKeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Make an account and print its start password, this once; it is changed at the first sign-in."""
    with _opened(database, audit_key_file, may_make=True) as desk:
        made, password = desk.add(OPERATOR, login_name, role, area, dt.timedelta(days=days))
    _tell_password(made, desk.store, password, as_json=as_json)


@accounts.command("list")
def list_accounts(database: DatabaseOption, as_json: AsJson = False) -> None:
    """List the accounts by login name, and whether they may sign in."""
    from serving.storage import AccountStore

    with opened_database(database) as engine:
        store = AccountStore(engine)
        entries = [_entry(one, store) for one in store.list()]
    if as_json:
        print(json.dumps({"accounts": entries}, ensure_ascii=False))
        return
    table = Table()
    for heading in _SHOWN:
        table.add_column(heading)
    for one in entries:
        table.add_row(*(one[name] or "–" for name in _SHOWN))
    show_table(table)


@accounts.command()
def lock(
    login_name: LoginName,
    database: DatabaseOption,
    audit_key_file: AuditKeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Let an account sign in no more, and end its sessions. A running service refuses it within seconds."""
    with _opened(database, audit_key_file) as desk:
        found = desk.lock(OPERATOR, desk.by_login(login_name))
    _tell(found, desk.store, "is locked", as_json=as_json)


@accounts.command()
def unlock(
    login_name: LoginName,
    database: DatabaseOption,
    audit_key_file: AuditKeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Let an account sign in again, whether it was locked by command or after failures."""
    with _opened(database, audit_key_file) as desk:
        found = desk.unlock(OPERATOR, desk.by_login(login_name))
    _tell(found, desk.store, "is unlocked", as_json=as_json)


@accounts.command()
def change(
    login_name: LoginName,
    database: DatabaseOption,
    role: Annotated[Role, typer.Option(help="What the person does from now on")],
    area: Annotated[str | None, typer.Option(help="Area code; none where none is seen")] = None,
    audit_key_file: AuditKeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Give an account another role and area, and end its sessions."""
    with _opened(database, audit_key_file) as desk:
        found = desk.change(OPERATOR, desk.by_login(login_name), role, area)
    _tell(found, desk.store, "is changed", as_json=as_json)


@accounts.command()
def reset(
    login_name: LoginName,
    database: DatabaseOption,
    audit_key_file: AuditKeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Print a new start password, take the second factor away and end the account's sessions.

    For a person who stands before you: whoever has the start password has the account.
    """
    with _opened(database, audit_key_file) as desk:
        found, password = desk.reset(OPERATOR, desk.by_login(login_name))
    _tell_password(found, desk.store, password, as_json=as_json)


@accounts.command()
def remove(
    login_name: LoginName,
    database: DatabaseOption,
    audit_key_file: AuditKeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Delete an account and its sessions. The log keeps its id alone: lock it where that is not enough."""
    with _opened(database, audit_key_file) as desk:
        found = desk.remove(OPERATOR, desk.by_login(login_name))
    _tell(found, desk.store, "is removed", as_json=as_json)


@contextmanager
def _opened(database: str, audit_key_file: Path | None, *, may_make: bool = False) -> Iterator[AccountDesk]:
    from serving.access.account_desk import AccountDesk
    from serving.storage import AccountStore

    with opened(database, audit_key_file, may_make=may_make) as (keys, log):
        yield AccountDesk(AccountStore(keys.engine), log)


def _tell_password(account: Account, store: AccountStore, password: str, *, as_json: bool) -> None:
    # Told once it is stored: a password that is shown is in force.
    if as_json:
        print(json.dumps({"start_password": password, **_entry(account, store)}))
        return
    print(password)
    Console(stderr=True).print(
        f"The start password of {account.login_name} is shown this once. It is changed at the first sign-in, "
        "which has to be within seven days.",
        highlight=False,
    )


def _tell(account: Account, store: AccountStore, done: str, *, as_json: bool) -> None:
    print(json.dumps(_entry(account, store)) if as_json else f"account {account.login_name} {done}")


def _entry(account: Account, store: AccountStore) -> dict[str, str | None]:
    return {
        "id": account.id,
        "login_name": account.login_name,
        "role": account.role.value,
        "area": ALL_AREAS if account.area == "" else account.area,
        "state": account.state(store.now()),
        "second_factor": account.second_factor,
        "created_at": account.created_at.isoformat(timespec="seconds"),
        "expires_at": account.expires_at.isoformat(timespec="seconds"),
    }
