"""What is killed: functions that run in processes of their own, forked from a server that loaded everything.

The server itself runs nothing: LightGBM and the others have no threads yet when a victim is forked.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import httpx

from scoring import Bundle, load_bundle
from serving.app import create_app
from serving.batch import CHUNK
from serving.bulk import JobFolders
from serving.bulk.scoring import ScoreJobs
from serving.jobs import JobQueue
from serving.jobs.worker import Worker
from serving.settings import Settings
from serving.storage import AssessmentStore, idempotency, migrate, open_database

BUNDLE = "FANGFAN_TEST_BUNDLE"
LEASE_SECONDS = 0.25
HELD_SECONDS = 0.3
_BUNDLES: list[Bundle] = []

if os.environ.get(BUNDLE) and multiprocessing.current_process().name != "MainProcess":
    _BUNDLES.append(load_bundle(Path(os.environ[BUNDLE])))


def start_server(bundle_dir: Path) -> ForkServerContext:
    """The server that victims are forked from."""
    os.environ[BUNDLE] = str(bundle_dir)
    os.environ["OMP_NUM_THREADS"] = "1"
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.serving.faults.victims"])
    return context


def bundle() -> Bundle:
    if not _BUNDLES:
        _BUNDLES.append(load_bundle(Path(os.environ[BUNDLE])))
    return _BUNDLES[0]


def send_jobs(told: Connection, settings: Settings, requests: list[tuple[str, bytes, str]]) -> None:
    """Send jobs through the service and tell of each that was acknowledged: its key and number."""
    idempotency.HELD_SECONDS = HELD_SECONDS

    async def send() -> None:
        app = create_app(settings)
        transport = httpx.ASGITransport(app)
        told.send("ready")
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            for key, content, kind in requests:
                headers = {"Idempotency-Key": key, "Content-Type": kind}
                while True:
                    answer = await client.post("/v1/jobs", content=content, headers=headers)
                    if answer.status_code == 202:
                        break
                    assert answer.status_code in {409, 429}, answer.text
                    await asyncio.sleep(0.05)
                told.send((key, answer.json()["id"]))

    asyncio.run(send())
    told.send("done")


def make_worker(url: str, root: Path, chunk: int = CHUNK) -> Worker:
    store = AssessmentStore(open_database(url))
    folders = JobFolders(root)
    queue = JobQueue(store.engine, lease_seconds=LEASE_SECONDS, most_failures=1_000)
    runner = ScoreJobs(store, folders, bundle, chunk=chunk)
    return Worker(queue, {"score": runner}, ended=lambda job: folders.of(job.id).close())


def work_jobs(told: Connection, url: str, root: Path, chunk: int) -> None:
    """Work off what there is."""
    worker = make_worker(url, root, chunk)
    told.send("ready")
    worker.run(once=True)
    told.send("done")


def migrate_database(told: Connection, url: str) -> None:
    """Bring a database to the newest revision."""
    told.send("ready")
    migrate(url)
    told.send("done")


def add_jobs(told: Connection, url: str, count: int) -> None:
    """Write as a service does: jobs one after another, each in a transaction of its own."""
    import datetime as dt

    queue = JobQueue(open_database(url), most_open=1_000_000)
    made: list[Any] = []
    told.send("ready")
    for _ in range(count):
        try:
            with queue.writer.begin() as connection:
                made.append(queue.enqueue(connection, "score", {}, dt.timedelta(hours=1)).id)
        except Exception as error:
            told.send(type(error).__name__)
            return
    told.send(made)
