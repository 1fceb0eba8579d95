"""Ordering: rows and columns as they are used, whatever their order in the file.

Folds, bags and bins follow the order of rows and columns, and an export's order is chance. So rows are put in
the order of a hash of household and time, equal ones by all their cells, and columns by name.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

Hashes = npt.NDArray[np.uint64]


def in_order(frame: pd.DataFrame, keys: list[str], first: str) -> pd.DataFrame:
    """The same table (n × columns), its rows by the hash of `keys` and its columns by name, `first` first.

    Rows that are the same in `keys` follow each other by the hash of all cells; rows that are the same in
    every cell are interchangeable. Of columns that share a name the order stays. The index is 0, 1, 2 …
    """
    names = [str(one) for one in frame.columns]
    columns = sorted(range(len(names)), key=lambda at: (names[at] != first, names[at]))
    hashes = [hash_cells(frame.iloc[:, names.index(one)]) for one in keys]
    last = _of_tied_rows(frame, hashes, names)
    order = np.lexsort([last, *reversed(hashes)])
    table = frame.iloc[order, columns].reset_index(drop=True)
    table.columns = pd.Index([names[at] for at in columns])
    return table


def hash_cells(cells: pd.Series) -> Hashes:
    """A hash of each cell's text; whole numbers have one text, whatever type a file gives them."""
    return np.asarray(pd.util.hash_array(cell_texts(cells).to_numpy(dtype=object)), dtype=np.uint64)


def cell_texts(cells: pd.Series) -> pd.Series:
    """Each cell as text without blanks around it; empty where it is missing; ``7.0`` of a number is ``7``."""
    if pd.api.types.is_float_dtype(cells.dtype):
        values = cells.to_numpy(dtype=np.float64, na_value=np.nan)
        known = values[~np.isnan(values)]
        if np.all(np.abs(known) < 2**53) and np.all(known == np.round(known)):
            return cells.astype("Float64").astype("Int64").astype(object).where(cells.notna(), "").map(str)
    return cells.astype(object).where(cells.notna(), "").map(str).str.strip()


def _of_tied_rows(frame: pd.DataFrame, hashes: list[Hashes], names: list[str]) -> Hashes:
    """A hash of all cells, the same for any order of columns; 0 for rows that their keys tell apart."""
    keys = pd.DataFrame(dict(enumerate(hashes)))
    tied = np.flatnonzero(keys.duplicated(keep=False))
    found = np.zeros(len(frame), dtype=np.uint64)
    if not len(tied):
        return found
    rows = frame.iloc[tied]
    total = np.zeros(len(tied), dtype=np.uint64)
    for at, name in enumerate(names):
        texts = cell_texts(rows.iloc[:, at])
        total += pd.util.hash_array((name + "\x1f" + texts).to_numpy(dtype=object))
    found[tied] = total
    return found
