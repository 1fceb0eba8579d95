"""Sealing and opening single values: bound to their row, so that one in another's place does not open."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from serving.identity.data_keys import DataKeys
from serving.identity.keyring import KeyRing, RingVersion
from serving.identity.kinds import Kind
from serving.identity.suites import NotSealedSo, keyed_hash, seal, unseal


class Unreadable(Exception):
    """A row that does not open; says nothing of whose it is."""


@dataclass(frozen=True)
class Place:
    """Where a value belongs."""

    household_id: str
    village_code: str
    person_id: str
    kind: Kind

    def bound(self, key_id: str, version: int) -> bytes:
        """The associated data that its ciphertext is sealed with; no two places have the same."""
        said = [
            "fangfan-identity-1", self.household_id, self.village_code, self.person_id, self.kind.value,
            key_id, version,
        ]  # fmt: skip
        return json.dumps(said).encode()


class Vault:
    """Seals with the ring's current version; opens what any of its versions sealed."""

    def __init__(self, data_keys: DataKeys) -> None:
        self.data_keys = data_keys

    @property
    def ring(self) -> KeyRing:
        """The key ring."""
        return self.data_keys.ring

    def seal(self, place: Place, value: str, key_id: str, key: bytes) -> dict[str, Any]:
        """The columns of a value's row, but for `written_at`."""
        version = self.ring.current
        nonce, ciphertext = seal(version.suite, key, value.encode(), place.bound(key_id, version.number))
        return {
            "household_id": place.household_id,
            "village_code": place.village_code,
            "person_id": place.person_id,
            "kind": place.kind.value,
            "ciphertext": ciphertext,
            "nonce": nonce,
            "key_id": key_id,
            "key_version": version.number,
            "lookup": _lookup(version, place.kind, value) if place.kind.is_looked_up else None,
        }

    def open(self, rows: Sequence[Row[Any]]) -> list[tuple[Place, str]]:
        """The values of rows of `identity`; raises `Unreadable` where one does not open."""
        keys = self.data_keys.find({one.key_id for one in rows})
        return [self._open(one, keys) for one in rows]

    def count_unreadable(self, rows: Sequence[Row[Any]]) -> int:
        """How many rows do not open."""
        keys = self.data_keys.find({one.key_id for one in rows})
        count = 0
        for one in rows:
            try:
                self._open(one, keys)
            except Unreadable:
                count += 1
        return count

    def lookups(self, kind: Kind, value: str) -> list[str]:
        """What a value is looked up by, under each version of the ring."""
        return [_lookup(one, kind, value) for one in self.ring.versions.values()]

    def _open(self, row: Row[Any], keys: dict[str, tuple[RingVersion, bytes]]) -> tuple[Place, str]:
        place = Place(row.household_id, row.village_code, row.person_id, Kind(row.kind))
        if row.key_id not in keys:
            raise Unreadable
        version, key = keys[row.key_id]
        try:
            text = unseal(
                version.suite, key, row.nonce, row.ciphertext, place.bound(row.key_id, row.key_version)
            )
        except NotSealedSo:
            raise Unreadable from None
        return place, text.decode()


def ids_of(rows: Iterable[Row[Any]]) -> set[str]:
    """The households' keys that rows are sealed with."""
    return {one.key_id for one in rows}


def _lookup(version: RingVersion, kind: Kind, value: str) -> str:
    return keyed_hash(version.suite, version.lookup_key, f"{kind.value}\n{value}".encode())
