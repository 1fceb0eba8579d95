"""Rows straight into tables: a million by the way of objects take many minutes, by the driver one or two."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from itertools import islice
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Engine, Table

from serving.storage.columns import IS_SQLITE, document_text

_AT_ONCE = 20_000
_FAST = ("synchronous=OFF", "cache_size=-400000", "wal_autocheckpoint=20000")
"""For a file that nobody would miss, while it is filled."""


class Writer:
    """One connection of a database's driver. Indexes may be left out until the rows are there."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.is_sqlite = engine.dialect.name == IS_SQLITE

    def __enter__(self) -> Self:
        self._raw = self.engine.raw_connection()
        if self.is_sqlite:
            for pragma in _FAST:
                self._raw.cursor().execute(f"PRAGMA {pragma}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # What was set for filling ends with the connection.
        self._raw.invalidate()

    def write(self, table: Table, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
        """Write rows of these columns, days and documents as they are; how many there were."""
        names, count = ", ".join(f'"{one}"' for one in columns), 0
        cursor: Any = self._raw.cursor()
        left = iter(rows)
        while part := list(islice(left, _AT_ONCE)):
            plain = ([_plain(one) for one in row] for row in part)
            if self.is_sqlite:
                cursor.execute("BEGIN IMMEDIATE")
                marks = ", ".join("?" * len(columns))
                cursor.executemany(f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})', plain)
                cursor.execute("COMMIT")
            else:
                with cursor.copy(f'COPY "{table.name}" ({names}) FROM STDIN') as copy:
                    for row in plain:
                        copy.write_row(row)
                self._raw.commit()
            count += len(part)
        return count

    def write_mappings(self, table: Table, rows: Sequence[dict[str, Any]]) -> int:
        """The same of rows by their columns' names, which all of them have."""
        columns = list(rows[0]) if rows else []
        return self.write(table, columns, ([row[name] for name in columns] for row in rows))


def _plain(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.isoformat(timespec="microseconds")
    if isinstance(value, dt.date):
        return value.isoformat()
    return document_text(value) if isinstance(value, dict | list) else value
