"""Commands of whoever gives access: keys, the log of reads, and the table of who may use what."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from features.screen import show_table
from serving.access.caller import Role
from serving.access.policy import policy_table
from serving.command import OPERATOR, AsJson, AuditKeyFile, DatabaseOption, opened, opened_database
from serving.errors import AccessError

if TYPE_CHECKING:
    from serving.storage import KeyStore
    from serving.storage.keys import KeyEntry

MOST_DAYS = 3_650

keys = typer.Typer(name="keys", help="Keys of callers: make, list, end.", no_args_is_help=True)
audit = typer.Typer(name="audit", help="The log of who read what: check, search.", no_args_is_help=True)


@keys.command()
def add(
    database: DatabaseOption,
    role: Annotated[Role, typer.Option(help="What the caller does")],
    name: Annotated[str, typer.Option(help="What the key is for, such as a system; no person's name")],
    area: Annotated[
        str | None, typer.Option(help="Area code; '*' for everywhere (platform); none where none is seen")
    ] = None,
    days: Annotated[int, typer.Option(help="How long it lasts", min=1, max=MOST_DAYS)] = 365,
    audit_key_file: AuditKeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it: it is shown this once and kept nowhere."""
    from serving.storage.audit_actions import Action, Outcome

    with (
        opened(database, audit_key_file, may_make=True) as (store, log),
        store.writer.begin() as connection,
    ):
        made, entry = store.add_in(connection, role, area, name, dt.timedelta(days=days))
        log.append(connection, OPERATOR, Action.KEY_ADDED, [entry.id], Outcome.DONE)
    # Told once it is stored: a key that is shown is in force.
    if as_json:
        print(json.dumps({"key": made.text, **_entry(entry, store)}))
        return
    print(made.text)
    Console(stderr=True).print(
        f"The key is shown this once. Send it as: Authorization: Bearer {made.text[:6]}… ; it ends on "
        f"{entry.expires_at:%Y-%m-%d}.",
        highlight=False,
    )


@keys.command("list")
def list_keys(database: DatabaseOption, as_json: AsJson = False) -> None:
    """List the keys, the newest first; the keys themselves are not kept."""
    from serving.storage import KeyStore

    with opened_database(database) as engine:
        store = KeyStore(engine)
        entries = [_entry(one, store) for one in store.list()]
    if as_json:
        print(json.dumps({"keys": entries}, ensure_ascii=False))
        return
    table = Table()
    for heading in ("id", "role", "area", "name", "state", "expires_at"):
        table.add_column(heading)
    for one in entries:
        table.add_row(*(one[name] or "–" for name in ("id", "role", "area", "name", "state", "expires_at")))
    show_table(table)


@keys.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="The id that `keys list` shows")],
    database: DatabaseOption,
    audit_key_file: AuditKeyFile = None,
    as_json: AsJson = False,
) -> None:
    """End a key for good. A running service refuses it within seconds."""
    from serving.storage.audit_actions import Action, Outcome

    with opened(database, audit_key_file) as (store, log), store.writer.begin() as connection:
        entry = store.revoke_in(connection, key_id)
        log.append(connection, OPERATOR, Action.KEY_REVOKED, [entry.id], Outcome.DONE)
    print(json.dumps(_entry(entry, store)) if as_json else f"key {entry.id} is revoked")


@audit.command()
def verify(
    database: DatabaseOption,
    anchor: Annotated[
        str | None, typer.Option(help="A head noted down before, number:hash, that the log must still have")
    ] = None,
    audit_key_file: AuditKeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Check the whole log. Exit code 0 when nothing was changed, removed or added, 1 otherwise.

    Note the head down outside of this machine: with it, a log put back to an earlier state is found as well.
    """
    with opened(database, audit_key_file) as (_, log):
        found = log.verify(anchor)
    if as_json:
        print(json.dumps({"entries": found.entries, "head": found.head, "faults": list(found.faults)}))
    else:
        print(f"{found.entries} entries, head {found.head}: {len(found.faults) or 'no'} faults")
        for one in found.faults:
            print(f"- {one}")
    if found.faults:
        raise typer.Exit(1)


@audit.command()
def search(
    database: DatabaseOption,
    household: Annotated[str | None, typer.Option(help="Key of a household")] = None,
    login: Annotated[str | None, typer.Option(help="Login name that somebody tried to sign in with")] = None,
    key_id: Annotated[str | None, typer.Option("--key", help="Id of a caller's key or account")] = None,
    token_subject: Annotated[
        str | None, typer.Option(help="Subject of an identity provider's token, instead of --key")
    ] = None,
    action: Annotated[str | None, typer.Option(help="household_read, household_listed, …")] = None,
    since: Annotated[str | None, typer.Option(help="From this day on, YYYY-MM-DD, UTC")] = None,
    until: Annotated[str | None, typer.Option(help="Before this day")] = None,
    limit: Annotated[int, typer.Option(help="How many at most", min=1, max=100_000)] = 100,
    audit_key_file: AuditKeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Find who read what, the latest first."""
    from serving.storage.accounts import login_name_of
    from serving.storage.audit_actions import Action

    if action is not None and action not in list(Action):
        raise AccessError(f"--action: give one of {', '.join(Action)}")
    if key_id is not None and token_subject is not None:
        raise AccessError("--key and --token-subject: give one of them")
    with opened(database, audit_key_file) as (_, log):
        found = log.search(
            household_id=household, login_name=login_name_of(login) if login else None,
            key_id=log.token_holder(token_subject) if token_subject else key_id,
            action=Action(action) if action else None, since=_day("--since", since),
            until=_day("--until", until), limit=limit,
        )  # fmt: skip
    if as_json:
        print(json.dumps({"entries": [one.as_json() for one in found]}))
        return
    table = Table()
    for heading in ("seq", "at", "key", "role", "area", "action", "subject", "outcome", "purpose"):
        table.add_column(heading)
    for one in found:
        at = one.at.strftime("%Y-%m-%d %H:%M:%S")
        table.add_row(
            str(one.seq),
            at,
            one.key_id,
            one.role,
            one.area,
            one.action,
            one.subject,
            one.outcome,
            one.purpose,
        )
    show_table(table)


def policy() -> None:
    """Print who may use which route, as Markdown."""
    print(policy_table())


def _entry(entry: KeyEntry, store: KeyStore) -> dict[str, str | None]:
    return {
        "id": entry.id,
        "role": entry.role.value,
        "area": entry.area,
        "name": entry.name,
        "state": entry.state(store.now()),
        "created_at": entry.created_at.isoformat(timespec="seconds"),
        "expires_at": entry.expires_at.isoformat(timespec="seconds"),
    }


def _day(option: str, text: str | None) -> dt.datetime | None:
    try:
        return dt.datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=dt.UTC) if text else None
    except ValueError:
        raise AccessError(f"{option}: give a date that exists, as YYYY-MM-DD") from None
