"""Plain tables, as `unpacking` made them, for intake to read."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from features.errors import ContractError
from features.signals.delivery import read_coverage
from features.signals.sources import Source
from serving.files.refused import FileRefused
from serving.files.spreadsheets import read_cells


def table_in(path: Path) -> Source:
    """The table as intake takes it: a file that it reads itself, or the cells of a sheet."""
    return _frame(path) if path.suffix == ".cells" else path


def coverage_in(path: Path) -> pd.DataFrame:
    """The coverage table whole; raises `FileRefused` where it is none, and `CoverageError`."""
    try:
        return _frame(path) if path.suffix == ".cells" else read_coverage(path)
    except (ContractError, OSError, ValueError):
        raise FileRefused("file_damaged") from None


def _frame(path: Path) -> pd.DataFrame:
    names, rows = read_cells(path)
    return pd.DataFrame(rows, columns=pd.Index(names), dtype=object)
