"""Copying a database that is in use, and putting a copy in place.

SQLite is copied by its own online backup in one step, which is one moment of the database whoever writes
meanwhile (https://www.sqlite.org/backup.html). PostgreSQL is dumped by its own `pg_dump`, in the snapshot
that the rows are counted in.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy import URL, Connection, Engine, func, make_url, select
from sqlalchemy import text as sql

from serving.backup.manifest import BackupError, Contents
from serving.storage.audit import HEAD
from serving.storage.columns import IS_SQLITE
from serving.storage.database import BUSY_MILLISECONDS, connect
from serving.storage.tables import METADATA, audit_head

REVISIONS = "alembic_version"

Seen = TypeVar("Seen")


def sqlite_path(url: str) -> Path | None:
    """The file of a SQLite database; `None` for a server's."""
    parsed = make_url(url)
    return Path(parsed.database or "").absolute() if parsed.drivername.startswith(IS_SQLITE) else None


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy one moment of a database in use. Raises `BackupError` where there is none or it cannot be read."""
    if not source.is_file():
        raise BackupError(f"there is no database {source}: give the one that the service has")
    try:
        with (
            closing(sqlite3.connect(f"{source.as_uri()}?mode=rw", uri=True)) as live,
            closing(sqlite3.connect(target)) as copy,
        ):
            live.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")
            # In pieces, it would begin anew whenever somebody writes between two.
            live.backup(copy, pages=-1)
        settle(target)
    except sqlite3.Error as error:
        raise BackupError(f"the database {source} cannot be copied ({type(error).__name__})") from None
    target.chmod(0o600)


def settle(path: Path) -> None:
    """Make a database one file, with no log beside it; `sqlite3.OperationalError` where it is in use."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, isolation_level=None)) as connection:
        connection.execute("PRAGMA busy_timeout=1000")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        (mode,) = connection.execute("PRAGMA journal_mode=DELETE").fetchone()
        if mode != "delete":
            raise sqlite3.OperationalError("database is locked")


def contents_of(connection: Connection) -> Contents:
    """What the database holds at the moment of this transaction."""
    revision = connection.execute(sql(f"SELECT version_num FROM {REVISIONS}")).scalar()  # noqa: S608 # a constant
    counts = {}
    for table in METADATA.sorted_tables:
        counts[table.name] = connection.execute(select(func.count()).select_from(table)).scalar_one()
    head = connection.execute(
        select(audit_head.c.seq, audit_head.c.sha256).where(audit_head.c.id == HEAD)
    ).first()
    return Contents(str(revision), counts, f"{head.seq}:{head.sha256}" if head else None)


def faults_of_sqlite(engine: Engine) -> list[str]:
    """What SQLite itself finds wrong with a database."""
    with engine.connect() as connection:
        said = [str(one[0]) for one in connection.exec_driver_sql("PRAGMA integrity_check(5)")]
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchmany(5)
    faults = [] if said == ["ok"] else ["the database's pages are damaged"]
    return [*faults, *(["rows refer to rows that are not there"] if broken else [])]


def dump_postgresql(
    url: str, target: Path, programs: Path | None, look: Callable[[Connection], Seen]
) -> Seen:
    """Dump one moment of the service's tables; the answer of `look`, which is asked at that very moment."""
    program = _program("pg_dump", programs)
    engine = connect(url)
    try:
        with _snapshot(engine) as (connection, snapshot):
            tables = [f"--table={one}" for one in (REVISIONS, *METADATA.tables)]
            seen = look(connection)
            _run([program, "--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}",
                  f"--file={target}", *tables], make_url(url))  # fmt: skip
    finally:
        engine.dispose()
    target.chmod(0o600)
    return seen


def load_postgresql(url: str, dump: Path, programs: Path | None, *, replace: bool = False) -> None:
    """Put a dump into a database, all of it or nothing; `replace` drops what the service has there."""
    program = _program("pg_restore", programs)
    clean = ["--clean", "--if-exists"] if replace else []
    _run([program, "--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", *clean,
          f"--dbname={make_url(url).database}", str(dump)], make_url(url))  # fmt: skip


@contextmanager
def _snapshot(engine: Engine) -> Iterator[tuple[Connection, str]]:
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        # It waits while the dump is made.
        connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
        yield connection, str(connection.exec_driver_sql("SELECT pg_export_snapshot()").scalar())


def _program(name: str, programs: Path | None) -> str:
    found = shutil.which(name, path=str(programs) if programs else None)
    if found is None:
        raise BackupError(
            f"{name} is not here: a PostgreSQL database is copied by PostgreSQL's own programs. Install "
            "those of the server's version or newer, or say with --pg-bin where they are"
        )
    return found


def _run(command: list[str], url: URL) -> None:
    # The password goes through the environment: a command line can be read by everybody on the machine.
    given = {
        "PGHOST": url.host, "PGPORT": str(url.port) if url.port else None, "PGUSER": url.username,
        "PGPASSWORD": url.password, "PGDATABASE": url.database, "PGCONNECT_TIMEOUT": "5",
    }  # fmt: skip
    for name, value in url.query.items():
        if name in {"host", "port", "sslmode", "sslrootcert"} and isinstance(value, str):
            given[f"PG{name.upper()}"] = value
    environment = {**os.environ, **{name: value for name, value in given.items() if value}}
    # PostgreSQL's own program, with arguments made here.
    made = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if made.returncode:
        said = next(iter(made.stderr.splitlines()), "")[:200]
        raise BackupError(f"{Path(command[0]).name} ended with code {made.returncode}: {said}")
