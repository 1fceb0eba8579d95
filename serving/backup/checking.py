"""Checking a backup: it is put back into a scratch place, and asked whether it is what was copied."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import SQLAlchemyError

from serving.backup.archive import Progress, unpack
from serving.backup.databases import contents_of, faults_of_sqlite, load_postgresql
from serving.backup.manifest import DATABASE, JOBS, BackupError, Contents, Manifest, key_mark
from serving.errors import AccessError, StorageError
from serving.jobs.job import OPEN
from serving.storage import AuditLog, Form, connect, find_state
from serving.storage.columns import IS_SQLITE
from serving.storage.tables import job

_SCRATCH = ".fangfan-scratch-"
STALE_SECONDS = 60.0


@dataclass(frozen=True)
class Checked:
    """What a check found. `unchecked` says what could not be looked at, and why."""

    manifest: Manifest
    faults: tuple[str, ...]
    unchecked: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The check as one JSON object."""
        contents = self.manifest.contents
        return {
            "made_at": self.manifest.made_at,
            "database": self.manifest.kind,
            "revision": contents.revision,
            "rows": contents.counts,
            "audit_head": contents.audit_head,
            "model_version": self.manifest.model_version,
            "files": len(self.manifest.files),
            "faults": list(self.faults),
            "unchecked": list(self.unchecked),
        }


def check_backup(
    path: Path, key: bytes | None, tell: Progress, *, scratch_database: str | None, programs: Path | None
) -> Checked:
    """Unpack a backup beside itself, look at all of it, and delete what was unpacked.

    Raises `BackupError` where it is not whole; what else is wrong is a fault.
    """
    with scratch_folder(path.parent) as folder:
        manifest = unpack(path, folder, tell)
        tell("check", 0, 0)
        if manifest.kind == IS_SQLITE:
            faults, unchecked = check_folder(folder, manifest, key)
        elif scratch_database is None:
            faults, unchecked = [], ["the dump's rows and audit log: give --scratch-database, an empty one"]
        else:
            faults, unchecked = _check_dump(folder, manifest, key, scratch_database, programs)
        faults += faults_of_jobs(folder, manifest)
    return Checked(manifest, tuple(faults), tuple(unchecked))


def check_folder(folder: Path, manifest: Manifest, key: bytes | None) -> tuple[list[str], list[str]]:
    """What is wrong with an unpacked copy of a SQLite database, and what could not be looked at."""
    # Opening the copy changes it; what is put back later is the file as it was written.
    scratch = folder / "checked.db"
    shutil.copyfile(folder / DATABASE, scratch)
    engine = connect(f"sqlite:///{scratch}")
    try:
        return [*faults_of_sqlite(engine), *faults_of_contents(engine, manifest, key)], _unchecked(key)
    except (SQLAlchemyError, sqlite3.Error) as error:
        return [f"the database in it cannot be read ({type(error).__name__})"], _unchecked(key)
    finally:
        engine.dispose()
        for one in folder.glob("checked.db*"):
            one.unlink()


def faults_of_contents(engine: Engine, manifest: Manifest, key: bytes | None) -> Iterator[str]:
    """What differs between a database and what the manifest says of it."""
    try:
        state = find_state(engine)
    except StorageError as error:
        yield str(error)
        return
    if state.form not in {Form.CURRENT, Form.OUTDATED}:
        yield f"its revision {manifest.contents.revision} is none that this version can work with"
        return
    if state.form is Form.CURRENT:
        with engine.connect() as connection:
            yield from _differences(contents_of(connection), manifest.contents)
    if key is not None and manifest.audit_key is not None and key_mark(key) != manifest.audit_key:
        yield "the audit key given is not the one that the log in it was written with"
        return
    try:
        log = AuditLog(engine, key or b"")
        yield from log.verify(manifest.contents.audit_head, has_key=key is not None).faults
    except AccessError as error:
        yield str(error)


def faults_of_jobs(folder: Path, manifest: Manifest) -> list[str]:
    """Jobs in the manifest's files that have no folder of their own kind."""
    names = [one for one in manifest.files if one.startswith(f"{JOBS}/")]
    return [] if all(len(Path(one).parts) >= 3 for one in names) else ["files of jobs lie in no job's folder"]


def open_jobs(connection: Connection) -> tuple[set[str], set[str]]:
    """The numbers of all jobs of a database, and of those that are still to be done."""
    rows = connection.execute(select(job.c.id, job.c.state)).all()
    return {one.id for one in rows}, {one.id for one in rows if one.state in OPEN}


@contextmanager
def scratch_folder(beside: Path) -> Iterator[Path]:
    """A folder of its owner's alone that is gone afterwards, as are those that killed commands left."""
    for old in beside.glob(f"{_SCRATCH}*"):
        if time.time() - old.stat().st_mtime > STALE_SECONDS:
            with _held(old) as is_ours:
                if is_ours:
                    shutil.rmtree(old, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=beside) as made, _held(Path(made)):
        yield Path(made)


@contextmanager
def _held(folder: Path) -> Iterator[bool]:
    number = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(number)


def _differences(found: Contents, said: Contents) -> Iterator[str]:
    if found.revision != said.revision:
        yield f"its revision is {found.revision}, not {said.revision}"
    for table, count in said.counts.items():
        if found.counts.get(table) != count:
            yield f"the table {table} has {found.counts.get(table, 'no')} rows, not {count}"
    if found.audit_head != said.audit_head:
        yield "the audit log ends elsewhere than when it was copied"


def _check_dump(
    folder: Path, manifest: Manifest, key: bytes | None, database: str, programs: Path | None
) -> tuple[list[str], list[str]]:
    engine = connect(database)
    try:
        if find_state(engine).form is not Form.EMPTY:
            raise BackupError("--scratch-database is not empty: give a new one, which is filled and stays so")
        load_postgresql(database, folder / DATABASE, programs)
        return list(faults_of_contents(engine, manifest, key)), _unchecked(key)
    finally:
        engine.dispose()


def _unchecked(key: bytes | None) -> list[str]:
    return [] if key is not None else ["the audit log's seal: the audit key is not here"]
