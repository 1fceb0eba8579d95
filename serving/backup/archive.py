"""The archive of a backup: one tar file, there whole or not at all, readable by its owner alone."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path, PurePosixPath

from serving.backup.manifest import NAME, BackupError, Manifest, sha256_of

MOST_MANIFEST_BYTES = 50_000_000
Progress = Callable[[str, int, int], None]


def write_archive(path: Path, folder: Path, manifest: Manifest, tell: Progress) -> Manifest:
    """Write the files of a folder and then the manifest, which is returned with them; all is on the disk."""
    sources = sorted(one for one in folder.rglob("*") if one.is_file())
    files = {}
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(number, "wb") as raw:
        with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for at, source in enumerate(sources):
                tell("archive", at, len(sources))
                name = source.relative_to(folder).as_posix()
                files[name] = {"bytes": source.stat().st_size, "sha256": sha256_of(source)}
                tar.add(source, name, recursive=False, filter=_plain)
            whole = replace(manifest, files=files)
            text = whole.text().encode()
            entry = tarfile.TarInfo(NAME)
            entry.size, entry.mode = len(text), 0o600
            tar.addfile(entry, io.BytesIO(text))
        raw.flush()
        os.fsync(raw.fileno())
    return whole


def unpack(path: Path, into: Path, tell: Progress) -> Manifest:
    """Write every member into an empty folder, and return the manifest that all of them agree with.

    Raises `BackupError` naming the first thing that is wrong; links, devices and places outside are refused.
    """
    found: set[str] = set()
    manifest: Manifest | None = None
    try:
        with tarfile.open(path, mode="r:") as tar:
            for entry in tar:
                name = PurePosixPath(entry.name)
                if not entry.isreg() or name.is_absolute() or ".." in name.parts or entry.name in found:
                    raise BackupError(f"{path.name} has a member that no backup has: it is not one")
                source = tar.extractfile(entry)
                assert source is not None
                if entry.name == NAME:
                    if entry.size > MOST_MANIFEST_BYTES:
                        raise BackupError(f"{path.name}: its {NAME} is too large")
                    manifest = Manifest.read(source.read().decode("utf-8", "replace"))
                    continue
                tell("unpack", len(found), 0)
                target = into / name
                target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                    while piece := source.read(1 << 20):
                        file.write(piece)
                    file.flush()
                    os.fsync(file.fileno())
                found.add(entry.name)
    except (tarfile.TarError, EOFError):
        raise BackupError(f"{path.name} is cut short or is no backup: take another one") from None
    if manifest is None:
        raise BackupError(f"{path.name} is cut short: it has no {NAME}. Take another one")
    _check(path, into, manifest, found)
    return manifest


def _check(path: Path, into: Path, manifest: Manifest, found: set[str]) -> None:
    if absent := sorted(set(manifest.files) - found):
        raise BackupError(f"{path.name} lacks {absent[0]}: take another one")
    if extra := sorted(found - set(manifest.files)):
        raise BackupError(f"{path.name} has {len(extra)} members that its {NAME} lacks: take another one")
    for name, said in manifest.files.items():
        if (into / name).stat().st_size != said["bytes"] or sha256_of(into / name) != said["sha256"]:
            raise BackupError(f"{path.name}: {name} is not what was written. Take another one")


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o600
    return entry
