"""The k-th write, fsync or commit fails, for every k: what is told is true, and the work ends all the same."""

from __future__ import annotations

import datetime as dt
import errno
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest
from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from features import Signals, build_vectors
from scoring import Bundle, load_bundle
from serving.bulk import RowPolicy
from serving.errors import StorageError
from serving.jobs import JobState
from serving.settings import Settings
from serving.storage import AssessmentStore, Form, connect, find_state, migrate, open_database
from tests.serving.jobs.orders import Desk, csv_files, tables_of
from tests.serving.jobs.service import Service
from tests.serving.jobs.test_scoring import outcome, stored
from tests.serving.postgres import NoServer, run_server


class Fault:
    """Counts statements, commits, fsyncs and renames, and fails at the k-th."""

    def __init__(self, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        self.engine = engine
        self.left = 0
        self.fired = False
        self._thread = threading.get_ident()
        event.listen(engine, "before_cursor_execute", lambda *_: self._count(_database_fails))
        event.listen(engine, "commit", lambda _: self._count(_database_fails))
        for name in ("fsync", "replace", "rename"):
            real = getattr(os, name)
            monkeypatch.setattr(os, name, self._counted(real))

    @contextmanager
    def at(self, k: int) -> Iterator[None]:
        self.left, self.fired = k, False
        try:
            yield
        finally:
            self.left = 0

    def _counted(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **more: Any) -> Any:
            self._count(_disk_fails)
            return real(*given, **more)

        return call

    def _count(self, fail: Callable[[], None]) -> None:
        if self.left:
            self.left -= 1
            if self.left == 0:
                self.fired = True
                fail()


def _database_fails() -> None:
    raise OperationalError("a statement", {}, Exception("the disk refused"))


def _disk_fails() -> None:
    raise OSError(errno.EIO, "the disk refused")


@pytest.fixture(scope="module")
def bundle(bundle_dir: Path) -> Bundle:
    return load_bundle(bundle_dir)


def test_ingest(bundle_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(bundle_dir, f"sqlite:///{tmp_path}/s.db", max_jobs=1_000, max_jobs_per_caller=1_000)
    files = csv_files(tables_of(1))
    with Service(settings) as service:
        queue = service.app.state.store.engine
        fault = Fault(queue, monkeypatch)
        k = 0
        while True:
            k += 1
            with fault.at(k):
                answer = service.send(files, key=f"key-{k}")
            if not fault.fired:
                break
            assert answer.status_code in {202, 503}, answer.text
            # A hold that could not be given back runs out; here the clock is helped.
            monkeypatch.setattr("serving.storage.idempotency.HELD_SECONDS", -1)
            again = service.send(files, key=f"key-{k}")
            if again.status_code == 409:
                _let_run_out(queue)
                again = service.send(files, key=f"key-{k}")
            assert again.status_code == 202, again.text
            if answer.status_code == 202:
                assert again.json()["id"] == answer.json()["id"]
            monkeypatch.setattr("serving.storage.idempotency.HELD_SECONDS", 60)
        assert k > 12
        ids = set(os.listdir(settings.jobs_folder / "jobs"))
        with queue.connect() as connection:
            there = {row[0] for row in connection.exec_driver_sql("SELECT id FROM job")}
        # One job a key and none without its files; a folder without a job is left to the sweep.
        assert len(there) == k
        assert there <= ids


def _let_run_out(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE idempotency_key SET held_until = '2000-01-01T00:00:00.000000+00:00' WHERE status IS NULL"
        )


def _copy(source: Path, name: str, folder: Path, *_: object) -> dict[str, Path]:
    return {name: Path(shutil.copy(source, folder / f"{name}.csv"))}


def _vectors_of_the_first(signals: Signals, as_of_dates: Sequence[dt.date], **more: Any) -> pd.DataFrame:
    """The vectors of the first job's households, with the keys of these, who are the same but for their keys."""
    if not _FIRST:
        _FIRST.append(build_vectors(signals, as_of_dates, **more))
    keys = sorted(signals.tables["household"]["household_id"].to_pylist())
    assert len(keys) == len(_FIRST[0])
    return _FIRST[0].set_axis(
        pd.MultiIndex.from_product([keys, map(pd.Timestamp, as_of_dates)], names=_FIRST[0].index.names)
    )


_FIRST: list[pd.DataFrame] = []


@pytest.mark.parametrize("rows", list(RowPolicy))
def test_job(tmp_path: Path, bundle: Bundle, rows: RowPolicy, monkeypatch: pytest.MonkeyPatch) -> None:
    store = AssessmentStore(open_database(f"sqlite:///{tmp_path}/s.db"))
    desk = Desk(store, tmp_path / "jobs", lambda: bundle, chunk=4)
    monkeypatch.setattr("serving.jobs.lease.TELL_SECONDS", 60.0)
    # The reader's processes write nothing that is kept, and take most of the time.
    monkeypatch.setattr("serving.bulk.scoring.unpack", _copy)
    # Nor do the queries of the vectors, which are the same in every round.
    monkeypatch.setattr("serving.batch.build_vectors", _vectors_of_the_first)
    fault = Fault(store.engine, monkeypatch)
    k = 0
    while True:
        k += 1
        prefix = f"F{k:03}-"
        job = desk.place(csv_files(tables_of(6, prefix)), rows=rows)
        before = stored(desk) if k > 1 else 0
        with fault.at(k), suppress(SQLAlchemyError, StorageError, OSError):
            desk.worker.run_one()
        found = desk.queue.find(job.id)
        assert found is not None
        if rows is RowPolicy.ATOMIC and found.state is not JobState.SUCCEEDED:
            assert (stored(desk) if k > 1 else 0) == before
        for _ in range(3):
            if not found.state.is_open:
                break
            with store.writer.begin() as connection:
                connection.exec_driver_sql("UPDATE job SET leased_until = '2000-01-01T00:00:00.000000+00:00'")
            with suppress(SQLAlchemyError, StorageError, OSError):
                desk.worker.run_one()
            found = desk.queue.find(job.id)
            assert found is not None
        assert found.state is JobState.SUCCEEDED, found.outcome
        assert outcome(found)["stored"] == {"new": 6, "unchanged": 0, "changed": 0}
        assert stored(desk) == before + 6
        if not fault.fired:
            break
    assert k > 15
    store.engine.dispose()


def test_migration(tmp_path: Path) -> None:
    for k in range(1, 500):
        url = f"sqlite:///{tmp_path}/{k}.db"
        left = [k]

        def count(*_: object, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] == 0:
                _database_fails()

        # The engine is made inside: listen to all of them, and only to this file's.
        def listen(connection: Any, *given: Any, url: str = url, count: Any = count) -> None:
            if url.endswith(str(connection.engine.url.database)):
                count()

        event.listen(Engine, "before_cursor_execute", listen)
        event.listen(Engine, "commit", listen)
        try:
            with suppress(Exception):
                migrate(url)
        finally:
            event.remove(Engine, "before_cursor_execute", listen)
            event.remove(Engine, "commit", listen)
        engine = connect(url)
        assert find_state(engine).form in {Form.EMPTY, Form.CURRENT}
        engine.dispose()
        assert migrate(url).form is Form.CURRENT
        if left[0] > 0:
            assert k > 10
            return
    pytest.fail("it never got through")


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A disk of two megabytes."""
    place = Path(tempfile.mkdtemp(prefix="fangfan-disk-"))
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)], check=False, capture_output=True
    )
    if mounted.returncode:
        place.rmdir()
        pytest.skip("no disk can be mounted here: only root may")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)
        place.rmdir()


@pytest.mark.skipif(sys.platform != "linux", reason="tmpfs is Linux's")
def test_a_full_disk(bundle_dir: Path, small_disk: Path) -> None:
    """Nothing is acknowledged that is not there, reading works, and it goes on when there is room."""
    url = f"sqlite:///{small_disk}/s.db"
    settings = Settings(bundle_dir, url, max_jobs=10_000, max_jobs_per_caller=10_000)
    files = csv_files(tables_of(1))
    with Service(settings) as service:
        acknowledged: dict[str, str] = {}
        first = service.send(files, key="first").json()["id"]
        filler = small_disk / "filler"
        refused = 0
        for number in range(60):
            if number == 4:
                _fill(filler)
            answer = service.send(files, key=f"key-{number}")
            if answer.status_code == 202:
                acknowledged[f"key-{number}"] = answer.json()["id"]
            else:
                assert (answer.status_code, answer.json()["code"]) in {
                    (507, "storage_full"), (503, "storage_failed")
                }, answer.text  # fmt: skip
                refused += 1
            if refused > 6:
                break
        assert refused > 6
        assert service.get(f"/v1/jobs/{first}").status_code == 200
        assert service.get("/health/live").status_code == 200
        filler.unlink()
        _let_run_out(service.app.state.store.engine)
        answer = service.send(files, key="after")
        assert answer.status_code == 202, answer.text
        for key, job_id in acknowledged.items():
            assert service.send(files, key=key).json()["id"] == job_id
        ids = set(os.listdir(settings.jobs_folder / "jobs"))
        assert set(acknowledged.values()) | {first, answer.json()["id"]} <= ids
        assert len(service.folders()) == len(acknowledged) + 2


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))


def test_a_server_that_is_restarted_under_load(bundle_dir: Path, tmp_path: Path) -> None:
    """PostgreSQL crashes twice while jobs are sent and taken: none is lost, none is doubled."""
    try:
        running = run_server()
        server = running.__enter__()
    except NoServer as reason:
        pytest.skip(str(reason))
    try:
        settings = Settings(
            bundle_dir,
            server.new_database(),
            jobs_dir=tmp_path / "jobs",
            max_jobs=10_000,
            max_jobs_per_caller=10_000,
        )
        files = csv_files(tables_of(1))
        acknowledged: dict[str, str] = {}
        failures = 0
        stop = threading.Event()
        taken: list[str] = []

        def take() -> None:
            from serving.jobs import JobQueue

            engine = open_database(settings.database_url)
            queue = JobQueue(engine, lease_seconds=0.5, most_failures=1_000)
            while not stop.is_set():
                with suppress(SQLAlchemyError):
                    job = queue.claim("taker")
                    if job is not None:
                        with queue.writer.begin() as connection:
                            queue.finish(connection, job.id, "taker", JobState.SUCCEEDED, {})
                        taken.append(job.id)
                time.sleep(0.01)
            engine.dispose()

        with Service(settings) as service:
            taker = threading.Thread(target=take)
            taker.start()
            for number in range(40):
                if number in {10, 25}:
                    threading.Thread(target=_restart, args=(server,)).start()
                    time.sleep(0.05)
                until = time.monotonic() + 60
                while True:
                    answer: httpx.Response = service.send(files, key=f"key-{number}")
                    if answer.status_code == 202:
                        break
                    assert answer.status_code in {409, 503}, answer.text
                    failures += 1
                    assert time.monotonic() < until
                    if answer.status_code == 409:
                        with suppress(SQLAlchemyError):
                            _let_run_out(service.app.state.store.engine)
                    time.sleep(0.05)
                acknowledged[f"key-{number}"] = answer.json()["id"]
            until = time.monotonic() + 60
            while True:
                with suppress(AssertionError):
                    states = {service.get_job(one)["state"] for one in acknowledged.values()}
                    if states == {"succeeded"}:
                        break
                assert time.monotonic() < until
                time.sleep(0.2)
            stop.set()
            taker.join()
            with service.app.state.store.engine.connect() as connection:
                there = [row[0] for row in connection.exec_driver_sql("SELECT id FROM job")]
        assert sorted(there) == sorted(acknowledged.values())
        assert len(set(there)) == 40
        assert len(taken) == len(set(taken))
        assert failures > 0
    finally:
        running.__exit__(None, None, None)
        shutil.rmtree(tmp_path / "jobs", ignore_errors=True)


def _restart(server: Any) -> None:
    server.stop("immediate")
    server.start()
