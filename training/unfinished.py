"""Unfinished: the folder beside a run's results that keeps its stages until it has ended.

It is named by the experiment and by all that the result depends on, and held by one process at a time: the
lock goes with the process, also when it is killed.
"""

from __future__ import annotations

import fcntl
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from training.errors import DataError
from training.stages import Stages

HELD = "held"


@contextmanager
def unfinished(out: Path, experiment: str, mark: str, kept: Iterable[type[Any]]) -> Iterator[Stages]:
    """The stages of a run in ``out/.unfinished-<experiment>-<mark>``; `mark` is of `named_by`.

    When the block ends well the folder is deleted, and with it what killed runs of the same experiment with
    other settings, data or code left in `out`; those that a process still works in stay. Raises `DataError`
    where another process is at this very run.
    """
    folder = out / f".unfinished-{experiment}-{mark}"
    lock = _hold(folder)
    if lock is None:
        raise DataError(f"another process is at this very run in {out}: wait for it, or give another folder")
    with lock:
        stages = Stages(folder, tuple(kept))
        yield stages
        stages.remove()
    left = re.compile(rf"\.unfinished-{re.escape(experiment)}-[0-9a-f]{{16}}")
    for other in out.iterdir():
        if left.fullmatch(other.name) and other.is_dir() and not other.is_symlink():
            lock = _hold(other)
            if lock is not None:
                with lock:
                    shutil.rmtree(other, ignore_errors=True)


def _hold(folder: Path) -> IO[bytes] | None:
    """The folder's lock, or None where another process has it."""
    folder.mkdir(parents=True, exist_ok=True)
    file = (folder / HELD).open("wb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file
