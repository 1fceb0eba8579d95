"""Files beside the stored signals that must change together with them: the quarantine and the flags.

They are written aside first, then the signals are saved, then they take their places. Whoever comes after a
process that was killed in between finishes the change where the signals had been saved, else drops it.

Meanwhile somebody may edit a quarantine. What was edited after it was read is not overwritten: it is kept in
``quarantine/edited/``, and the next mend reads it as a copy that came back.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

from features.errors import ContractError
from features.signals import CONTRACTS
from features.signals.buckets import MANIFEST, replace_file, sync_folder

FOLDERS = ("quarantine", "flags")
EDITED = "quarantine/edited"
_ASIDE, _READY, _LOCK = ".beside", "ready.json", ".lock"


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Nobody else changes the folder meanwhile; a change that was cut off before is finished or dropped.

    Raises `ContractError` where another process is at it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / _LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ContractError(
                f"another process is taking rows in to {directory}: wait until it is done"
            ) from None
        _recover(directory)
        yield


def change(
    directory: Path,
    files: Mapping[str, bytes],
    save: Callable[[], object] | None,
    seen: Mapping[str, str] | None = None,
) -> None:
    """Put `files` (paths below the folders of `FOLDERS`) in place of all there are, and `save` the signals.

    `save` replaces the stored signals at once; without it they stay as they are. `seen` are the `digests` of
    the moment that `files` were made from, this one if not given. Only the owner may read the files. Call it
    within `alone`.
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
    ready = {
        "files": sorted(files),
        "seen": dict(digests(directory) if seen is None else seen),
        "used": [path.name for path in edited(directory)],
        "signals": _signals(directory),
        "saves": save is not None,
    }
    replace_file(aside / _READY, json.dumps(ready).encode())
    if save is not None:
        save()
    _finish(directory, ready)


def digests(directory: Path) -> dict[str, str]:
    """A hash of each file of the quarantine that people work in, by its path in the folder."""
    paths = (f"quarantine/{feed}.csv" for feed in CONTRACTS)
    return {name: _digest((directory / name).read_bytes()) for name in paths if (directory / name).is_file()}


def edited(directory: Path, feed: str = "*") -> list[Path]:
    """The files that were edited while they were about to be replaced, the eldest first."""
    found = (directory / EDITED).glob(f"{feed}-[0-9]*.csv")
    return sorted(found, key=lambda path: (path.stat().st_mtime_ns, path.name))


def _recover(directory: Path) -> None:
    aside = directory / _ASIDE
    if not aside.exists():
        return
    try:
        ready = json.loads((aside / _READY).read_bytes())
    except FileNotFoundError:
        ready = None
    if ready and (not ready["saves"] or ready["signals"] != _signals(directory)):
        _finish(directory, ready)
    else:
        shutil.rmtree(aside)


def _finish(directory: Path, ready: Mapping[str, Any]) -> None:
    """May be cut off anywhere and done again."""
    aside, files = directory / _ASIDE, ready["files"]
    for folder in FOLDERS:
        (directory / folder).mkdir(mode=0o700, exist_ok=True)
    for name, digest in digests(directory).items():
        is_in_place = name in files and not (aside / name).exists()
        if not is_in_place and digest != ready["seen"].get(name):
            _keep(directory, directory / name)
    for name in files:
        if (aside / name).exists():
            (aside / name).replace(directory / name)
    for feed in CONTRACTS:
        for name in (f"quarantine/{feed}.csv", f"quarantine/{feed}.json", f"flags/{feed}.csv"):
            if name not in files:
                (directory / name).unlink(missing_ok=True)
    for name in ready["used"]:
        (directory / EDITED / name).unlink(missing_ok=True)
    with suppress(OSError):
        # It stays where something is in it.
        (directory / EDITED).rmdir()
    for folder in FOLDERS:
        sync_folder(directory / folder)
    shutil.rmtree(aside)


def _keep(directory: Path, path: Path) -> None:
    folder = directory / EDITED
    folder.mkdir(mode=0o700, exist_ok=True)
    places = (folder / f"{path.stem}-{number}.csv" for number in count(1))
    path.rename(next(place for place in places if not place.exists()))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _signals(directory: Path) -> str:
    """Which signals are stored; empty where there are none yet."""
    try:
        return (directory / MANIFEST).read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
