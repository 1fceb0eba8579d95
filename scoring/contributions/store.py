"""The store: tables kept in a folder between processes, so that they are worked out once per model.

A file is a line of JSON that names model and form, the arrays in numpy's plain format, and the sha256 of all
that. Nothing in it runs. Whatever does not fit is ignored and written anew, and a folder that cannot be
written costs time, never a load. The folder is trusted as far as the bundle beside it is.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import IO, Any

import numpy as np

from scoring.contributions.direct import Leaves
from scoring.contributions.memory import aligned_empty
from scoring.contributions.tabled import Pieces, TabledModel, empty_pieces
from scoring.contributions.tables import Tables

logger = logging.getLogger(__name__)

FORM = 1
"""To be raised whenever the arrays or what they mean change."""

MOST_FILES = 12
"""Boosters whose tables are kept in a folder, four models with two siblings each; the longest unused go."""

_DIGEST = 64


class PieceStore:
    """The tables of one booster, made to take `most_bytes`, in a folder."""

    def __init__(self, folder: Path, model_text: str, most_bytes: int) -> None:
        model = hashlib.sha256(model_text.encode("utf-8")).hexdigest()
        self._header = json.dumps({"form": FORM, "model": model, "most_bytes": most_bytes}).encode() + b"\n"
        self.path = folder / f"{hashlib.sha256(self._header).hexdigest()[:32]}.tables"

    def find(self, model: TabledModel) -> Pieces | None:
        """The stored tables, or None where there are none or they do not fit the model."""
        try:
            with self.path.open("rb") as file:
                if not self._is_whole(file):
                    logger.warning("stored contribution tables are damaged and ignored")
                    return None
                pieces = _read(file, model)
            if pieces is not None:
                os.utime(self.path)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, EOFError):
            logger.warning("stored contribution tables cannot be read and are ignored")
            return None
        return pieces

    def save(self, pieces: Pieces) -> None:
        """Store tables: whole or not at all; what cannot be written is not."""
        scratch: Path | None = None
        try:
            self.path.parent.mkdir(exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=".tables-")
            scratch = Path(name)
            with os.fdopen(handle, "wb") as file:
                hashing = _Hashing(file)
                hashing.write(self._header)
                for array in _arrays(pieces):
                    np.lib.format.write_array(hashing, array, version=(1, 0), allow_pickle=False)
                file.write(hashing.digest.hexdigest().encode())
            os.replace(scratch, self.path)
            self._forget_others()
        except OSError as error:
            logger.info("contribution tables are not stored: %s", error.strerror)
            if scratch is not None:
                scratch.unlink(missing_ok=True)

    def _is_whole(self, file: IO[bytes]) -> bool:
        """Whether the file is what its digest says and begins with our header; it is left open after that."""
        left = os.fstat(file.fileno()).st_size - _DIGEST
        digest = hashlib.sha256()
        while left > 0 and (part := file.read(min(left, 1 << 20))):
            digest.update(part)
            left -= len(part)
        if left or file.read(_DIGEST) != digest.hexdigest().encode():
            return False
        file.seek(0)
        return file.read(len(self._header)) == self._header

    def _forget_others(self) -> None:
        files = sorted(self.path.parent.glob("*.tables"), key=lambda one: one.stat().st_mtime, reverse=True)
        for old in files[MOST_FILES:]:
            old.unlink(missing_ok=True)


class _Hashing:
    """A file that is hashed while it is written."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        return self._file.write(data)


def _arrays(pieces: Pieces) -> Iterator[Any]:
    for one in (*pieces.tables, *pieces.leaves):
        yield np.asarray(one)


def _read(file: BufferedReader, model: TabledModel) -> Pieces | None:
    found = []
    for expected in _arrays(empty_pieces(model)):
        version = np.lib.format.read_magic(file)
        shape, is_columns, dtype = np.lib.format.read_array_header_1_0(file)
        if version != (1, 0) or dtype != expected.dtype or len(shape) != expected.ndim or is_columns:
            return None
        array = aligned_empty(shape, dtype)
        if file.readinto(array.reshape(-1).view(np.uint8)) != array.nbytes:
            raise EOFError
        found.append(array)
    count = len(Tables._fields)
    tables = Tables._make(found[:count])._replace(singles=int(found[Tables._fields.index("singles")]))
    return Pieces(tables, Leaves._make(found[count:]))
