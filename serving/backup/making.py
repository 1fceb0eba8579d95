"""Making a backup while the service runs."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from serving.backup.archive import Progress, write_archive
from serving.backup.checking import Checked, check_backup, open_jobs, scratch_folder
from serving.backup.databases import (
    contents_of,
    copy_sqlite,
    dump_postgresql,
    settle,
    sqlite_path,
)
from serving.backup.key_copy import seal_key
from serving.backup.manifest import (
    DATABASE,
    FORMAT,
    JOBS,
    KEY,
    BackupError,
    Contents,
    Manifest,
    key_mark,
    stamp,
)
from serving.bulk import JobFolders
from serving.bulk.folders import sync_folder
from serving.errors import StorageError
from serving.settings import Settings
from serving.storage import Form, ReleaseLog, connect, find_state
from serving.storage.columns import IS_SQLITE
from serving.storage.keys import utc_now
from serving.storage.releases import Pick

ROUNDS = 3
"""How often it is tried to have a database and the files of its open jobs of one moment."""
_PARTIAL = ".partial"
_ARCHIVE = re.compile(r"fangfan-\d{8}T\d{6}Z-[0-9a-f]{8}\.tar")


@dataclass(frozen=True)
class Order:
    """What is to be copied; `key` is the audit key, `passphrase` what a copy of it is sealed with."""

    settings: Settings
    key: bytes | None
    passphrase: str | None = None
    programs: Path | None = None


def make_backup(
    order: Order, folder: Path, tell: Progress, *, keep: int | None = None
) -> tuple[Path, Checked]:
    """Copy, check the copy, and only then give it its name; the archive and what the check found.

    Of the archives in the folder the newest `keep` stay. Raises `BackupError` for a copy that is at fault, of
    which nothing stays, and where another backup is being made into the folder.
    """
    with _alone(folder):
        _check_room(order.settings, folder)
        path = folder / f"fangfan-{stamp(utc_now())}-{secrets.token_hex(4)}.tar"
        # No command takes it for a backup until it was checked.
        partial = path.with_name(f".{path.name}{_PARTIAL}")
        try:
            with scratch_folder(folder) as scratch:
                write_archive(partial, scratch, _copy(order, scratch, tell), tell)
            checked = check_backup(partial, order.key, tell, scratch_database=None, programs=order.programs)
            if checked.faults:
                raise BackupError(f"the copy is at fault and was not kept: {checked.faults[0]}")
            partial.replace(path)
            sync_folder(folder)
        finally:
            partial.unlink(missing_ok=True)
        if keep is not None:
            # The new one is the newest, whatever the clock said when the others were made.
            for old in [*(one for one in archives(folder) if one != path), path][:-keep]:
                old.unlink()
    return path, checked


def archives(folder: Path) -> list[Path]:
    """The backups of a folder, the oldest first."""
    return sorted(one for one in folder.iterdir() if _ARCHIVE.fullmatch(one.name))


def _copy(order: Order, scratch: Path, tell: Progress) -> Manifest:
    settings = order.settings
    source = sqlite_path(settings.database_url)
    lost: set[str] = set()
    for _ in range(ROUNDS):
        tell("database", 0, 0)
        for one in scratch.iterdir():
            shutil.rmtree(one) if one.is_dir() else one.unlink()
        target = scratch / DATABASE
        if source is None:
            seen = dump_postgresql(settings.database_url, target, order.programs, _look)
            engine = connect(settings.database_url)
        else:
            copy_sqlite(source, target)
            engine = connect(f"sqlite:///{target}")
        try:
            if find_state(engine).form is not Form.CURRENT:
                raise StorageError("the database is not of this version: run `python -m serving migrate`")
            picked = ReleaseLog(engine).state().current
            if source is not None:
                with engine.connect() as connection:
                    seen = _look(connection)
        finally:
            engine.dispose()
        if source is not None:
            settle(target)
        contents, (known, waiting) = seen
        lost = _copy_jobs(JobFolders(settings.jobs_folder), scratch / JOBS, known, waiting, tell)
        if not lost:
            break
    if order.passphrase is not None:
        if order.key is None:
            raise BackupError("there is no audit key to copy: say with FANGFAN_AUDIT_KEY_FILE where it is")
        (scratch / KEY).write_text(seal_key(order.key, order.passphrase), encoding="utf-8")
    version, sha256 = _model(settings.bundle_dir, picked)
    return Manifest(
        format=FORMAT, made_at=utc_now().isoformat(timespec="seconds"),
        kind=IS_SQLITE if source is not None else "postgresql", contents=contents,
        model_version=version, model_manifest_sha256=sha256,
        audit_key=key_mark(order.key) if order.key is not None else None,
        jobs_without_files=sorted(lost), files={},
    )  # fmt: skip


def _look(connection: Connection) -> tuple[Contents, tuple[set[str], set[str]]]:
    """What a database holds, and its jobs: those there are, and those that wait for their files."""
    return contents_of(connection), open_jobs(connection)


def _copy_jobs(
    folders: JobFolders, into: Path, known: set[str], waiting: set[str], tell: Progress
) -> set[str]:
    """Copy the folders of the jobs that are known; those that wait and whose files went meanwhile.

    Raises `BackupError` where a file is there and cannot be copied.
    """
    lost = set()
    for at, number in enumerate(sorted(known)):
        tell("jobs", at, len(known))
        source = folders.of(number)
        is_whole = True
        try:
            # What is made on the way is made anew from the uploads.
            shutil.copytree(source.path, into / number, ignore=shutil.ignore_patterns("work", ".*"))
        except FileNotFoundError:
            is_whole = False
        except shutil.Error as error:
            if any(os.path.lexists(one) for one, *_ in error.args[0]):
                raise BackupError(f"the files in {source.path} cannot be copied: look at them") from None
            # The job ended meanwhile: what was sent for it goes, errors and result stay and are copied.
            is_whole = False
        if number in waiting and not (is_whole and (into / number / source.uploads.name).is_dir()):
            shutil.rmtree(into / number, ignore_errors=True)
            lost.add(number)
    return lost


def _model(bundle: Path | None, picked: Pick | None) -> tuple[str | None, str | None]:
    if bundle is None:
        return (picked.version, picked.sha256) if picked is not None else (None, None)
    try:
        content = (bundle / "manifest.json").read_bytes()
        return str(json.loads(content)["version"]), hashlib.sha256(content).hexdigest()
    except (OSError, ValueError, KeyError, TypeError):
        return None, None


def _check_room(settings: Settings, folder: Path) -> None:
    source = sqlite_path(settings.database_url)
    parts = [Path(place) / name for place, _, names in os.walk(settings.jobs_folder) for name in names]
    if source is not None:
        parts.append(source)
    needed = 0
    for one in parts:
        # Files of jobs come and go while they are counted.
        with suppress(FileNotFoundError):
            # The archive, that unpacked, and the copy that is opened.
            needed += 3 * one.stat().st_size
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise BackupError(
            f"{folder} has room for {free:,} bytes, and a checked backup needs up to {needed:,}: make room, "
            "or give another folder"
        )


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder, and delete the unfinished archive that a killed command left in it."""
    if not folder.is_dir():
        raise BackupError(f"there is no folder {folder}: make it, for the service's user alone (mode 0700)")
    with (folder / ".fangfan-backup.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupError(f"another backup is being made into {folder}: wait for it") from None
        for old in folder.glob(f".*{_PARTIAL}"):
            old.unlink()
        yield
