"""Opening the database: set up so that no acknowledged row is lost and writers wait in line.

The embedded one is a SQLite file; a ``postgresql://`` address names a server instead. The code is the same.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any, TypeAlias

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, OperationalError

from serving.errors import StorageError
from serving.storage.columns import IS_SQLITE, document_text

BUSY_MILLISECONDS = 15_000
"""How long a writer waits for another before it gives up."""
CONNECT_SECONDS = 5
WRITES = {"begin": "IMMEDIATE"}
"""Execution options of a connection that writes. A deferred transaction of SQLite that turns to writing fails
at once when another has written meanwhile; one that begins as a writer waits. PostgreSQL needs nothing."""

_ADDRESSES = "give sqlite:////path/to/file.db or postgresql://user@host/database"
_SQLITE = {"sqlite", "sqlite+pysqlite"}
_POSTGRESQL = {"postgresql", "postgresql+psycopg"}

Insert: TypeAlias = sqlite.Insert | postgresql.Insert


def connect(url: str, *, has_foreign_keys: bool = True) -> Engine:
    """The engine of a database, which is not asked yet.

    Raises `StorageError` for an address that no database of this service can have.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise StorageError(f"the database address cannot be read: {_ADDRESSES}") from None
    if parsed.drivername in _SQLITE:
        return _connect_sqlite(parsed, has_foreign_keys)
    if parsed.drivername in _POSTGRESQL:
        return _connect_postgresql(parsed)
    raise StorageError(f"the database must be a SQLite file or a PostgreSQL server: {_ADDRESSES}")


def insert_into(connection: Connection, table: Table) -> Insert:
    """An insert that can say what happens on a conflict; both databases say it in the same words."""
    return sqlite.insert(table) if connection.dialect.name == IS_SQLITE else postgresql.insert(table)


def lock_for_all(connection: Connection, number: int) -> None:
    """Let transactions that take the same number follow one another. Writers of SQLite always do."""
    if connection.dialect.name != IS_SQLITE:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCKS}, {number:d})")


def purge(engine: Engine, tables: Sequence[Table]) -> None:
    """Write what is kept anew, so that nothing else is in the files; of a server, the tables given alone.

    Others wait meanwhile. Raises `StorageError` where somebody reads or writes for longer than this waits.
    """
    try:
        if engine.dialect.name != IS_SQLITE:
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as server:
                for one in tables:
                    server.exec_driver_sql(f'VACUUM (FULL) "{one.name}"')
            return
        with engine.connect() as connection:
            # Outside of a transaction, which has begun.
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("VACUUM")
        is_done = empty_log(engine)
    except OperationalError:
        is_done = False
    if not is_done:
        raise StorageError(
            "somebody keeps the database busy, and deleted bytes are still in its files: run "
            "`python -m serving identity purge` when it is quiet"
        )


def empty_log(engine: Engine) -> bool:
    """Bring SQLite's write-ahead log into its file and cut it to nothing; whether nobody was in the way."""
    with engine.connect() as connection:
        if connection.dialect.name != IS_SQLITE:
            return True
        connection.exec_driver_sql("COMMIT")
        return bool(connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0] == 0)


_LOCKS = 20_250_224
"""The first half of the keys that this service locks by, so that other programs' keys are others."""


def _connect_sqlite(url: URL, has_foreign_keys: bool) -> Engine:
    if not url.database or url.database == ":memory:" or url.query:
        raise StorageError("the database must be a SQLite file: give sqlite:////path/to/file.db")
    folder = Path(url.database).absolute().parent
    if not folder.is_dir():
        raise StorageError(f"the database's folder {folder} does not exist: make it first")
    file = Path(url.database)
    # The message of a failed statement would otherwise repeat its values.
    engine = create_engine(url, hide_parameters=True)

    def set_up(connection: Any, _: Any) -> None:
        # The driver's own idea of when to begin is switched off; `_begin` says it.
        connection.isolation_level = None
        for pragma in (
            f"busy_timeout={BUSY_MILLISECONDS}",
            "journal_mode=WAL",
            "synchronous=FULL",
            # What is deleted is overwritten with zeros, wherever a page is used again.
            "secure_delete=ON",
            f"foreign_keys={'ON' if has_foreign_keys else 'OFF'}",
        ):
            connection.execute(f"PRAGMA {pragma}").close()

    event.listen(engine, "do_connect", lambda *_: _make_private(file))
    event.listen(engine, "connect", set_up)
    event.listen(engine, "begin", _begin)
    return engine


_MAKING = Lock()


def _make_private(path: Path) -> None:
    """Make an empty file of its owner's alone where there is none; SQLite gives its logs the same mode."""
    # To close a file takes this process's other connections their locks on it: none is opened until the new
    # one is closed, and one that is there is never opened.
    with _MAKING, suppress(OSError):
        # It is there, or cannot be made: then SQLite says what is wrong with it.
        os.close(os.open(path.resolve(), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def _begin(connection: Connection) -> None:
    mode = connection.get_execution_options().get("begin", "DEFERRED")
    connection.exec_driver_sql(f"BEGIN {mode}")


def _connect_postgresql(url: URL) -> Engine:
    if not url.database:
        raise StorageError(f"the database address names no database: {_ADDRESSES}")
    try:
        import psycopg  # noqa: F401
    except ImportError:
        raise StorageError(
            "PostgreSQL needs the extra `postgres`: install fangfan[postgres], or give a SQLite file"
        ) from None
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        hide_parameters=True,
        json_serializer=document_text,
        # A server that was restarted is noticed before a request is lost on a dead connection.
        pool_pre_ping=True,
        connect_args={"connect_timeout": CONNECT_SECONDS, "application_name": "fangfan"},
    )

    def set_up(connection: Any, _: Any) -> None:
        was, connection.autocommit = connection.autocommit, True
        # A server set to answer before the disk does would acknowledge what it can lose.
        for setting in (
            "synchronous_commit = on",
            f"lock_timeout = {BUSY_MILLISECONDS}",
            "idle_in_transaction_session_timeout = 60000",
            "timezone = 'UTC'",
        ):
            connection.execute(f"SET {setting}")
        connection.autocommit = was

    event.listen(engine, "connect", set_up)
    return engine
