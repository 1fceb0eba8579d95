"""kill -9 at random moments: what was acknowledged is there, nothing is there twice, and the work goes on."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest
from sqlalchemy import func, select

from serving.access.local import Access
from serving.bulk import Order, RowPolicy
from serving.jobs import JobQueue, JobState
from serving.settings import Settings
from serving.storage import AssessmentStore, Form, connect, find_state, migrate, open_database
from serving.storage.tables import assessment
from serving.storage.tables import job as jobs
from tests.serving.faults import victims
from tests.serving.jobs.orders import AS_OF, Desk, csv_files, tables_of
from tests.serving.postgres import Server
from tests.serving.test_migration import fill, upgrade_to

POINTS = int(os.environ.get("FANGFAN_KILL_POINTS", "7"))
"""Kills in each of the eight tests, 56 in all; a longer run takes more."""


@pytest.fixture(scope="module")
def forks(bundle_dir: Path) -> ForkServerContext:
    return victims.start_server(bundle_dir)


class Victim:
    """A process that runs a function and tells what it has done."""

    def __init__(self, forks: ForkServerContext, function: Callable[..., None], *given: Any) -> None:
        self.ear, mouth = forks.Pipe(duplex=False)
        self.process = forks.Process(target=function, args=(mouth, *given))
        self.process.start()
        mouth.close()
        assert self.hear() == "ready"

    def hear(self) -> Any:
        return self.ear.recv()

    def kill_after(self, seconds: float) -> tuple[list[Any], bool]:
        """What it told until it was killed, and whether it was done before."""
        self.process.join(seconds)
        if self.process.pid and self.process.is_alive():
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.join()
        said = list(heard(self.ear))
        return [one for one in said if one != "done"], "done" in said


def heard(ear: Connection) -> Iterator[Any]:
    try:
        while ear.poll():
            yield ear.recv()
    except EOFError:
        return
    finally:
        ear.close()


def requests(count: int) -> list[tuple[str, bytes, str]]:
    made = []
    for number in range(count):
        files = [
            (name[:-4], (name, content)) for name, content in csv_files(tables_of(1, f"K{number}-")).items()
        ]
        request = httpx.Request("POST", "http://x/", data={"as_of_date": AS_OF.isoformat()}, files=files)
        made.append((f"key-{number}", request.read(), request.headers["content-type"]))
    return made


@pytest.mark.parametrize("point", [1])
def test_ingest(
    point: int, forks: ForkServerContext, database_url: str, tmp_path: Path, bundle_dir: Path
) -> None:
    """One row of requests is sent again and again by services that are killed, until all are acknowledged."""
    settings = Settings(
        bundle_dir, database_url, jobs_dir=tmp_path / "jobs", max_jobs=1_000, access=Access.OPEN
    )
    wanted = requests(12)
    acknowledged: dict[str, str] = {}
    rng = random.Random(point)
    kills = 0
    for attempt in range(200):
        victim = Victim(forks, victims.send_jobs, settings, wanted)
        # Sooner first: a fast machine has all acknowledged within the time a slow one needs for the first.
        seconds = rng.uniform(0, 0.02 * 1.5**attempt) if attempt < POINTS else 60
        told, is_done = victim.kill_after(seconds)
        kills += not is_done
        for key, number in told:
            # The same request is the same job, also where its answer was lost.
            assert acknowledged.setdefault(key, number) == number
        if is_done:
            break
    assert len(acknowledged) == len(set(acknowledged.values())) == len(wanted)
    queue = JobQueue(open_database(database_url))
    assert set(queue.all_open()) == set(acknowledged.values())
    for number in acknowledged.values():
        job = queue.find(number)
        assert job is not None
        order = Order.from_json(job.spec)
        assert len(order.files) == 4
        for sent in order.files:
            file = tmp_path / "jobs" / "jobs" / number / "uploads" / sent.file
            assert file.stat().st_size == sent.bytes
    assert kills >= POINTS // 3
    queue.engine.dispose()


def count_assessments(url: str) -> list[str]:
    engine = connect(url)
    with engine.connect() as connection:
        found = connection.execute(select(assessment.c.household_id).order_by(assessment.c.household_id))
        keys = [str(one) for one in found.scalars()]
    engine.dispose()
    return keys


@pytest.mark.parametrize("rows", list(RowPolicy))
def test_job(forks: ForkServerContext, database_url: str, tmp_path: Path, rows: RowPolicy) -> None:
    """One job is worked on by workers that are killed, until it is done."""
    store = AssessmentStore(open_database(database_url))
    desk = Desk(store, tmp_path / "jobs", lambda: victims.bundle())
    rng = random.Random(7)
    households = 30
    expected = [f"J{n:04}" for n in range(households)]
    kills, done = 0, 0
    job = desk.place(csv_files(tables_of(households)), rows=rows)
    started = time.monotonic()
    seen = 0
    for _ in range(400):
        victim = Victim(forks, victims.work_jobs, database_url, tmp_path / "jobs", 2)
        # Later and later, so that a run that needs longer than the first moments is hit everywhere.
        _, is_done = victim.kill_after(rng.uniform(0, 1.5) if kills < POINTS else 60)
        kills += not is_done
        there = count_assessments(database_url)
        assert len(there) == len(set(there))
        assert set(there) <= set(expected)
        found = desk.queue.find(job.id)
        assert found is not None
        if rows is RowPolicy.ATOMIC:
            assert there == (expected if found.state is JobState.SUCCEEDED else [])
        else:
            assert len(there) == min(found.checkpoint.get("chunks", 0) * 2, households) >= seen
        seen = len(there)
        if not found.state.is_open:
            assert found.outcome is not None
            assert (found.state, found.outcome.get("failure")) == (JobState.SUCCEEDED, None)
            assert found.outcome["stored"] == {"new": households, "unchanged": 0, "changed": 0}
            result = pq.read_table(desk.folders.of(job.id).result("parquet"))
            assert result["household_id"].to_pylist() == expected == there
            done += 1
            if kills >= POINTS:
                break
            # The same again, into an empty table.
            with store.writer.begin() as connection:
                connection.execute(assessment.delete())
            seen = 0
            job = desk.place(csv_files(tables_of(households)), rows=rows)
        time.sleep(victims.LEASE_SECONDS)
    assert done >= 1
    assert kills >= POINTS
    assert time.monotonic() - started < 300
    store.engine.dispose()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_migration(
    forks: ForkServerContext, kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    server: Server | None = request.getfixturevalue("postgres") if kind == "postgresql" else None
    rng = random.Random(3)
    kills = 0
    for number in range(POINTS):
        url = server.new_database(is_migrated=False) if server else f"sqlite:///{tmp_path}/{number}.db"
        engine = upgrade_to(url, "0001")
        fill(engine, 20)
        _, is_done = Victim(forks, victims.migrate_database, url).kill_after(rng.uniform(0, 0.25))
        kills += not is_done
        assert find_state(engine).form in ({Form.CURRENT} if is_done else {Form.CURRENT, Form.OUTDATED})
        assert migrate(url).form is Form.CURRENT
        with engine.connect() as connection:
            assert connection.execute(select(func.count()).select_from(assessment)).scalar_one() == 20
            assert connection.execute(select(func.count()).select_from(jobs)).scalar_one() == 0
        engine.dispose()
    assert kills >= POINTS // 3


def test_eight_writers(forks: ForkServerContext, tmp_path: Path) -> None:
    """Eight processes write five hundred jobs each to one SQLite file: nobody is refused, nothing is lost."""
    url = f"sqlite:///{tmp_path}/scores.db"
    open_database(url).dispose()
    writers = [Victim(forks, victims.add_jobs, url, 500) for _ in range(8)]
    told = [one.hear() for one in writers]
    assert [one for one in told if isinstance(one, str)] == []
    made = [number for one in told for number in one]
    queue = JobQueue(open_database(url))
    assert len(made) == 4_000
    assert set(queue.all_open()) == set(made)
    queue.engine.dispose()
    for one in writers:
        one.kill_after(5)
