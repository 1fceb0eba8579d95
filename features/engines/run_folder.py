"""The folder of a run that writes bucket by bucket: one writer, one manifest, files in place at once.

A run that is killed leaves whole files and at most some half-written ones beside them, whose names begin with
a dot. Started again it says what it is about; the folder continues the same run and refuses every other.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from features.errors import RunError
from features.signals.buckets import replace_file, sync_folder


@dataclass(frozen=True)
class RunFolder:
    """The folder `out` of a run, whose manifest is the file named `manifest`."""

    out: Path
    manifest: str

    @property
    def spilled(self) -> Path:
        """Where a query may write what does not fit into its memory; there while somebody is `writing`."""
        return self.out / ".spilled"

    @contextlib.contextmanager
    def writing(self, about: dict[str, Any]) -> Iterator[None]:
        """Be the folder's only writer, of a run that is about this; what a killed run left half written goes.

        Raises `RunError` when the folder holds another run or other files, or another run is writing to it.
        """
        self.out.mkdir(parents=True, exist_ok=True)
        # The lock goes with the process, however that ends.
        with (self.out / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RunError(
                    f"another run is writing to {self.out}: wait for it, or give another folder"
                ) from None
            self._begin(about)
            shutil.rmtree(self.spilled, ignore_errors=True)
            self.spilled.mkdir(mode=0o700)
            try:
                yield
            finally:
                shutil.rmtree(self.spilled, ignore_errors=True)

    def said(self) -> dict[str, Any] | None:
        """What the manifest says, None where there is none; raises `RunError` when it cannot be read."""
        path = self.out / self.manifest
        return parse_said(path.read_bytes(), self.out, self.manifest) if path.is_file() else None

    def finished(self) -> dict[str, Any]:
        """What the manifest of a finished run says; raises `RunError` when the run is not finished."""
        said = self.said()
        if said is None or not said.get("is_complete"):
            raise RunError(f"{self.out} holds no finished run: start it again, and it continues")
        return said

    def finish(self, about: dict[str, Any], found: dict[str, Any]) -> None:
        """Say that all is written, and what was found."""
        finished = {**about, "is_complete": True, **found}
        replace_file(self.out / self.manifest, json.dumps(finished, indent=1).encode())

    def _begin(self, about: dict[str, Any]) -> None:
        said = self.said()
        if said is None:
            if any(not one.name.startswith(".") for one in self.out.iterdir()):
                raise RunError(
                    f"{self.out} holds other files: give an empty folder, or one of an unfinished run"
                )
            content = json.dumps({**about, "is_complete": False}, indent=1).encode()
            replace_file(self.out / self.manifest, content)
            return
        check_same_run(said, about, self.out)
        for left in self.out.rglob(".*.writing"):
            left.unlink()


def put_in_place(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` write a file; it is in place at once and whole."""
    writing = path.with_name(f".{path.name}.writing")
    write(writing)
    with writing.open("rb") as stream:
        os.fsync(stream.fileno())
    writing.replace(path)
    sync_folder(path.parent)


def rows_of(path: Path) -> int:
    """The rows of a written Parquet file; raises `RunError` where it is harmed."""
    try:
        return int(pq.read_metadata(path).num_rows)
    except (pa.ArrowException, OSError):
        raise RunError(
            f"{path.parent} holds a file that is no Parquet table: remove it and start again"
        ) from None


def check_same_run(said: dict[str, Any], about: dict[str, Any], out: object) -> None:
    """Raise `RunError` when the manifest of a folder tells of another run."""
    other = [name for name in about if said.get(name) != about[name]]
    if other:
        raise RunError(
            f"{out} holds another run ({', '.join(other)} differ): give another folder or empty it"
        )


def parse_said(content: bytes, out: object, manifest: str) -> dict[str, Any]:
    """What the manifest of a folder says; raises `RunError` when it cannot be read."""
    try:
        said = json.loads(content)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise RunError(f"{out}/{manifest} cannot be read: give another folder or empty this one")
    return said
