"""Households' own keys, in a database of their own: destroying one shreds its household in every copy.

A copy of the main database holds ciphertexts that nothing opens but the key here. So this database is small,
is never copied together with the other, and its copies are kept for days and not for years. A key is wrapped
with the key ring and says nothing of whose it is.
"""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Column, Connection, Engine, MetaData, Table, delete, select
from sqlalchemy.exc import SQLAlchemyError

from serving.errors import StorageError
from serving.identity.keyring import KeyRing, RingVersion
from serving.identity.suites import NotSealedSo, seal, unseal
from serving.storage.columns import Instant, Octets, Small, text
from serving.storage.database import WRITES, connect, empty_log

METADATA = MetaData()
data_key = Table(
    "data_key",
    METADATA,
    Column("id", text(32), primary_key=True),
    Column("key_version", Small, nullable=False),
    Column("nonce", Octets, nullable=False),
    Column("wrapped", Octets, nullable=False),
    Column("made_at", Instant, nullable=False),
    sqlite_strict=True,
)
_AT_ONCE = 500
"""Parameters of one statement; SQLite takes some thousands."""


class DataKeys:
    """The keys of one key store, wrapped with one ring."""

    def __init__(self, engine: Engine, ring: KeyRing) -> None:
        self.engine = engine
        self.ring = ring

    @classmethod
    def open(cls, url: str, ring: KeyRing) -> DataKeys:
        """The key store at an address, made where there is none. Raises `StorageError`."""
        engine = connect(url)
        try:
            with cls(engine, ring)._writing() as connection:
                METADATA.create_all(connection)
        except SQLAlchemyError as error:
            engine.dispose()
            raise StorageError(
                f"the key store of identities cannot be used ({type(error).__name__}): give "
                "FANGFAN_IDENTITY_KEY_STORE a database of its own that may be written"
            ) from None
        return cls(engine, ring)

    def make(self, count: int) -> list[tuple[str, bytes]]:
        """New keys of the current version, on the disk before anything is sealed with them."""
        version, now = self.ring.current, dt.datetime.now(dt.UTC)
        made = [(uuid.uuid4().hex, version.suite.new_key()) for _ in range(count)]
        rows = []
        for key_id, key in made:
            nonce, wrapped = seal(version.suite, version.wrapping_key, key, _bound(key_id, version))
            rows.append({
                "id": key_id,
                "key_version": version.number,
                "nonce": nonce,
                "wrapped": wrapped,
                "made_at": now,
            })
        if rows:
            with self._writing() as connection:
                connection.execute(data_key.insert(), rows)
        return made

    def find(self, ids: Collection[str]) -> dict[str, tuple[RingVersion, bytes]]:
        """The keys that are there and open, by their ids, with their versions."""
        found: dict[str, tuple[RingVersion, bytes]] = {}
        with self.engine.connect() as connection:
            for some in _parts(sorted(set(ids))):
                for row in connection.execute(select(data_key).where(data_key.c.id.in_(some))):
                    version = self.ring.versions.get(row.key_version)
                    if version is None:
                        continue
                    try:
                        key = unseal(
                            version.suite,
                            version.wrapping_key,
                            row.nonce,
                            row.wrapped,
                            _bound(row.id, version),
                        )
                    except NotSealedSo:
                        continue
                    found[row.id] = (version, key)
        return found

    def ids(self) -> set[str]:
        """The ids of all keys."""
        with self.engine.connect() as connection:
            return set(connection.execute(select(data_key.c.id)).scalars())

    def destroy(self, ids: Collection[str]) -> int:
        """Delete keys for good, and their bytes from the files of SQLite; how many there were."""
        gone = 0
        with self._writing() as connection:
            for some in _parts(sorted(set(ids))):
                gone += connection.execute(delete(data_key).where(data_key.c.id.in_(some))).rowcount
        if gone:
            empty_log(self.engine)
        return gone

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self.engine.execution_options(**WRITES).begin() as connection:
            yield connection


def _bound(key_id: str, version: RingVersion) -> bytes:
    return json.dumps(["fangfan-data-key-1", key_id, version.number, version.suite.value]).encode()


def _parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _AT_ONCE):
        yield ids[start : start + _AT_ONCE]
