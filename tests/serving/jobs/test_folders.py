"""Folders of jobs: what nobody needs any more goes, and nothing else."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path
from typing import Any

import duckdb
import pytest

from serving.bulk import JobFolders
from serving.jobs import JobState
from serving.operating import make_worker
from serving.settings import Settings
from serving.storage import open_database
from tests.serving.jobs.orders import Desk, csv_files, tables_of


def test_folders_of_no_job_are_swept(tmp_path: Path) -> None:
    folders = JobFolders(tmp_path / "jobs")
    folders.prepare()
    old, new = folders.new_upload(), folders.new_upload()
    kept, orphan = folders.of("a" * 32), folders.of("b" * 32)
    for one in (kept, orphan):
        one.path.mkdir()
    for one in (old, kept, orphan):
        os.utime(one.path, (0, 0))
    folders.sweep(lambda: {"a" * 32: True}, 600)
    assert [one.path.exists() for one in (old, new, kept, orphan)] == [False, True, True, False]


@pytest.mark.parametrize(("upload_seconds", "is_kept"), [(600, False), (10_000, True)])
def test_an_upload_that_may_still_arrive_is_not_swept(
    tmp_path: Path, upload_seconds: int, is_kept: bool
) -> None:
    settings = Settings(tmp_path, f"sqlite:///{tmp_path}/s.db", upload_seconds=upload_seconds)
    folders = JobFolders(settings.jobs_folder)
    folders.prepare()
    upload = folders.new_upload()
    began = time.time() - 9_000
    os.utime(upload.path, (began, began))
    engine = open_database(settings.database_url)
    make_worker(settings, engine).swept()
    engine.dispose()
    assert upload.uploads.is_dir() is is_kept


def test_what_was_sent_for_a_job_that_no_worker_ended_is_swept(sqlite_desk: Desk) -> None:
    ended, waits = (sqlite_desk.place(csv_files(tables_of(1))) for _ in range(2))
    sqlite_desk.queue.cancel(ended.id)
    sqlite_desk.folders.sweep(sqlite_desk.queue.all_open, 600)
    left = [sqlite_desk.folders.of(one.id) for one in (ended, waits)]
    assert [(one.path.is_dir(), one.uploads.is_dir()) for one in left] == [(True, False), (True, True)]


def test_what_queries_of_a_job_spill_lies_in_its_own_folder(
    sqlite_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    spilled: list[tuple[Path, int]] = []
    connect = duckdb.connect

    def seen(*given: Any, config: dict[str, str], **more: Any) -> Any:
        folder = Path(config["temp_directory"])
        spilled.append((folder, stat.S_IMODE(folder.stat().st_mode)))
        return connect(*given, config=config, **more)

    monkeypatch.setattr(duckdb, "connect", seen)
    job = sqlite_desk.do(csv_files(tables_of(3)))
    assert job.state is JobState.SUCCEEDED
    work = sqlite_desk.folders.of(job.id).work
    assert spilled
    assert {(folder.parent, mode, folder.exists()) for folder, mode in spilled} == {(work, 0o700, False)}
