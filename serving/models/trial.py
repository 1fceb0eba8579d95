"""The trial: a child process under limits loads a bundle and proves it, so that what it does to a process it
does to the child.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

_ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    # Memory that is only reserved counts against the limit.
    "MALLOC_ARENA_MAX": "1",
}


@dataclass(frozen=True)
class TrialLimits:
    """What the child may take: address space, processor's seconds in all, bytes of one file it writes
    (tables of contributions), and seconds by the clock for one bundle.
    """

    memory_bytes: int = 4_000_000_000
    processor_seconds: int = 600
    file_bytes: int = 2_000_000_000
    seconds: float = 300.0


class Trial:
    """One child that tries bundles one after the other; one that died is started anew for the next.

    Starting takes seconds (the libraries), a bundle a fraction of one. Use it as a context.
    """

    def __init__(self, limits: TrialLimits | None = None) -> None:
        self.limits = limits or TrialLimits()
        self.starts = 0
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def try_folder(self, folder: Path) -> tuple[str, str] | None:
        """Why the bundle in a folder is refused, as a stable code and a sentence; `None` if it is sound."""
        child = self._child or self._start()
        assert child.stdin is not None
        try:
            child.stdin.write(json.dumps(str(folder.absolute())).encode() + b"\n")
            child.stdin.flush()
        except BrokenPipeError:
            return self._died()
        line = self._read(child, time.monotonic() + self.limits.seconds)
        if line is None:
            self._end()
            return "trial_too_slow", f"loading and proving it took more than {self.limits.seconds:g} seconds"
        try:
            answer = json.loads(line)
        except ValueError:
            return self._died()
        if answer.get("sound") is True:
            return None
        return str(answer.get("code", "trial_refused")), str(answer.get("says", "the trial failed"))

    def _start(self) -> subprocess.Popen[bytes]:
        self.starts += 1
        self._child = subprocess.Popen(
            # -P: whatever lies in the working directory is no library.
            [sys.executable, "-P", "-m", "serving.models.child", json.dumps(asdict(self.limits))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={**os.environ, **_ONE_THREAD},
        )  # fmt: skip
        return self._child

    def _read(self, child: subprocess.Popen[bytes], until: float) -> bytes | None:
        """The child's next line, less where it ended; `None` where the time is over."""
        assert child.stdout is not None
        read = b""
        with selectors.DefaultSelector() as selector:
            selector.register(child.stdout, selectors.EVENT_READ)
            while not read.endswith(b"\n"):
                left = until - time.monotonic()
                if left <= 0 or not selector.select(left):
                    return None
                part = os.read(child.stdout.fileno(), 65_536)
                if not part:
                    break
                read += part
        return read

    def _died(self) -> tuple[str, str]:
        code = self._end()
        how = f"signal {-code}" if code < 0 else f"code {code}"
        return (
            "trial_died",
            f"the process that loaded it ended with {how}: the model's text is broken, or too large",
        )

    def _end(self) -> int:
        child, self._child = self._child, None
        if child is None:
            return 0
        for pipe in (child.stdin, child.stdout):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
        try:
            return child.wait(1)
        except subprocess.TimeoutExpired:
            child.kill()
            return child.wait()
