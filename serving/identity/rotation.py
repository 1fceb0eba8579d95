"""Rotation: every value is encrypted anew under the current version of the ring, some households at a time.

What is left to do is read from the rows, so that a rotation that was stopped goes on where it was. Meanwhile
old and new rows are read alike, because the ring holds both versions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, func, select, tuple_

from serving.identity.store import IdentityStore, lock
from serving.storage.tables import identity as table

AT_ONCE = 200
"""Households of one transaction, for which other writers wait."""


@dataclass(frozen=True)
class Rotated:
    """What a rotation did: households encrypted anew, keys destroyed."""

    households: int
    keys_destroyed: int


def rotate(
    store: IdentityStore, progress: Callable[[str, int, int], None] = lambda *_: None, at_once: int = AT_ONCE
) -> Rotated:
    """Bring every row to the current version, and destroy keys that nothing is sealed with.

    Raises `Problem` where a row does not open: nothing of its transaction is changed.
    """
    with store.engine.connect() as connection:
        total = _count(connection, store)
    done = destroyed = 0
    while True:
        progress("households", done, total)
        with store.writer.begin() as connection:
            lock(connection)
            where = (table.c.household_id, table.c.village_code)
            is_old = table.c.key_version != store.vault.ring.current.number
            old = connection.execute(select(*where).where(is_old).distinct().limit(at_once)).all()
            if not old:
                break
            rows = connection.execute(
                select(table).where(tuple_(*where).in_([tuple(one) for one in old]))
            ).all()
            gone = store.replace_in(connection, rows, store.open(rows))
        store.destroy(gone)
        done, destroyed = done + len(old), destroyed + len(gone)
    return Rotated(done, destroyed + sweep(store))


def sweep(store: IdentityStore) -> int:
    """Destroy keys that nothing is sealed with: what a process that was killed left. How many there were."""
    with store.writer.begin() as connection:
        # Nobody makes a key meanwhile whose rows are not there yet.
        lock(connection)
        used = set(connection.execute(select(table.c.key_id).distinct()).scalars())
        return store.vault.data_keys.destroy(store.vault.data_keys.ids() - used)


def count_unreadable(store: IdentityStore, at_once: int = 5_000) -> tuple[int, int]:
    """How many rows there are, and how many of them do not open."""
    rows_there = unreadable = 0
    with store.engine.connect() as connection:
        found = connection.execute(select(table).execution_options(yield_per=at_once))
        for some in found.partitions():
            rows_there += len(some)
            unreadable += store.vault.count_unreadable(some)
    return rows_there, unreadable


def versions_in_use(store: IdentityStore) -> set[int]:
    """The versions of the ring that rows have."""
    with store.engine.connect() as connection:
        return set(connection.execute(select(table.c.key_version).distinct()).scalars())


def _count(connection: Connection, store: IdentityStore) -> int:
    is_old = table.c.key_version != store.vault.ring.current.number
    old = select(table.c.household_id, table.c.village_code).where(is_old).distinct().subquery()
    return int(connection.execute(select(func.count()).select_from(old)).scalar_one())
