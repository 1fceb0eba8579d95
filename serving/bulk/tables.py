"""Plain tables, as `unpacking` made them, for intake to read."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from features.signals.sources import Source
from serving.files.refused import FileRefused
from serving.files.spreadsheets import read_cells


def table_in(path: Path) -> Source:
    """The table as intake takes it: a file that it reads itself, or the cells of a sheet."""
    return _frame(path) if path.suffix == ".cells" else path


def read_table(path: Path) -> pd.DataFrame:
    """A small table whole, every cell of CSV as text; raises `FileRefused` where it is none."""
    try:
        if path.suffix == ".cells":
            return _frame(path)
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        return pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError):
        raise FileRefused("file_damaged") from None


def _frame(path: Path) -> pd.DataFrame:
    names, rows = read_cells(path)
    return pd.DataFrame(rows, columns=pd.Index(names), dtype=object)
