"""Folders of jobs: uploads that are deleted when a job ends, and results that are kept for a while.

They hold what departments sent, so that only the service's own user may read them.
"""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

SPARE_SECONDS = 7_200
"""How long a folder is left after the last moment at which its files may have arrived: for a job to come to
be of it, and for clocks of machines that differ."""


class JobFolder:
    """The folder of one job."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.uploads = path / "uploads"
        self.work = path / "work"
        self.parts = path / "parts"
        self.errors = path / "errors.parquet"

    def result(self, kind: str) -> Path:
        """The result file of a kind."""
        return self.path / f"result.{kind}"

    def clear_work(self) -> Path:
        """The folder for what is made on the way, empty."""
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(mode=0o700)
        return self.work

    def close(self) -> None:
        """Delete what was sent and what was made on the way; errors and result stay."""
        for one in (self.uploads, self.work, self.parts):
            shutil.rmtree(one, ignore_errors=True)


class JobFolders:
    """All of them, under one root."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.incoming = root / "incoming"
        self.jobs = root / "jobs"

    def prepare(self) -> None:
        """Make the root where there is none; raises `OSError` where that cannot be."""
        for one in (self.root, self.incoming, self.jobs):
            one.mkdir(mode=0o700, parents=True, exist_ok=True)

    def new_upload(self) -> JobFolder:
        """A folder for files that are coming in."""
        folder = JobFolder(self.incoming / uuid.uuid4().hex)
        folder.path.mkdir(mode=0o700)
        folder.uploads.mkdir(mode=0o700)
        return folder

    def of(self, job_id: str) -> JobFolder:
        """The folder of a job."""
        return JobFolder(self.jobs / job_id)

    def adopt(self, upload: JobFolder, job_id: str) -> JobFolder:
        """Make an upload the folder of a job; it is on the disk when this returns."""
        sync_folder(upload.uploads)
        sync_folder(upload.path)
        made = self.of(job_id)
        upload.path.rename(made.path)
        sync_folder(self.jobs)
        return made

    def remove(self, folder: JobFolder) -> None:
        """Delete a folder whole."""
        shutil.rmtree(folder.path, ignore_errors=True)

    def sweep(self, jobs: Callable[[], Mapping[str, bool]], upload_seconds: int) -> None:
        """Delete what was sent for jobs that ended, and what is of no job and can no longer become one.

        `jobs` says of each whether it is open, and is asked after looking. `upload_seconds` is how long files
        may take to arrive; a folder's own time is that at which they began to.
        """
        there = [one for place in (self.incoming, self.jobs) for one in place.glob("*")]
        known = jobs()
        for one in there:
            if one.parent == self.jobs and one.name in known:
                if not known[one.name]:
                    JobFolder(one).close()
            elif _age(one) > upload_seconds + SPARE_SECONDS:
                shutil.rmtree(one, ignore_errors=True)


def write_safely(path: Path, write: Callable[[Path], object]) -> None:
    """Have a file written beside its place and put there: it is the old one, or the new one on the disk."""
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        write(beside)
        beside.chmod(0o600)
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0.0
