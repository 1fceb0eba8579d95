"""kill -9: seconds until a service that was killed while it took jobs in is ready, and what is there.

    python -m benchmarks.restart [--kills 10] [--json]

One service with one worker over loopback; a caller orders small jobs without pause, each with a key of its
own, and repeats an order until it is acknowledged. Each kill ends the service and its worker at a random
moment. A model as large as a released one is loaded at every start. At the end every acknowledged job is
asked for, and the jobs are counted: `lost` and `doubled` are of acknowledged orders.
"""

from __future__ import annotations

import csv
import io
import json
import os
import random
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console
from rich.progress import track

from benchmarks.service.model import make_model
from benchmarks.service.servers import free_port
from serving.api.documentation import example_request
from serving.bulk.order import FEEDS

WITHIN_SECONDS = 120.0
MOST_JOBS = 100_000

errors = Console(stderr=True)


class OrderError(Exception):
    """An order that the service refuses: nothing would be measured."""


class Ordering:
    """Orders jobs again and again; keeps which key was acknowledged with which job."""

    def __init__(self, base: str, files: dict[str, tuple[str, bytes]]) -> None:
        self.base = base
        self.files = files
        self.acknowledged: dict[str, str] = {}
        self.refused: str | None = None
        self._stops = threading.Event()
        self._thread = threading.Thread(target=self._order, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End with the order on its way; raises `OrderError` where one was refused."""
        self._stops.set()
        self._thread.join()
        if self.refused is not None:
            raise OrderError(self.refused)

    def _order(self) -> None:
        key = uuid.uuid4().hex
        with httpx.Client(base_url=self.base, timeout=30) as client:
            while not self._stops.is_set():
                try:
                    answer = client.post(
                        "/v1/jobs",
                        headers={"Idempotency-Key": key},
                        data={"as_of_date": example_request()["as_of_date"]},
                        files=self.files,
                    )
                except httpx.HTTPError:
                    time.sleep(0.05)
                    continue
                if answer.status_code == 202:
                    self.acknowledged[key] = answer.json()["id"]
                    key = uuid.uuid4().hex
                elif answer.status_code < 500 and answer.status_code not in (409, 429):
                    self.refused = f"an order was refused: {answer.text}"
                    return
                else:
                    time.sleep(0.05)


def main(
    kills: Annotated[int, typer.Option(help="How often the service is killed", min=1)] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object")] = False,
) -> None:
    """kill -9: seconds until a service that was killed while it took jobs in is ready, and what is there."""
    with tempfile.TemporaryDirectory() as name:
        told = measure(Path(name), kills)
    if as_json:
        print(json.dumps(told))
        return
    for key, value in told.items():
        print(f"{key:22} {value}")


def measure(folder: Path, kills: int) -> dict[str, Any]:
    """Everything that `main` prints; seconds are wall times of one run."""
    make_model(folder / "bundle")
    port, rng = free_port(), random.Random(7)
    base = f"http://127.0.0.1:{port}"
    process, first = _start(folder, port)
    ordering = Ordering(base, make_files())
    ordering.start()
    seconds = []
    try:
        for _ in track(range(kills), "kills", console=errors):
            time.sleep(rng.uniform(0.2, 3.0))
            # The worker, too: the whole group is killed, as it is when a machine fails.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            process, ready = _start(folder, port)
            seconds.append(ready)
        time.sleep(1)
        ordering.stop()
        lost = _count_lost(base, set(ordering.acknowledged.values()))
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return {
        "first_ready_s": round(first, 2),
        "ready_median_s": round(statistics.median(seconds), 2),
        "ready_slowest_s": round(max(seconds), 2),
        "kills": kills,
        "acknowledged": len(ordering.acknowledged),
        "lost": lost,
        "doubled": _count_doubled(folder / "scores.db"),
    }


def make_files() -> dict[str, tuple[str, bytes]]:
    """The example's household as the files of a job."""
    request = example_request()
    one = request["households"][0]
    tables = {
        feed: [{"household_id": one["household_id"], **row} for row in rows]
        for feed, rows in one["signals"].items()
        # What is around a household is not sent with a job.
        if feed in FEEDS
    }
    tables["coverage"] = [row for row in request["coverage"] if row["feed"] in tables]
    return {name: (f"{name}.csv", _as_csv(rows)) for name, rows in tables.items()}


def _as_csv(rows: list[dict[str, Any]]) -> bytes:
    names = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    lines = csv.DictWriter(out, names)
    lines.writeheader()
    lines.writerows(
        {name: str(value).lower() if isinstance(value, bool) else value for name, value in row.items()}
        for row in rows
    )
    return out.getvalue().encode()


def _start(folder: Path, port: int) -> tuple[subprocess.Popen[bytes], float]:
    """The service, started, and the seconds until it was ready."""
    environment = {
        "OMP_NUM_THREADS": "1",
        "FANGFAN_JOBS_DIR": str(folder / "jobs"),
        "FANGFAN_MAX_JOBS": str(MOST_JOBS),
    }
    command = [
        sys.executable, "-m", "serving", "run", "--access", "open", "--bundle", str(folder / "bundle"),
        "--database", f"sqlite:///{folder}/scores.db", "--port", str(port), "--workers", "1",
    ]  # fmt: skip
    started = time.monotonic()
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, env={**os.environ, **environment}, start_new_session=True
        )
    while not _is_ready(port):
        if process.poll() is not None or time.monotonic() - started > WITHIN_SECONDS:
            raise RuntimeError(f"the service did not start: {(folder / 'log').read_text()[-2_000:]}")
        time.sleep(0.02)
    return process, time.monotonic() - started


def _is_ready(port: int) -> bool:
    try:
        answer = httpx.get(f"http://127.0.0.1:{port}/health/ready", timeout=5)
    except httpx.HTTPError:
        return False
    return answer.status_code == 200 and answer.json()["status"] == "ready"


def _count_lost(base: str, jobs: set[str]) -> int:
    """Acknowledged jobs that the service does not know."""
    with httpx.Client(base_url=base, timeout=30) as client:
        return sum(client.get(f"/v1/jobs/{one}").status_code != 200 for one in jobs)


def _count_doubled(database: Path) -> int:
    """Jobs beyond one for each key under which one was ordered."""
    connection = sqlite3.connect(database)
    try:
        (jobs,) = connection.execute("SELECT count(*) FROM job").fetchone()
        (keys,) = connection.execute("SELECT count(*) FROM idempotency_key").fetchone()
    finally:
        connection.close()
    return max(0, int(jobs) - int(keys))


if __name__ == "__main__":
    typer.run(main)
