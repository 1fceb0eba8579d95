"""Commands of whoever sets up webhooks: add, list, try, see what became of events, end."""

from __future__ import annotations

import json
import secrets
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from features.screen import show_table
from serving.command import OPERATOR, AsJson, AuditKeyFile, DatabaseOption, opened_log
from serving.errors import AccessError

if TYPE_CHECKING:
    from serving.storage.webhooks import Webhook, WebhookStore
    from serving.webhooks.seal import Seal

webhooks = typer.Typer(
    name="webhooks", help="Alerts sent to other systems: add, list, test, see, end.", no_args_is_help=True
)

NetworksOption = Annotated[
    str,
    typer.Option(
        envvar="FANGFAN_WEBHOOK_NETWORKS",
        help="Private networks that alerts may go to, such as 10.1.0.0/16; public addresses need none",
    ),
]
WebhookId = Annotated[str, typer.Argument(help="The id that `webhooks list` shows")]


@webhooks.command()
def add(
    database: DatabaseOption,
    key_id: Annotated[str, typer.Option("--key", help="Id of the key on whose behalf alerts are sent")],
    area: Annotated[str, typer.Option(help="Area code; '*' for everywhere. It lies in the key's own area")],
    url: Annotated[str, typer.Option(help="https address that takes alerts")],
    networks: NetworksOption = "",
    audit_key_file: AuditKeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Add a webhook and print its secret: it is shown this once and kept sealed."""
    from serving.webhooks.address import Networks
    from serving.webhooks.seal import new_secret

    Networks.read(networks).find_target(url)
    secret = new_secret()
    with _opened(database, audit_key_file) as (store, seal):
        made = store.add(OPERATOR, key_id, area, url, lambda hook: seal.close(secret, hook))
    if as_json:
        print(json.dumps({"secret": secret, **_entry(made)}))
        return
    print(secret)
    Console(stderr=True).print(
        f"Webhook {made.id}. The secret is shown this once: the receiver checks signatures with it. "
        f"`webhooks test {made.id}` sends one event to try.",
        highlight=False,
    )


@webhooks.command("list")
def list_webhooks(
    database: DatabaseOption, audit_key_file: AuditKeyFile = None, as_json: AsJson = False
) -> None:
    """List the webhooks, the newest first."""
    with _opened(database, audit_key_file) as (store, _):
        entries = [_entry(one) for one in store.list()]
    if as_json:
        print(json.dumps({"webhooks": entries}))
        return
    _print(entries)


@webhooks.command()
def remove(
    webhook_id: WebhookId,
    database: DatabaseOption,
    audit_key_file: AuditKeyFile = None,
    as_json: AsJson = False,
) -> None:
    """End a webhook: what waits for it is dropped, and nothing is sent any more."""
    from serving.storage.webhooks import Ended

    with _opened(database, audit_key_file) as (store, _):
        store.end(OPERATOR, webhook_id, Ended.REMOVED)
    print(json.dumps({"id": webhook_id, "state": "ended"}) if as_json else f"webhook {webhook_id} is ended")


@webhooks.command("test")
def try_out(
    webhook_id: WebhookId,
    database: DatabaseOption,
    networks: NetworksOption = "",
    audit_key_file: AuditKeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Send one signed event of the type webhook.test. Exit code 0 when it was taken, 1 otherwise."""
    from serving.storage.columns import document_text
    from serving.webhooks.address import Networks
    from serving.webhooks.sender import Sender

    with _opened(database, audit_key_file) as (store, seal):
        hook = store.get(webhook_id)
        now = store.now()
        event = {
            "type": "webhook.test",
            "timestamp": now.isoformat(timespec="seconds"),
            "data": {"webhook_id": hook.id},
        }
        sent = Sender(Networks.read(networks)).send(
            hook.url,
            seal.open(hook.sealed_secret, hook.id),
            f"evt_{secrets.token_hex(16)}",
            int(now.timestamp()),
            document_text(event).encode(),
        )
    if as_json:
        print(json.dumps({"id": webhook_id, "outcome": sent.code, "is_taken": sent.is_taken}))
    else:
        print(f"{'taken' if sent.is_taken else 'not taken'}: {sent.code}")
    if not sent.is_taken:
        raise typer.Exit(1)


@webhooks.command()
def deliveries(
    database: DatabaseOption,
    webhook_id: Annotated[str | None, typer.Option("--webhook", help="Of one webhook")] = None,
    state: Annotated[
        str | None, typer.Option(help="pending, delivered, dead (given up) or dropped (webhook ended)")
    ] = None,
    limit: Annotated[int, typer.Option(help="How many at most", min=1, max=100_000)] = 100,
    is_again: Annotated[
        bool, typer.Option("--retry-dead", help="Let what was given up of --webhook wait again")
    ] = False,
    audit_key_file: AuditKeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Show what became of events, the newest first. What they tell, and of whom, is not shown."""
    from serving.storage.webhooks import DeliveryState

    if state is not None and state not in list(DeliveryState):
        raise AccessError(f"--state: give one of {', '.join(DeliveryState)}")
    if is_again and webhook_id is None:
        raise AccessError("--retry-dead: say which webhook with --webhook")
    with _opened(database, audit_key_file) as (store, _):
        again = store.retry_dead(webhook_id) if is_again and webhook_id else None
        found = store.deliveries(webhook_id, DeliveryState(state) if state else None, limit)
    entries = [
        {
            name: value.isoformat(timespec="seconds") if hasattr(value, "isoformat") else value
            for name, value in row._mapping.items()
        }
        for row in found
    ]
    counts = Counter(str(one["state"]) for one in entries)
    if as_json:
        told = {"deliveries": entries, "counts": dict(counts)}
        print(json.dumps(told if again is None else {**told, "retried": again}))
        return
    _print(entries)
    print(", ".join(f"{name} {count}" for name, count in counts.items()) or "no events")


@contextmanager
def _opened(database: str, audit_key_file: Path | None) -> Iterator[tuple[WebhookStore, Seal]]:
    from serving.access.audit_key import load_audit_key
    from serving.settings import Settings
    from serving.storage.webhooks import WebhookStore
    from serving.webhooks.seal import Seal

    settings = Settings.of_command(database, audit_key_file=audit_key_file)
    with opened_log(settings) as (keys, log):
        yield WebhookStore(keys.engine, log), Seal(load_audit_key(settings.audit_key_path, is_begun=True))


def _entry(hook: Webhook) -> dict[str, Any]:
    from serving.storage.webhooks import shown_area

    return {
        "id": hook.id,
        "key": hook.key_id,
        "area": shown_area(hook),
        "url": hook.url,
        "state": "active" if hook.ended_at is None else f"ended: {hook.ended_because}",
        "created_at": hook.created_at.isoformat(timespec="seconds"),
    }


def _print(entries: list[dict[str, Any]]) -> None:
    table = Table()
    for heading in entries[0] if entries else ("id",):
        table.add_column(heading)
    for one in entries:
        table.add_row(*("" if value is None else str(value) for value in one.values()))
    show_table(table)
