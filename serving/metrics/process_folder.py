"""The folder in which several processes of one machine count together.

Every process writes files of its own. Those of processes that ended are added up into one and deleted, so
that counters never fall and the folder does not grow; what a process had only while it lived is forgotten. A
process id means the same to all of them: the folder is of one machine, or of one container.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Where prometheus-client looks for it, when it is imported and again for every file."""

_FILE = re.compile(r"(?P<kind>counter|histogram|gauge_[a-z]+)_(?P<pid>\d+)\.db")
_ENDED = "0"
"""In place of a process id: what all ended processes counted."""


def count_together(folder: Path) -> None:
    """Have this process count in the folder. To be called before `prometheus_client` is imported.

    Raises `OSError` where the folder cannot be made or written.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.environ[VARIABLE] = str(folder)
    add_up_ended(folder)


def add_up_ended(folder: Path) -> None:
    """Add the files of ended processes to one file each kind, and delete them."""
    with locked(folder, fcntl.LOCK_EX):
        ended: dict[str, list[Path]] = {}
        for path in sorted(folder.iterdir()):
            found = _FILE.fullmatch(path.name)
            if found and found["pid"] != _ENDED and not _is_alive(int(found["pid"])):
                ended.setdefault(found["kind"], []).append(path)
        for kind, paths in ended.items():
            if not kind.startswith("gauge"):
                _add_up(folder / f"{kind}_{_ENDED}.db", paths)
            for path in paths:
                path.unlink()


@contextmanager
def locked(folder: Path, how: int) -> Iterator[None]:
    """Hold the folder's lock, `fcntl.LOCK_SH` to read and `LOCK_EX` to add up."""
    with (folder / "lock").open("a") as file:
        fcntl.flock(file, how)
        yield


def _add_up(total: Path, paths: list[Path]) -> None:
    from prometheus_client import mmap_dict, multiprocess

    # The library says no types of what it writes with itself.
    library: Any = multiprocess.MultiProcessCollector
    writer: Any = mmap_dict.MmapedDict
    there = [total] if total.exists() else []
    metrics = library.merge([str(one) for one in (*there, *paths)], accumulate=False)
    beside = total.with_suffix(".new")
    beside.unlink(missing_ok=True)
    written = writer(str(beside))
    for metric in metrics:
        for sample in metric.samples:
            names, values = list(sample.labels), list(sample.labels.values())
            key = mmap_dict.mmap_key(metric.name, sample.name, names, values, metric.documentation)
            written.write_value(key, sample.value, 0.0)
    written.close()
    beside.replace(total)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
