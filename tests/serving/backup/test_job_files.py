"""The files of jobs in a backup: there, or told; while jobs end and workers come and go."""

from __future__ import annotations

import os
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from serving.backup import making
from serving.backup.databases import dump_postgresql
from serving.backup.making import make_backup
from serving.backup.manifest import BackupError
from serving.backup.restoring import restore
from serving.bulk import JobFolders
from serving.jobs import JobQueue
from serving.settings import Settings
from serving.storage import open_database
from tests.serving.backup.stock import UPLOADED, order_of, settings_of, silent, stock
from tests.serving.postgres import Server


@contextmanager
def _queue(place: Settings) -> Iterator[JobQueue]:
    engine = open_database(place.database_url)
    try:
        yield JobQueue(engine)
    finally:
        engine.dispose()


def test_a_job_whose_files_go_meanwhile_is_named(place: Settings, folder: Path) -> None:
    """Deleted before the copy begins: every round finds it so."""
    number = next((place.jobs_folder / "jobs").iterdir())
    shutil.rmtree(number)
    _, checked = make_backup(order_of(place), folder, silent)
    assert checked.manifest.jobs_without_files == [number.name]


def test_a_file_that_cannot_be_copied_is_not_left_out_in_silence(place: Settings, folder: Path) -> None:
    ended = next((place.jobs_folder / "jobs").iterdir())
    with _queue(place) as queue:
        queue.cancel(ended.name)
    (ended / "result.csv").symlink_to(folder / "nowhere")
    with pytest.raises(BackupError, match="cannot be copied"):
        make_backup(order_of(place), folder, silent)


def test_a_job_that_ends_while_it_is_copied_keeps_its_result(
    place: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = next((place.jobs_folder / "jobs").iterdir())
    with _queue(place) as queue:
        queue.cancel(ended.name)
    (ended / "result.csv").write_bytes(b"result")
    listed = os.scandir

    def closing_after(path: Path) -> object:
        there = listed(path)
        if path == ended / "uploads":
            entries = list(there)
            shutil.rmtree(path)
            return nullcontext(entries)
        return there

    monkeypatch.setattr(making.shutil.os, "scandir", closing_after)  # type: ignore[attr-defined]
    path, _ = make_backup(order_of(place), folder, silent)
    with tarfile.open(path) as tar:
        assert f"jobs/{ended.name}/result.csv" in tar.getnames()


def test_files_that_go_while_their_room_is_counted_stop_nothing(
    place: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk = os.walk

    def and_gone(top: Path) -> Iterator[tuple[str, list[str], list[str]]]:
        for where, folders, names in walk(top):
            yield where, folders, [*names, "gone.parquet"]

    monkeypatch.setattr("serving.backup.making.os.walk", and_gone)
    path, checked = make_backup(order_of(place), folder, silent)
    assert checked.manifest.jobs_without_files == []
    jobs = [one.name for one in (place.jobs_folder / "jobs").iterdir()]
    assert len(jobs) == 2
    with tarfile.open(path) as tar:
        copied = [one for one in tar.getnames() if one.startswith("jobs/")]
        assert sorted(copied) == sorted(f"jobs/{one}/uploads/household.csv" for one in jobs)
        for one in copied:
            file = tar.extractfile(one)
            assert file is not None
            assert file.read() == UPLOADED


def test_a_job_that_ends_while_postgresql_is_dumped_is_not_put_back_without_its_files(
    postgres: Server, tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = settings_of(tmp_path / "pg", postgres.new_database())
    (tmp_path / "pg").mkdir()
    (number,) = stock(place, jobs=1)

    def and_end(*given: Any) -> Any:
        seen = dump_postgresql(*given)
        with _queue(place) as queue:
            queue.cancel(number)
        JobFolders(place.jobs_folder).of(number).close()
        return seen

    monkeypatch.setattr(making, "dump_postgresql", and_end)
    path, checked = make_backup(order_of(place, programs=postgres.programs), folder, silent)
    assert checked.manifest.jobs_without_files == []
    new = settings_of(tmp_path / "new", postgres.new_database(is_migrated=False))
    (tmp_path / "new").mkdir()
    shutil.copyfile(place.audit_key_path, new.audit_key_path)
    restore(path, new, silent, replace=False, programs=postgres.programs)
    with _queue(new) as queue:
        assert queue.all_open() == {number: False}
