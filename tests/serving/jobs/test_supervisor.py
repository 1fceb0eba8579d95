"""Workers beside the service: started anew when they die, and gone when the service is, however it went."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from serving.jobs.supervisor import Supervisor
from tests.ports import held_port
from tests.serving.jobs.orders import csv_files, tables_of

WAITS = "import os, sys; open(sys.argv[1], 'a').write(f'{os.getpid()}\\n'); os.read(0, 1)"


def until(asked: Callable[[], bool], seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not asked():
        assert time.monotonic() < end
        time.sleep(0.1)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").split(") ")[1][0] != "Z"
    except OSError:
        return False


def test_a_worker_that_dies_is_started_anew(tmp_path: Path) -> None:
    told = tmp_path / "pids"
    supervisor = Supervisor(1, {}, (sys.executable, "-c", WAITS, str(told)))
    supervisor.start()

    def pids() -> list[int]:
        return [int(one) for one in told.read_text(encoding="utf-8").split()] if told.exists() else []

    until(lambda: len(pids()) == 1)
    os.kill(pids()[0], signal.SIGKILL)
    until(lambda: len(pids()) == 2)
    supervisor.stop()
    assert len(pids()) == 2
    assert not any(is_alive(one) for one in pids())


@contextmanager
def run_service(bundle_dir: Path, folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], str, Path]]:
    with held_port() as port, (log := folder / f"log-{port}").open("wb") as sink:
        command = [
            sys.executable, "-W", "error", "-m", "serving", "run", "--access", "open", "--bundle", str(bundle_dir),
            "--database", f"sqlite:///{folder}/s.db", "--port", str(port),
        ]  # fmt: skip
        with subprocess.Popen(command, stdout=sink, stderr=sink) as service:
            try:
                base = f"http://127.0.0.1:{port}"
                until(lambda: _is_live(base))
                yield service, base, log
            finally:
                service.terminate()
                service.wait(300)


def _is_live(base: str) -> bool:
    try:
        # No certificate is needed; to read them takes longer than to ask.
        return httpx.get(f"{base}/health/live", verify=False).status_code == 200
    except httpx.HTTPError:
        return False


def worker_of(log: Path) -> int:
    lines = [json.loads(one) for one in log.read_text(encoding="utf-8").splitlines() if one.startswith("{")]
    return int(next(one["pid"] for one in lines if one["event"] == "worker started"))


def test_a_service_that_is_killed_takes_its_workers_along_and_loses_no_job(
    bundle_dir: Path, tmp_path: Path
) -> None:
    files = {name[:-4]: (name, content) for name, content in csv_files(tables_of(2)).items()}
    with run_service(bundle_dir, tmp_path) as (service, base, log):
        answer = httpx.post(f"{base}/v1/jobs", data={"as_of_date": "2026-10-31"}, files=files, timeout=60)
        assert answer.status_code == 202
        service.kill()
        service.wait(10)
        until(lambda: not is_alive(worker_of(log)), 60)
    with run_service(bundle_dir, tmp_path) as (_, base, log):
        address = f"{base}{answer.headers['location']}"
        # If the first worker had taken it, its lease has to run out.
        until(lambda: httpx.get(address, timeout=30, verify=False).json()["finished_at"] is not None, 180)
        job = httpx.get(address, timeout=30).json()
        assert (job["state"], job["failure"], job["stored"]["new"]) == ("succeeded", None, 2)
        worker = worker_of(log)
    assert not is_alive(worker)
    assert "Fatal" not in log.read_text(encoding="utf-8")
