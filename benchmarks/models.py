"""Changing the model: seconds to admit, roll back and turn off, of one as large as a released one.

    python -m benchmarks.models [--rounds 5] [--json]

The commands and the service are those of an operator, on loopback. Times are wall times of one run; each
change is timed from the start of its command to the first answer that shows it, and beside it stands the time
until a service that is started is ready. Requests go on all the while; none may fail.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console

from benchmarks.service.model import make_model
from benchmarks.service.servers import free_port, running
from serving.api.documentation import example_request

VERSIONS = ("benchmark-1", "benchmark-2")
WITHIN_SECONDS = 120.0

errors = Console(stderr=True)


class Operator:
    """Runs the commands on one store and database."""

    def __init__(self, folder: Path) -> None:
        self.environment = {
            "FANGFAN_DATABASE_URL": f"sqlite:///{folder}/scores.db",
            "FANGFAN_MODELS_DIR": str(folder / "store"),
            "FANGFAN_ACCESS": "open",
            "OMP_NUM_THREADS": "1",
        }

    def run(self, *words: str) -> float:
        """Run one of the service's commands; the seconds it took."""
        started = time.monotonic()
        subprocess.run(
            [sys.executable, "-m", "serving", *words, "--json"], check=True,
            stdout=subprocess.DEVNULL, env={**os.environ, **self.environment},
        )  # fmt: skip
        return time.monotonic() - started


class Asking:
    """Asks for scores again and again, and keeps by whom each was answered."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.answered: list[str] = []
        self.failed = 0
        self._stops = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End with the request on its way."""
        self._stops.set()
        self._thread.join()

    def until(self, name: str, after: int) -> float:
        """The moment at which an answer after the first `after` came from `name`."""
        end = time.monotonic() + WITHIN_SECONDS
        while name not in self.answered[after:]:
            if time.monotonic() > end:
                raise TimeoutError(f"nothing was answered by {name} within {WITHIN_SECONDS:g} seconds")
            time.sleep(0.005)
        return time.monotonic()

    def _ask(self) -> None:
        with httpx.Client(base_url=self.base, timeout=60) as client:
            while not self._stops.is_set():
                answer = client.post("/v1/scores", json=example_request())
                if answer.status_code != 200:
                    self.failed += 1
                    continue
                model = answer.json()["model"]
                self.answered.append(model if isinstance(model, str) else model["version"])


def main(
    rounds: Annotated[int, typer.Option(help="How often each change is timed", min=1)] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object")] = False,
) -> None:
    """Changing the model: seconds to admit, roll back and turn off, of one as large as a released one."""
    with tempfile.TemporaryDirectory() as name:
        told = measure(Path(name), rounds)
    if as_json:
        print(json.dumps(told))
        return
    for key, value in told.items():
        print(f"{key:28} {value}")


def measure(folder: Path, rounds: int) -> dict[str, Any]:
    """Everything that `main` prints: medians over the rounds, and the slowest rollback."""
    operator, bundles = Operator(folder), make_bundles(folder)
    operator.run("migrate")
    errors.print("admitting")
    admitted = [operator.run("models", "admit", str(one), "--use", "--why", "benchmark") for one in bundles]
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "serving", "run", "--port", str(port), "--workers", "0"]
    started = time.monotonic()
    with running(command, folder / "log", lambda: _is_ready(base), operator.environment):
        ready = time.monotonic() - started
        asking = Asking(base)
        asking.start()
        asking.until(VERSIONS[1], 0)
        rollbacks, commands, offs = [], [], []
        for number in range(rounds):
            errors.print(f"round {number + 1} of {rounds}")
            seconds, command_seconds = _timed(operator, asking, VERSIONS[0], "rollback")
            rollbacks.append(seconds)
            commands.append(command_seconds)
            offs.append(_timed(operator, asking, "off", "off")[0])
            _timed(operator, asking, VERSIONS[0], "on")
            _timed(operator, asking, VERSIONS[1], "use", VERSIONS[1])
        asking.stop()
    return {
        "admit_s": round(statistics.median(admitted), 2),
        "service_ready_s": round(ready, 2),
        "rollback_s": round(statistics.median(rollbacks), 2),
        "slowest_rollback_s": round(max(rollbacks), 2),
        "rollback_command_s": round(statistics.median(commands), 2),
        "off_s": round(statistics.median(offs), 2),
        "rollback_to_ready": round(statistics.median(rollbacks) / ready, 2),
        "requests": len(asking.answered),
        "requests_failed": asking.failed,
    }


def make_bundles(folder: Path) -> list[Path]:
    """One model as two versions: a manifest is what names a version."""
    errors.print("training a scratch model")
    made = []
    make_model(folder / "made")
    for version in VERSIONS:
        target = folder / version
        shutil.copytree(folder / "made", target)
        manifest = json.loads((target / "manifest.json").read_bytes())
        (target / "manifest.json").write_text(json.dumps({**manifest, "version": version}), encoding="utf-8")
        made.append(target)
    return made


def _timed(operator: Operator, asking: Asking, name: str, *words: str) -> tuple[float, float]:
    """Seconds from the start of a command until its change is answered, and of the command alone."""
    seen, started = len(asking.answered), time.monotonic()
    command = operator.run("models", *words, "--why", "benchmark")
    return asking.until(name, seen) - started, command


def _is_ready(base: str) -> bool:
    try:
        return httpx.get(f"{base}/health/ready", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


if __name__ == "__main__":
    typer.run(main)
