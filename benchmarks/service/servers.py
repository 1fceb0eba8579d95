"""The servers that are compared, each one process with one worker on a port of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

START_SECONDS = 120

_PATH = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
"""MLflow calls its server by name; it stands beside this interpreter."""


class ServerError(Exception):
    """A server that did not start."""


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    command: Sequence[str],
    log: Path,
    is_ready: Callable[[], bool],
    environment: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is ended with the block; raises `ServerError` when it is not ready in time."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, **_PATH, **(environment or {})},
            start_new_session=True,
        )  # fmt: skip
        try:
            deadline = time.monotonic() + START_SECONDS
            while not is_ready():
                if process.poll() is not None or time.monotonic() > deadline:
                    said = log.read_text(encoding="utf-8", errors="replace")[-2_000:]
                    raise ServerError(f"{' '.join(command[:4])} did not start:\n{said}")
                time.sleep(0.1)
            yield process
        finally:
            # The whole group: MLflow's command starts the server as a child and does not end it.
            _end_group(process, signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                _end_group(process, signal.SIGKILL)
                process.wait()


def _end_group(process: subprocess.Popen[bytes], sign: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, sign)


def answers(url: str) -> Callable[[], bool]:
    """Whether an address answers with 200."""

    def ask() -> bool:
        try:
            with urlopen(url, timeout=5) as answer:
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False

    return ask


def empty_command(port: int) -> list[str]:
    """The empty endpoint."""
    return [sys.executable, "-m", "benchmarks.service.empty", str(port)]


def service_command(port: int, bundle: Path, database: Path) -> list[str]:
    """The service, without workers for jobs."""
    return [
        sys.executable, "-m", "serving", "run", "--access", "open", "--bundle", str(bundle), "--database", f"sqlite:///{database}",
        "--port", str(port), "--workers", "0",
    ]  # fmt: skip


def mlflow_command(port: int, model: Path) -> list[str]:
    """MLflow's own server of a model, with one worker."""
    return [
        sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", str(model), "--port", str(port),
        "--host", "127.0.0.1", "--env-manager", "local", "--workers", "1",
    ]  # fmt: skip


def bento_command(port: int, python: Path) -> list[str]:
    """The model behind BentoML, with one worker."""
    return [
        str(python), "-m", "bentoml", "serve", "bento:Scores", "--working-dir", str(Path(__file__).parent),
        "--host", "127.0.0.1", "--port", str(port),
    ]  # fmt: skip


def lacks(python: Path, *modules: str) -> str | None:
    """Why an interpreter cannot serve: what it does not import; `None` where it imports all of it."""
    tried = subprocess.run(
        [str(python), "-c", f"import {', '.join(modules)}"], capture_output=True, text=True, check=False
    )
    said = tried.stderr.strip().splitlines()
    return None if tried.returncode == 0 else (said or ["it did not start"])[-1]


def processor_seconds(process_id: int) -> float:
    """Processor seconds that a process has used, its threads included."""
    fields = Path(f"/proc/{process_id}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
