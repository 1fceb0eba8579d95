"""Connections to the embedded engine. What a query cannot hold in memory lies where only its owner reads it.

Left alone, DuckDB writes it to `.tmp` in the folder that the process was started in, for all to read.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

import duckdb

_WITHIN: ContextVar[Path | None] = ContextVar("where queries spill", default=None)


@contextmanager
def spilling_within(folder: Path) -> Iterator[None]:
    """Inside the block, queries of this thread spill within the folder and not the system's temporary one.

    It has to be there when a query begins.
    """
    before = _WITHIN.set(folder)
    try:
        yield
    finally:
        _WITHIN.reset(before)


@contextmanager
def connect() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory that ends with the block, and with it the folder that its queries spill to.

    Raises `OSError` where no folder can be made.
    """
    with (
        tempfile.TemporaryDirectory(prefix="fangfan-query-", dir=_WITHIN.get()) as spilled,
        duckdb.connect(config={"temp_directory": spilled}) as connection,
    ):
        yield connection
