"""Kinds of file, told by the name and checked against the first bytes, and the limits of all."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from serving.files.refused import FileRefused


class FileKind(StrEnum):
    """A kind of file, by the end of its name."""

    CSV = ".csv"
    CSV_GZ = ".csv.gz"
    XLSX = ".xlsx"
    PARQUET = ".parquet"
    ZIP = ".zip"


@dataclass(frozen=True)
class Limits:
    """What one file may take: bytes of its table, rows, columns, characters of a cell, memory and time.

    Seconds are those of a small file; `seconds_per_byte` more are given to a large one.
    """

    most_bytes: int = 256_000_000
    most_rows: int = 1_000_000
    most_columns: int = 200
    longest_cell: int = 10_000
    memory_bytes: int = 1_200_000_000
    seconds: float = 8.0
    seconds_per_byte: float = 1e-6

    def seconds_of(self, source: Path) -> float:
        """What reading a file may take."""
        return self.seconds + source.stat().st_size * self.seconds_per_byte


LONGEST_LINE = 1_000_000
"""Bytes of a line of CSV; intake reads blocks that are larger."""
MOST_MEMBERS = 64
"""Files in an archive that is sent."""

_GZIP, _ZIP, _PARQUET, _OLE = b"\x1f\x8b", b"PK", b"PAR1", b"\xd0\xcf\x11\xe0"


def kind_of_name(name: str) -> FileKind:
    """The kind that a file's name says; raises `FileRefused` for one that is not read."""
    found = [kind for kind in FileKind if name.lower().endswith(kind.value)]
    if not found:
        raise FileRefused("file_kind_unknown")
    return max(found, key=len)


def check_content(path: Path, kind: FileKind) -> None:
    """Raise `FileRefused` where the first bytes are not those of the kind. Cheap, and no proof."""
    with path.open("rb") as source:
        start = source.read(8)
    if not start:
        raise FileRefused("file_empty")
    if start.startswith(_OLE):
        raise FileRefused("file_encrypted")
    signatures = {
        FileKind.CSV_GZ: _GZIP, FileKind.XLSX: _ZIP, FileKind.ZIP: _ZIP, FileKind.PARQUET: _PARQUET
    }  # fmt: skip
    wanted = signatures.get(kind)
    if wanted is None:
        is_other = start.startswith((_GZIP, b"PK\x03\x04", b"PK\x05\x06", _PARQUET, b"%PDF", b"\x7fELF"))
        if is_other:
            raise FileRefused("file_kind_differs")
    elif not start.startswith(wanted):
        raise FileRefused("file_kind_differs")
