"""Putting a backup back. What was there is kept aside, and a database in use is left alone."""

from __future__ import annotations

import os
import secrets
import shutil
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

from serving.access.audit_key import KEY_BYTES
from serving.backup.archive import Progress, unpack
from serving.backup.checking import check_folder, faults_of_contents, scratch_folder
from serving.backup.databases import load_postgresql, settle, sqlite_path
from serving.backup.erasures import erasures_of, households_back
from serving.backup.key_copy import open_key
from serving.backup.manifest import DATABASE, JOBS, KEY, BackupError, Manifest, key_mark, sha256_of, stamp
from serving.bulk import JobFolders
from serving.bulk.folders import sync_folder
from serving.command import OPERATOR
from serving.settings import Settings
from serving.storage import AuditLog, Form, connect, find_state
from serving.storage.audit_actions import Action, Outcome
from serving.storage.columns import IS_SQLITE
from serving.storage.database import WRITES
from serving.storage.keys import utc_now

ASIDE = ".before-"
"""What stands between a name and the moment that something of this name was put aside."""


@dataclass
class Restored:
    """What was put back; `aside` is where what was there before is kept.

    `erased_since` counts the erasures that the logs in that place told of and the one put back does not;
    `None`: there was none to ask. `erased_back` are their households that are stored again, by their keys;
    `None` where nobody could look: a revision has to be migrated first, or the audit key is missing.
    """

    manifest: Manifest
    is_outdated: bool = False
    aside: list[Path] = field(default_factory=list)
    erased_since: int | None = None
    erased_back: list[str] | None = None


def restore(
    path: Path,
    settings: Settings,
    tell: Progress,
    *,
    replace: bool,
    passphrase: str | None = None,
    programs: Path | None = None,
) -> Restored:
    """Check a backup and put it in the place of the settings' database, jobs folder and, if it has one, key.

    Raises `BackupError` where the backup is at fault, the audit key is missing or another, the place is not
    empty and `replace` does not say that this is meant, or the database is in use. Killed on the way, the
    database is the old one or the new one, and the command can be run again.
    """
    target = sqlite_path(settings.database_url)
    _check_place(settings, target, replace=replace)
    beside = target.parent if target is not None else settings.jobs_folder.absolute().parent
    with scratch_folder(beside) as folder:
        manifest = unpack(path, folder, tell)
        if (manifest.kind == IS_SQLITE) != (target is not None):
            raise BackupError(f"the backup is of {manifest.kind}: give --database of the same kind")
        key = _key(settings.audit_key_path, manifest, folder, passphrase)
        tell("check", 0, 0)
        if target is not None:
            faults, _ = check_folder(folder, manifest, key)
            if faults:
                raise BackupError(f"the backup is at fault and nothing was changed: {faults[0]}")
            settle_in_use(target)
        # Not before all is checked: to open a damaged database changes it.
        erased = _erasures_there(settings, target)
        made = Restored(manifest)
        tell("put back", 0, 0)
        _put_key(settings.audit_key_path, key)
        _put_jobs(folder, settings.jobs_folder, made)
        if target is not None:
            _put_sqlite(folder / DATABASE, target, made)
        else:
            load_postgresql(settings.database_url, folder / DATABASE, programs, replace=replace)
    _note(path, settings, key, made, erased)
    return made


def settle_in_use(target: Path) -> None:
    """Raise `BackupError` where somebody has the database open."""
    if not target.exists():
        return
    try:
        settle(target)
    except sqlite3.OperationalError:
        raise BackupError(f"{target} is in use: stop the service and its workers first") from None
    except sqlite3.DatabaseError:
        # A damaged file is what restoring is for.
        return


def _check_place(settings: Settings, target: Path | None, *, replace: bool) -> None:
    if target is not None:
        if not target.parent.is_dir():
            raise BackupError(f"the database's folder {target.parent} does not exist: make it first")
        is_empty = not target.exists()
    else:
        engine = connect(settings.database_url)
        try:
            is_empty = find_state(engine).form is Form.EMPTY
        finally:
            engine.dispose()
    folders = JobFolders(settings.jobs_folder)
    if folders.jobs.is_dir() and any(folders.jobs.iterdir()):
        is_empty = False
    if not is_empty and not replace:
        raise BackupError(
            "there is a database, or there are files of jobs, already: give a new place, or --replace to put "
            "the backup where they are"
        )


def _erasures_there(settings: Settings, target: Path | None) -> dict[str, str] | None:
    """What the logs in that place tell of; those that an earlier restore kept aside do as well."""
    urls = [settings.database_url]
    if target is not None:
        aside = target.parent.glob(f"{target.name}{ASIDE}*")
        there = [target, *(one for one in aside if not one.name.endswith(("-wal", "-shm", "-journal")))]
        urls = [f"sqlite:///{one}" for one in there if one.exists()]
    told = []
    for url in urls:
        engine = connect(url)
        try:
            told.append(erasures_of(engine))
        finally:
            engine.dispose()
    read = [one for one in told if one is not None]
    return {entry: household for one in read for entry, household in one.items()} if read else None


def _key(path: Path, manifest: Manifest, folder: Path, passphrase: str | None) -> bytes | None:
    if path.exists():
        try:
            key = bytes.fromhex(path.read_text(encoding="ascii").strip())
        except ValueError:
            raise BackupError(f"the audit key {path} cannot be used: put its copy back first") from None
    elif passphrase is not None and (folder / KEY).is_file():
        key = open_key((folder / KEY).read_text(encoding="utf-8"), passphrase)
    elif manifest.contents.audit_head is None:
        return None
    else:
        raise BackupError(
            f"the audit key {path} is missing, and without it the service does not start: put its copy back "
            "first, or give --audit-key-passphrase-file where the backup has it"
        )
    if manifest.audit_key is not None and key_mark(key) != manifest.audit_key:
        raise BackupError(f"the audit key {path} is not the one of this backup: put that one there first")
    return key


def _put_key(path: Path, key: bytes | None) -> None:
    if key is None or path.exists():
        return
    assert len(key) == KEY_BYTES
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(key.hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)


def _put_jobs(folder: Path, jobs_folder: Path, made: Restored) -> None:
    if jobs_folder.exists() and any(jobs_folder.iterdir()):
        aside = _aside(jobs_folder)
        jobs_folder.rename(aside)
        made.aside.append(aside)
    folders = JobFolders(jobs_folder)
    folders.prepare()
    for one in sorted((folder / JOBS).glob("*")):
        # From another disk, where there is a database server.
        shutil.move(one, folders.jobs / one.name)
    sync_folder(folders.jobs)
    sync_folder(jobs_folder.absolute().parent)


def _put_sqlite(copy: Path, target: Path, made: Restored) -> None:
    if target.exists():
        aside = _aside(target)
        # One moment to the next: there is always a database of that name.
        os.link(target, aside)
        made.aside.append(aside)
    copy.replace(target)
    for end in ("-wal", "-shm"):
        # Of a damaged one; a sound one was made a single file above.
        target.with_name(target.name + end).unlink(missing_ok=True)
    sync_folder(target.parent)


def _note(
    path: Path, settings: Settings, key: bytes | None, made: Restored, erased: dict[str, str] | None
) -> None:
    """Write into the log that it was put back, so that nobody can do that unnoticed; and look whose erasure
    it undid. `erased` are the erasures that the log in that place told of."""
    engine = connect(settings.database_url)
    try:
        state = find_state(engine)
        made.is_outdated = state.form is Form.OUTDATED
        undone = {}
        if erased is not None:
            known = erasures_of(engine) or {}
            undone = {entry: household for entry, household in erased.items() if entry not in known}
            made.erased_since = len(undone)
        if key is None or state.form is not Form.CURRENT:
            return
        if faults := list(faults_of_contents(engine, made.manifest, key)):
            raise BackupError(f"what was put back is at fault: {faults[0]}")
        with engine.execution_options(**WRITES).begin() as connection:
            AuditLog(engine, key).append(
                connection, OPERATOR, Action.RESTORED, [sha256_of(path)], Outcome.DONE
            )
        made.erased_back = households_back(engine, key, set(undone.values()))
    finally:
        engine.dispose()


def _aside(path: Path) -> Path:
    return path.with_name(f"{path.name}{ASIDE}{stamp(utc_now())}-{secrets.token_hex(4)}")
