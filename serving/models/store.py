"""The model store: a folder with one folder for each admitted version, which nothing changes afterwards.

A version appears whole, by a rename, after its files are on the disk. One process admits at a time; what a
killed one left behind goes with the next. Which version is in service is not told here.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from scoring.bundle import read_files
from scoring.errors import BundleError
from serving.errors import ModelError
from serving.storage.releases import Pick

ADMITTING, FETCHING = ".admitting", ".fetching"
_WAIT_SECONDS = 60.0


class ModelStore:
    """The versions below one folder, which is made where it is not there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, version: str) -> Path:
        """Where a version lies, if it is there. The form of its name is checked by the manifest."""
        return self.folder / version

    def versions(self) -> list[str]:
        """The versions there are, by name."""
        if not self.folder.is_dir():
            return []
        return sorted(
            one.name for one in self.folder.iterdir() if one.is_dir() and not one.name.startswith(".")
        )

    def admitting(self) -> AbstractContextManager[Path]:
        """An empty folder in the store, for the one process that may admit now; it is gone afterwards.

        Raises `ModelError` where another one keeps admitting.
        """
        return self._scratch(ADMITTING)

    def fetching(self) -> AbstractContextManager[Path]:
        """The same for the one process that may fetch now, and may admit what it fetched."""
        return self._scratch(FETCHING)

    @contextmanager
    def _scratch(self, purpose: str) -> Iterator[Path]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / f"{purpose}.lock").open("w") as lock:
            _take(lock.fileno())
            # Whoever has the lock is alone: these are of processes that were killed.
            for left in self.folder.glob(f"{purpose}-*"):
                remove_folder(left)
            scratch = Path(tempfile.mkdtemp(dir=self.folder, prefix=f"{purpose}-"))
            try:
                yield scratch
            finally:
                remove_folder(scratch)

    def add(self, scratch: Path, pick: Pick) -> None:
        """Take a checked folder of `admitting` in as a version.

        One that is there with the same manifest and sound files stays; one whose files were altered is
        replaced. Raises `ModelError` where the version is there with another manifest.
        """
        target = self.path(pick.version)
        if target.exists():
            try:
                there = read_files(target).sha256
            except BundleError:
                there = None
            if there == pick.sha256:
                return
            if there is not None:
                raise ModelError(
                    f"{pick.version} was admitted with another manifest: a version never changes"
                )
            os.rename(target, scratch.parent / f"{ADMITTING}-altered-{time.time_ns()}")
        for path in scratch.iterdir():
            path.chmod(0o444)
            _sync(path)
        scratch.chmod(0o555)
        _sync(scratch)
        os.rename(scratch, target)
        _sync(self.folder)


def remove_folder(folder: Path) -> None:
    """Remove a folder of the store, read-only or not, if it is there."""
    if folder.is_dir() and not folder.is_symlink():
        folder.chmod(stat.S_IRWXU)
    shutil.rmtree(folder, ignore_errors=True)


def _take(number: int) -> None:
    """Take the store's lock, which the system lets go of however the process ends."""
    end = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                raise ModelError("another process is admitting a model: try again later") from None
            time.sleep(0.1)
        else:
            return


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
