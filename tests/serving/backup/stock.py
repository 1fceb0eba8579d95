"""Something to copy: a database with keys, an audit log and jobs with files, and writers that never rest."""

from __future__ import annotations

import datetime as dt
import sqlite3
import threading
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from serving.access import OPEN, Role
from serving.access.audit_key import load_audit_key
from serving.backup.making import Order
from serving.bulk import JobFolders
from serving.jobs import JobQueue
from serving.settings import Settings
from serving.storage import AuditLog, KeyStore, open_database
from serving.storage.audit_actions import Action
from serving.storage.database import WRITES

UPLOADED = b"household_id,village_code\nH-1,500999100201\n"


def silent(step: str, done: int, total: int) -> None:
    """Progress that nobody looks at."""


def order_of(settings: Settings, **more: Any) -> Order:
    return Order(settings, load_audit_key(settings.audit_key_path, is_begun=True), **more)


def settings_of(folder: Path, url: str | None = None) -> Settings:
    return Settings(
        folder / "none", url or f"sqlite:///{folder}/scores.db", jobs_dir=folder / "scores.db.jobs"
    )


def stock(settings: Settings, *, jobs: int = 2, reads: int = 5) -> list[str]:
    """Fill a place; the numbers of its jobs, all of them waiting."""
    engine = open_database(settings.database_url)
    folders = JobFolders(settings.jobs_folder)
    folders.prepare()
    log = AuditLog(engine, load_audit_key(settings.audit_key_path))
    queue, numbers = JobQueue(engine), []
    try:
        KeyStore(engine).add(Role.PLATFORM, "*", "test", dt.timedelta(days=1))
        for _ in range(jobs):
            numbers.append(add_job(queue, folders))
        for number in range(reads):
            with engine.execution_options(**WRITES).begin() as connection:
                log.append(connection, OPEN, Action.HOUSEHOLD_READ, [log.household(f"H-{number}")])
    finally:
        engine.dispose()
    return numbers


def add_job(queue: JobQueue, folders: JobFolders) -> str:
    upload, number = folders.new_upload(), uuid.uuid4().hex
    (upload.uploads / "household.csv").write_bytes(UPLOADED)
    folders.adopt(upload, number)
    with queue.writer.begin() as connection:
        queue.enqueue(connection, "score", {}, dt.timedelta(hours=1), job_id=number)
    return number


def rows(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


@contextmanager
def writing(settings: Settings, threads: int = 3) -> Iterator[list[int]]:
    """Callers read households all the while: each read is an entry of the log. The number of each is noted
    once it is acknowledged."""
    engine = open_database(settings.database_url)
    log = AuditLog(engine, load_audit_key(settings.audit_key_path, is_begun=True))
    done, ends, failed = [], threading.Event(), []

    def read(at: int) -> None:
        number = 0
        while not ends.is_set():
            number += 1
            try:
                with engine.execution_options(**WRITES).begin() as connection:
                    log.append(connection, OPEN, Action.HOUSEHOLD_READ, [log.household(f"{at}-{number}")])
            except Exception as error:
                failed.append(error)
                return
            done.append(number)

    workers = [threading.Thread(target=read, args=(at,)) for at in range(threads)]
    for one in workers:
        one.start()
    try:
        yield done
    finally:
        ends.set()
        for one in workers:
            one.join()
        engine.dispose()
    assert failed == []
