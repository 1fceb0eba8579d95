"""The supervisor: keeps worker processes running beside the service, started anew and never forked.

A worker's standard input is a pipe from the service. When the service is gone, however it went, the pipe ends
and the worker stops.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence

LOGGER = logging.getLogger("fangfan.serving")
_STOP_SECONDS = 10.0
_LONGEST_PAUSE = 30.0
_SOUND_SECONDS = 60.0
"""A worker that lived so long did not fail at its start."""


class Supervisor:
    """Keeps `count` processes of one command running until it is stopped."""

    def __init__(
        self, count: int, environment: Mapping[str, str], command: Sequence[str] | None = None
    ) -> None:
        self.count = count
        self.command = command or (sys.executable, "-m", "serving", "work", "--supervised")
        # Requests and jobs share the cores; each prediction needs no threads of its own.
        self.environment = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
        self._stops = threading.Event()
        self._threads = [
            threading.Thread(target=self._keep, name=f"worker-{number}", daemon=True)
            for number in range(count)
        ]

    def start(self) -> None:
        """Start the processes."""
        for one in self._threads:
            one.start()

    def stop(self) -> None:
        """Stop them: a job that is not done goes back to the queue."""
        self._stops.set()
        for one in self._threads:
            if one.is_alive():
                one.join()

    def _keep(self) -> None:
        pause = 1.0
        while not self._stops.is_set():
            started = time.monotonic()
            process = subprocess.Popen(self.command, stdin=subprocess.PIPE, env=self.environment)
            LOGGER.info("worker started", extra={"fields": {"pid": process.pid}})
            while process.poll() is None and not self._stops.wait(0.2):
                pass
            if self._stops.is_set():
                _end(process)
                return
            assert process.stdin is not None
            process.stdin.close()
            pause = 1.0 if time.monotonic() - started > _SOUND_SECONDS else min(pause * 2, _LONGEST_PAUSE)
            fields = {"pid": process.pid, "code": process.returncode, "pause": pause}
            LOGGER.error("worker ended", extra={"fields": fields})
            self._stops.wait(pause)


def _end(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.terminate()
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        # Its lease runs out, and another worker goes on.
        process.kill()
        process.wait()
