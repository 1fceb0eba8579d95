"""Backups that somebody changed, manifest included."""

from __future__ import annotations

import hashlib
import io
import json
import sqlite3
import tarfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any


def rewrite(path: Path, change: Callable[[dict[str, bytes], dict[str, Any]], None]) -> Path:
    """A backup whose members were changed by somebody who also makes the manifest agree."""
    with tarfile.open(path) as tar:
        members = {one.name: tar.extractfile(one).read() for one in tar}  # type: ignore[union-attr]
    said = json.loads(members.pop("manifest.json"))
    change(members, said)
    for name, content in members.items():
        said["files"].setdefault(name, {})
        said["files"][name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    made = path.with_name("rewritten.tar")
    with tarfile.open(made, "w") as tar:
        for name, content in {**members, "manifest.json": json.dumps(said).encode()}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return made


def in_database(statement: str) -> Callable[[dict[str, bytes], dict[str, Any]], None]:
    def change(members: dict[str, bytes], _: dict[str, Any]) -> None:
        with closing(sqlite3.connect(":memory:")) as connection:
            connection.deserialize(members["database"])
            connection.execute(statement)
            connection.commit()
            members["database"] = connection.serialize()

    return change
