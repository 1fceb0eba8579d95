"""Tests' SQLite files: copies of one that was migrated, whose commits do not wait for a disk.

A killed process loses nothing by that; whether the service asks the disk is tested with `as_the_service_opens_them`.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import URL, Engine, event, make_url

from serving.storage import State, database, migrate, migration

_make_engine = database._connect_sqlite
_copying = threading.Lock()


@contextmanager
def quick_databases(folder: Path) -> Iterator[None]:
    """In this process a new SQLite file is a copy of one in `folder`. Child processes do as the service does."""
    migrated = folder / "migrated.db"
    migrate(f"sqlite:///{migrated}")

    def copy(url: str) -> State:
        with _copying:
            target = sqlite3.connect(str(make_url(url).database))
            if target.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
                target.execute("PRAGMA synchronous=OFF")
                source = sqlite3.connect(migrated)
                source.backup(target)
                source.close()
            target.close()
        return migrate(url)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(migration, "migrate", copy)
        patch.setattr(database, "_connect_sqlite", _make_calm_engine)
        yield


@contextmanager
def as_the_service_opens_them() -> Iterator[None]:
    """Files are migrated, and their commits kept, as the service does it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(migration, "migrate", migrate)
        patch.setattr(database, "_connect_sqlite", _make_engine)
        yield


def _make_calm_engine(url: URL, has_foreign_keys: bool) -> Engine:
    made = _make_engine(url, has_foreign_keys)
    event.listen(made, "connect", lambda one, _: one.execute("PRAGMA synchronous=OFF").close())
    return made
