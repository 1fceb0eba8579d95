"""Plain tables, as `unpacking` made them, for intake to read."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pandas as pd

from features.errors import ContractError
from features.signals.delivery import read_coverage
from features.signals.sources import Source
from serving.files.refused import FileRefused
from serving.files.spreadsheets import read_cells

_AT_ONCE = 1 << 14
"""Rows of a sheet that are in memory at a time."""


def table_in(path: Path) -> Source:
    """The table as intake takes it: a file that it reads itself, or the cells of a sheet."""
    return _frames(path) if path.suffix == ".cells" else path


def coverage_in(path: Path) -> pd.DataFrame:
    """The coverage table whole; raises `FileRefused` where it is none, and `CoverageError`."""
    try:
        if path.suffix == ".cells":
            return pd.concat(_frames(path), ignore_index=True)
        return read_coverage(path)
    except (ContractError, OSError, ValueError):
        raise FileRefused("file_damaged") from None


def _frames(path: Path) -> Iterator[pd.DataFrame]:
    """The rows of a sheet, part by part: as Python values they are many times as large as the file."""
    cells = read_cells(path)
    names = pd.Index(next(cells))
    rows = list(islice(cells, _AT_ONCE))
    yield pd.DataFrame(rows, columns=names, dtype=object)
    while rows := list(islice(cells, _AT_ONCE)):
        yield pd.DataFrame(rows, columns=names, dtype=object)
