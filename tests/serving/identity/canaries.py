"""People who are nobody, planted wherever something can be sent, and a look for them wherever anything is kept."""

from __future__ import annotations

import base64
import hashlib
import io
import logging
import re
import sqlite3
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

import pyarrow.parquet as pq

from tests.serving.identity.test_kinds import a_number

_HASH = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
EACH = 72
"""Canaries of each of the three kinds."""


@dataclass(frozen=True)
class Canary:
    """One invented person."""

    name: str
    id_number: str
    phone: str
    address: str

    @property
    def values(self) -> tuple[str, ...]:
        return self.name, self.id_number, self.phone, self.address


def make_canaries() -> tuple[Canary, ...]:
    """Names of characters that no text of the service has, numbers with their check characters."""
    made = []
    for number in range(EACH):
        name = "䶮" + chr(0x4DB0 - number) + chr(0x3401 + number)
        id_number = a_number(500_299, 11_000 + 37 * number, 101 + number)
        phone = f"199{73_100_000 + 1_117 * number:08}"
        made.append(Canary(name, id_number, phone, f"重庆市示例县{chr(0x3501 + number)}䶮村{number + 1}组"))
    assert len({value for one in made for value in one.values}) == 4 * EACH
    return tuple(made)


CANARIES = make_canaries()


def forms_of(value: str) -> Iterator[bytes]:
    """A value as programs write it: in several encodings, escaped, quoted."""
    yield value.encode()
    yield value.encode("utf-16-le")
    yield value.encode("gb18030")
    if not value.isascii():
        yield value.encode("ascii", "backslashreplace")
        yield quote(value).encode()
        # As a header that was read as Latin-1 is written again.
        yield value.encode().decode("latin-1").encode()
    else:
        yield value.lower().encode()
    yield base64.b64encode(value.encode()).rstrip(b"=")
    yield value.encode().hex().encode()


class Look:
    """Looks for every form of every canary; what it finds it tells by kind and number, and by where."""

    @cached_property
    def forms(self) -> list[tuple[bytes, list[tuple[str, bytes]]]]:
        """The forms that begin alike, with what they begin with: where that is not, none of them is."""
        by: dict[tuple[str, int], list[tuple[str, bytes]]] = {}
        for number, one in enumerate(CANARIES):
            for kind, value in zip(("name", "id_number", "phone", "address"), one.values, strict=True):
                for way, form in enumerate(forms_of(value)):
                    # A shorter one is in other bytes by chance.
                    if len(form) >= 8:
                        by.setdefault((kind, way), []).append((f"{kind} {number}", form))
        return [(_start([form for _, form in some]), some) for some in by.values()]

    @cached_property
    def hashes(self) -> dict[bytes, str]:
        values = [
            (f"hash of a value of {number}", value)
            for number, one in enumerate(CANARIES)
            for value in one.values
        ]
        return {hashlib.sha256(value.encode()).hexdigest().encode(): told for told, value in values}

    def at(self, where: str, content: bytes) -> list[str]:
        found = [f"{where}: {self.hashes[one]}" for one in set(_HASH.findall(content)) if one in self.hashes]
        for start, some in self.forms:
            if start in content:
                found += [f"{where}: {told}" for told, form in some if form in content]
        return found

    def in_file(self, path: Path) -> list[str]:
        """A file as it lies, and what is packed in it."""
        content = path.read_bytes()
        found = self.at(path.name, content)
        if content.startswith(b"PK"):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                for name in archive.namelist():
                    found += self.at(f"{path.name}/{name}", archive.read(name))
        elif content.startswith(b"PAR1"):
            table = pq.read_table(path, partitioning=None)
            found += self.at(f"{path.name} (cells)", repr((table.schema, table.to_pylist())).encode())
        elif content.startswith(b"SQLite format 3"):
            found += self.in_tables(path)
        return found

    def in_tables(self, path: Path) -> list[str]:
        found = []
        with sqlite3.connect(path) as connection:
            names = [
                one for (one,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            ]
            for name in names:
                cells = io.BytesIO()
                for row in connection.execute(f'SELECT * FROM "{name}"'):
                    for cell in row:
                        cells.write(cell if isinstance(cell, bytes) else str(cell).encode())
                        cells.write(b"\n")
                found += self.at(f"{path.name} table {name}", cells.getvalue())
        connection.close()
        return found


def _start(forms: list[bytes]) -> bytes:
    least, most = min(forms), max(forms)
    return next((least[:at] for at, one in enumerate(least) if most[at : at + 1] != bytes([one])), least)


class Everything(logging.Handler):
    """Keeps every log record whole: message, arguments, fields and traceback, of every logger but the client's."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith(("httpx", "httpcore", "asyncio", "hypothesis")):
            return
        self.lines.append(f"{record.name} {self.format(record)} {vars(record)!r}")
