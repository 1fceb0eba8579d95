"""New keys and the other suite: everything readable before, meanwhile and after; stopped anywhere, it goes on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from serving.access.purpose import Purpose
from serving.errors import IdentityError
from serving.identity import IdentityStore, Kind, Person
from serving.identity.data_keys import DataKeys
from serving.identity.keyring import KeyRing, load_ring, new_ring, save_ring
from serving.identity.rotation import count_unreadable, rotate, sweep, versions_in_use
from serving.identity.suites import Suite
from serving.identity.vault import Vault
from serving.storage.tables import identity as table
from tests.serving.identity.conftest import HELPER, HERE, PHONE, PLATFORM, ZHANG


def with_ring(store: IdentityStore, ring: KeyRing) -> IdentityStore:
    """The same databases as another process opens them."""
    return IdentityStore(store.engine, store.audit, Vault(DataKeys(store.vault.data_keys.engine, ring)))


def fill(store: IdentityStore, count: int) -> None:
    for number in range(count):
        store.put(
            PLATFORM,
            f"H{number}",
            HERE,
            [Person("head", {Kind.NAME: f"张{'甲乙丙丁戊'[number % 5]}", Kind.PHONE: PHONE})],
        )


def test_every_row_is_sealed_anew_and_old_keys_are_gone(store: IdentityStore) -> None:
    fill(store, 7)
    first, ring = store.vault.data_keys.ids(), store.vault.ring
    before = {number: store.reveal(HELPER, f"H{number}", Purpose.VISIT) for number in range(7)}
    other = next(one for one in Suite if one is not ring.current.suite)
    both = with_ring(store, ring.with_new(other))
    told: list[tuple[str, int, int]] = []
    made = rotate(both, lambda *one: told.append(one), at_once=3)
    assert (made.households, made.keys_destroyed) == (7, 7)
    assert told == [("households", done, 7) for done in (0, 3, 6, 7)]
    assert versions_in_use(both) == {2}
    assert not first & both.vault.data_keys.ids()
    # Without the old version everything is there, under the new suite.
    new = with_ring(store, both.vault.ring.without(1))
    assert {number: new.reveal(HELPER, f"H{number}", Purpose.VISIT) for number in range(7)} == before
    assert len(new.look_up(PLATFORM, Kind.PHONE, PHONE)) == 7
    assert count_unreadable(new) == (14, 0)
    # And with the old one alone nothing is.
    assert count_unreadable(store) == (14, 14)
    assert rotate(new).households == 0


def test_a_rotation_that_is_stopped_goes_on(store: IdentityStore, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(store, 6)
    both = with_ring(store, store.vault.ring.with_new(Suite.SM4_GCM))
    for fault in ("make", "destroy"):
        # Killed after each step: keys made and no rows, rows committed and old keys left.
        with monkeypatch.context() as patch:
            whole = getattr(DataKeys, fault)
            calls = iter(range(100))

            def stop(
                self: DataKeys,
                given: Any,
                whole: Any = whole,
                calls: Any = calls,
                does: bool = fault == "make",
            ) -> Any:
                made = whole(self, given) if does else None
                if next(calls):
                    raise KeyboardInterrupt
                return made

            patch.setattr(DataKeys, fault, stop)
            with pytest.raises(KeyboardInterrupt):
                rotate(both, at_once=1)
        assert count_unreadable(both) == (12, 0)
        assert len(both.look_up(PLATFORM, Kind.PHONE, PHONE)) == 6
    rotate(both, at_once=2)
    assert versions_in_use(both) == {2}
    assert count_unreadable(both) == (12, 0)
    with store.engine.connect() as connection:
        used = set(connection.execute(select(table.c.key_id)).scalars())
    assert both.vault.data_keys.ids() == used
    assert sweep(both) == 0


def test_a_row_that_does_not_open_stops_a_rotation_and_loses_nothing(store: IdentityStore) -> None:
    fill(store, 3)
    lost = sorted(store.vault.data_keys.ids())[0]
    store.vault.data_keys.destroy([lost])
    both = with_ring(store, store.vault.ring.with_new(Suite.AES_256_GCM))
    with pytest.raises(Exception, match="identity_unreadable"):
        rotate(both)
    assert count_unreadable(both) == (6, 2)


def test_the_ring_is_a_private_file(tmp_path: Path) -> None:
    path = tmp_path / "ring"
    ring = new_ring(Suite.SM4_GCM).with_new(Suite.AES_256_GCM)
    save_ring(ring, path)
    assert load_ring(path) == ring
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["ring"]
    with pytest.raises(IdentityError, match="current"):
        ring.without(2)
    with pytest.raises(IdentityError, match="no version 9"):
        ring.without(9)
    text = path.read_text()
    for broken in ("", "{", "[]", text.replace('"format": 1', '"format": 2'), text.replace('"current": 2', '"current": 5'),
                   text.replace(ring.current.lookup_key.hex(), "00"), text.replace("aes-256-gcm", "rot13")):  # fmt: skip
        path.write_text(broken)
        with pytest.raises(IdentityError) as refused:
            load_ring(path)
        assert ring.current.lookup_key.hex() not in str(refused.value)
    path.write_text(text)
    path.chmod(0o640)
    with pytest.raises(IdentityError, match="chmod 600"):
        load_ring(path)


def test_another_ring_opens_nothing(store: IdentityStore) -> None:
    store.put(PLATFORM, "H1", HERE, [ZHANG])
    suite = store.vault.ring.current.suite
    other = with_ring(store, new_ring(suite))
    assert count_unreadable(other) == (4, 4)
    assert other.look_up(PLATFORM, Kind.PHONE, PHONE) == []
    same_lookup = replace(new_ring(suite).current, lookup_key=store.vault.ring.current.lookup_key)
    found = with_ring(store, KeyRing(same_lookup, {1: same_lookup}))
    assert found.look_up(PLATFORM, Kind.PHONE, PHONE) == ["H1"]
    assert count_unreadable(found) == (4, 4)
