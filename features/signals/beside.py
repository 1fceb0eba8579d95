"""Files beside the stored signals that must change together with them: the quarantine and the flags.

They are written aside first, then the signals are saved, then they take their places. Whoever comes after a
process that was killed in between finishes the change where the signals had been saved, else drops it.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from features.errors import ContractError
from features.signals import CONTRACTS
from features.signals.buckets import MANIFEST, replace_file, sync_folder

FOLDERS = ("quarantine", "flags")
_ASIDE, _READY, _LOCK = ".beside", "ready.json", ".lock"


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Nobody else changes the folder meanwhile; a change that was cut off before is finished or dropped.

    Raises `ContractError` where another process is at it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ContractError(
                f"another process is taking rows in to {directory}: wait until it is done"
            ) from None
        _recover(directory)
        yield


def change(directory: Path, files: Mapping[str, bytes], save: Callable[[], object] | None) -> None:
    """Put `files` (paths below the folders of `FOLDERS`) in place of all there are, and `save` the signals.

    `save` replaces the stored signals at once; without it they stay as they are. Only the owner may read the
    files. Call it within `alone`.
    """
    aside = directory / _ASIDE
    for name, content in files.items():
        path = aside / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
    aside.mkdir(exist_ok=True)
    ready = {"files": sorted(files), "signals": _signals(directory), "saves": save is not None}
    replace_file(aside / _READY, json.dumps(ready).encode())
    if save is not None:
        save()
    _finish(directory, list(files))


def _recover(directory: Path) -> None:
    aside = directory / _ASIDE
    if not aside.exists():
        return
    try:
        ready = json.loads((aside / _READY).read_bytes())
    except FileNotFoundError:
        ready = None
    if ready and (not ready["saves"] or ready["signals"] != _signals(directory)):
        _finish(directory, ready["files"])
    else:
        shutil.rmtree(aside)


def _finish(directory: Path, files: list[str]) -> None:
    """May be cut off anywhere and done again."""
    aside = directory / _ASIDE
    for folder in FOLDERS:
        (directory / folder).mkdir(mode=0o700, exist_ok=True)
    for name in files:
        if (aside / name).exists():
            (aside / name).replace(directory / name)
    for folder in FOLDERS:
        for feed in CONTRACTS:
            if f"{folder}/{feed}.csv" not in files:
                (directory / folder / f"{feed}.csv").unlink(missing_ok=True)
        sync_folder(directory / folder)
    shutil.rmtree(aside)


def _signals(directory: Path) -> str:
    """Which signals are stored; empty where there are none yet."""
    try:
        return (directory / MANIFEST).read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
