"""Folders of jobs: what nobody needs any more goes, and nothing else."""

from __future__ import annotations

from pathlib import Path

from serving.bulk import JobFolders
from tests.serving.jobs.orders import Desk, csv_files, tables_of


def test_folders_of_no_job_are_swept(tmp_path: Path) -> None:
    import os

    folders = JobFolders(tmp_path / "jobs")
    folders.prepare()
    old, new = folders.new_upload(), folders.new_upload()
    kept, orphan = folders.of("a" * 32), folders.of("b" * 32)
    for one in (kept, orphan):
        one.path.mkdir()
    for one in (old, kept, orphan):
        os.utime(one.path, (0, 0))
    folders.sweep(lambda: {"a" * 32: True})
    assert [one.path.exists() for one in (old, new, kept, orphan)] == [False, True, True, False]


def test_what_was_sent_for_a_job_that_no_worker_ended_is_swept(sqlite_desk: Desk) -> None:
    ended, waits = (sqlite_desk.place(csv_files(tables_of(1))) for _ in range(2))
    sqlite_desk.queue.cancel(ended.id)
    sqlite_desk.folders.sweep(sqlite_desk.queue.all_open)
    left = [sqlite_desk.folders.of(one.id) for one in (ended, waits)]
    assert [(one.path.is_dir(), one.uploads.is_dir()) for one in left] == [(True, False), (True, True)]
