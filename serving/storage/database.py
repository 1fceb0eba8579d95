"""Opening the database: SQLite, set up so that no acknowledged row is lost and writers wait in line."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from serving.errors import StorageError
from serving.storage.tables import METADATA

BUSY_MILLISECONDS = 15_000
WRITES = {"begin": "IMMEDIATE"}
"""Execution options of a connection that writes. A deferred transaction that turns to writing fails at once
when another has written meanwhile; one that begins as a writer waits."""


def open_database(url: str) -> Engine:
    """The engine of a database, its tables made where there are none.

    Raises `StorageError` for an address that is not a SQLite file, or a file that cannot be used.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise StorageError("the database address cannot be read: give sqlite:////path/to/file.db") from None
    is_sqlite = parsed.drivername in {"sqlite", "sqlite+pysqlite"} and not parsed.query
    if not is_sqlite or not parsed.database or parsed.database == ":memory:":
        raise StorageError("the database must be a SQLite file: give sqlite:////path/to/file.db")
    folder = Path(parsed.database).absolute().parent
    if not folder.is_dir():
        raise StorageError(f"the database's folder {folder} does not exist: make it first")
    engine = create_engine(
        parsed,
        json_serializer=partial(json.dumps, ensure_ascii=False, allow_nan=False, separators=(",", ":")),
        # The message of a failed statement would otherwise repeat its values.
        hide_parameters=True,
    )
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    try:
        with engine.execution_options(**WRITES).begin() as connection:
            METADATA.create_all(connection)
    except SQLAlchemyError as error:
        engine.dispose()
        raise StorageError(
            f"the database {parsed.database} cannot be used ({type(error).__name__}): "
            "give a SQLite file of this service that may be written"
        ) from None
    return engine


def _set_up(connection: Any, _: Any) -> None:
    # The driver's own idea of when to begin is switched off; `_begin` says it.
    connection.isolation_level = None
    for pragma in (
        f"busy_timeout={BUSY_MILLISECONDS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin(connection: Connection) -> None:
    mode = connection.get_execution_options().get("begin", "DEFERRED")
    connection.exec_driver_sql(f"BEGIN {mode}")
