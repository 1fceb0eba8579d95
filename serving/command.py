"""What the commands of an operator share: their options, who they act as, and the database that they open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from serving.access.caller import Caller, Role
from serving.access.scope import EVERYWHERE

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from serving.settings import Settings
    from serving.storage import AuditLog, KeyStore

OPERATOR = Caller("operator", Role.ACCOUNTS, EVERYWHERE)
"""Whoever runs these commands, as the log names them."""

DatabaseOption = Annotated[
    str,
    typer.Option(
        envvar="FANGFAN_DATABASE_URL",
        help="Database, sqlite:////path/to/file.db or postgresql://user@host/database",
    ),
]
AuditKeyFile = Annotated[
    Path | None,
    typer.Option(envvar="FANGFAN_AUDIT_KEY_FILE", help="Secret of the audit log, if not beside the jobs"),
]
SigningKeys = Annotated[
    Path | None,
    typer.Option(
        envvar="FANGFAN_SIGNING_KEYS", help="PEM file of public keys; one must have signed every bundle"
    ),
]
RegistryOption = Annotated[
    str, typer.Option(envvar="FANGFAN_REGISTRY_URI", help="Address of the MLflow registry")
]
RegistrySeconds = Annotated[
    int, typer.Option(envvar="FANGFAN_REGISTRY_SECONDS", help="How long the registry may take", min=1)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of words")]


@contextmanager
def opened_database(database: str, *, may_make: bool = False) -> Iterator[Engine]:
    """A database for the time of a command. A SQLite file that is not there is made by those alone that begin
    one: a path with a slip in it would otherwise be an empty database in which all is well."""
    from serving.storage import open_database

    engine = open_database(database, may_make=may_make)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def opened(
    database: str, audit_key_file: Path | None, *, may_make: bool = False
) -> Iterator[tuple[KeyStore, AuditLog]]:
    """The keys and the log of a database. A log that was changed is opened all the same: `verify` has to."""
    from serving.settings import Settings

    settings = Settings.of_command(database, audit_key_file=audit_key_file)
    with opened_log(settings, may_make=may_make) as made:
        yield made


@contextmanager
def opened_log(settings: Settings, *, may_make: bool = False) -> Iterator[tuple[KeyStore, AuditLog]]:
    """The keys and the log. A log that was changed is opened all the same: `verify` has to."""
    from serving.access.audit_key import load_audit_key
    from serving.storage import AuditLog, KeyStore, is_begun

    with opened_database(settings.database_url, may_make=may_make) as engine:
        key = load_audit_key(settings.audit_key_path, is_begun=is_begun(engine))
        yield KeyStore(engine), AuditLog(engine, key)
