"""Archives: ZIP and gzip, unpacked with an eye on what comes out and not on what they say of themselves."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from serving.files.kinds import MOST_MEMBERS, FileKind, Limits, kind_of_name
from serving.files.refused import FileRefused

_PART = 1 << 18
_ENCRYPTED = 0x1
_LOCAL_HEADER_BYTES = 30


def read_members(archive: zipfile.ZipFile, most: int) -> list[zipfile.ZipInfo]:
    """The files of an archive; raises `FileRefused` for passwords, too many, and files that share bytes."""
    found = [one for one in archive.infolist() if not one.is_dir()]
    if len(archive.infolist()) > most:
        raise FileRefused("archive_content")
    end = 0
    for one in sorted(found, key=lambda member: member.header_offset):
        if one.flag_bits & _ENCRYPTED:
            raise FileRefused("file_encrypted")
        if one.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise FileRefused("file_damaged")
        # Members that lie over each other make much out of little.
        if one.header_offset < end:
            raise FileRefused("file_damaged")
        end = one.header_offset + _LOCAL_HEADER_BYTES + one.compress_size
    return found


def stream_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, budget: Budget) -> Iterator[bytes]:
    """The content of a member, counted as it comes out."""
    with archive.open(member) as source:
        yield from _counted(source, budget)


class Budget:
    """Bytes that may still come out; shared by the members of an archive."""

    def __init__(self, most: int) -> None:
        self.left = most

    def take(self, count: int) -> None:
        """Count what came out; raises `FileRefused` when it is too much."""
        self.left -= count
        if self.left < 0:
            raise FileRefused("file_too_large")


def unpack_zip(source: Path, folder: Path, names: list[str], limits: Limits) -> dict[str, str]:
    """Write the members to `folder`, one a table of `names`; name → file name."""
    budget = Budget(limits.most_bytes)
    made: dict[str, str] = {}
    with open_zip(source) as archive:
        for member in read_members(archive, MOST_MEMBERS):
            kind = kind_of_name(member.filename)
            name = member.filename[: -len(kind)]
            if kind is FileKind.ZIP or name not in names or name in made:
                raise FileRefused("archive_content")
            made[name] = f"{name}{kind.value}"
            with (folder / made[name]).open("wb") as target:
                for part in stream_member(archive, member, budget):
                    target.write(part)
    if not made:
        raise FileRefused("file_empty")
    return made


def unpack_gzip(source: Path, target: Path, limits: Limits) -> None:
    """Write what a gzip file holds."""
    budget = Budget(limits.most_bytes)
    try:
        with gzip.open(source) as stream, target.open("wb") as out:
            for part in _counted(stream, budget):
                out.write(part)
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise FileRefused("file_damaged") from None


def open_zip(source: Path) -> zipfile.ZipFile:
    """The archive; raises `FileRefused` where it is none."""
    try:
        return zipfile.ZipFile(source)
    except (zipfile.BadZipFile, OSError, ValueError):
        raise FileRefused("file_damaged") from None


def _counted(source: IO[bytes] | gzip.GzipFile, budget: Budget) -> Iterator[bytes]:
    try:
        while part := source.read(_PART):
            budget.take(len(part))
            yield part
    except (zipfile.BadZipFile, EOFError, zlib.error, NotImplementedError, RuntimeError):
        raise FileRefused("file_damaged") from None
