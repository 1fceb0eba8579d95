"""Identities at rest: what is kept, who sees what of it, what the log says, and what does not open."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select, text, update

from serving.access import Caller, Role, Scope
from serving.access.purpose import Purpose
from serving.errors import Problem
from serving.identity import IdentityStore, Kind, Person, Record
from serving.identity.store import Bounds
from serving.identity.suites import Suite
from serving.storage.audit_actions import Action
from serving.storage.tables import identity as table
from tests.serving.identity.conftest import (
    BESIDE,
    CHILD,
    FAR,
    HELPER,
    HERE,
    NUMBER,
    OTHER,
    PHONE,
    PLATFORM,
    ZHANG,
    close,
    make_store,
)
from tests.serving.postgres import Server


def rows_of(store: IdentityStore) -> list[dict[str, object]]:
    with store.engine.connect() as connection:
        return [dict(one._mapping) for one in connection.execute(select(table))]


def in_clear(store: IdentityStore, household_id: str) -> Record | None:
    return store.reveal(HELPER, household_id, Purpose.VISIT)


def test_what_is_kept_comes_back_and_nothing_of_it_lies_open(store: IdentityStore) -> None:
    shown = store.put(PLATFORM, "H1", HERE, [CHILD, ZHANG])
    assert [one.person_id for one in shown.persons] == ["head", "M-1"]
    assert shown.persons[0].values == {
        Kind.NAME: "张**", Kind.ID_NUMBER: "1101**********002X", Kind.PHONE: "138****8000",
        Kind.ADDRESS: "重庆市示例县****",
    }  # fmt: skip
    assert store.find(HELPER, "H1") == shown
    found = in_clear(store, "H1")
    assert found is not None
    assert found.persons == (ZHANG, CHILD)
    rows = rows_of(store)
    assert len(rows) == 5
    assert len({one["nonce"] for one in rows}) == 5
    assert {one["key_id"] for one in rows} == store.vault.data_keys.ids()
    for row in rows:
        told = repr(row).encode()
        assert not any(value.encode() in told for value in (*ZHANG.values.values(), *CHILD.values.values()))
        assert (row["lookup"] is not None) == (row["kind"] in {"id_number", "phone"})
    for said in (repr(ZHANG), str(found), repr(store.vault.ring)):
        assert not any(value in said for value in ZHANG.values.values())
        assert store.vault.ring.current.wrapping_key.hex() not in said


def test_sending_the_same_again_changes_nothing(store: IdentityStore) -> None:
    store.put(PLATFORM, "H1", HERE, [ZHANG, CHILD])
    before = rows_of(store)
    store.put(PLATFORM, "H1", HERE, [CHILD, ZHANG])
    assert rows_of(store) == before
    store.put(PLATFORM, "H1", HERE, [replace(ZHANG, values={Kind.NAME: "张四"})])
    after = rows_of(store)
    assert [one["kind"] for one in after] == ["name"]
    assert {one["key_id"] for one in after} == {one["key_id"] for one in before}
    assert store.look_up(PLATFORM, Kind.PHONE, PHONE) == []


def test_a_household_that_moved_is_kept_where_it_is(store: IdentityStore) -> None:
    store.put(PLATFORM, "H1", HERE, [ZHANG])
    store.put(OTHER, "H1", FAR, [CHILD])
    store.put(PLATFORM, "H1", BESIDE, [ZHANG])
    assert {(one["village_code"], one["person_id"]) for one in rows_of(store)} == {
        (BESIDE, "head"),
        (FAR, "M-1"),
    }
    # The key of the rows that are gone is gone with them.
    assert {one["key_id"] for one in rows_of(store)} == store.vault.data_keys.ids()
    assert store.find(HELPER, "H1") is None


def test_nobody_writes_or_sees_beyond_their_area(store: IdentityStore) -> None:
    with pytest.raises(Problem) as refused:
        store.put(PLATFORM, "H1", FAR, [ZHANG])
    assert [one.code for one in refused.value.errors] == ["outside_area"]
    assert store.vault.data_keys.ids() == set()
    store.put(OTHER, "H1", FAR, [ZHANG])
    for kind, value in ((Kind.ID_NUMBER, NUMBER), (Kind.PHONE, PHONE)):
        assert store.look_up(OTHER, kind, value) == ["H1"]
        assert store.look_up(PLATFORM, kind, value) == []
        assert store.look_up(Caller("k", Role.AUDITOR, Scope(None)), kind, value) == []
    assert store.find(PLATFORM, "H1") is None
    assert in_clear(store, "H1") is None


def test_everything_is_logged_and_names_nobody(store: IdentityStore) -> None:
    store.put(PLATFORM, "H1", HERE, [ZHANG])
    store.find(HELPER, "H1")
    store.find(HELPER, "H2")
    store.look_up(PLATFORM, Kind.PHONE, PHONE)
    store.look_up(OTHER, Kind.PHONE, PHONE)
    in_clear(store, "H1")
    log = store.audit.search()[::-1]
    assert [(one.key_id, one.action, one.outcome, one.purpose) for one in log] == [
        ("k1", "identity_written", "done", ""), ("k3", "identity_read", "shown", ""),
        ("k3", "identity_read", "not_found", ""), ("k1", "identity_looked_up", "shown", ""),
        ("k1", "identity_read", "shown", ""), ("k2", "identity_looked_up", "not_found", ""),
        ("k3", "identity_revealed", "shown", "visit"),
    ]  # fmt: skip
    # Elsewhere and here are looked up under the same name, which is no plain hash of the number.
    assert log[3].subject == log[5].subject
    assert store.audit.verify().faults == ()
    with store.writer.begin() as connection:
        connection.execute(text("UPDATE audit_entry SET purpose = 'help' WHERE seq = 7"))
    assert store.audit.verify().faults == ("entry 7: is not what was written",)


def swapped(store: IdentityStore, first: str, second: str, columns: tuple[str, ...]) -> None:
    """Put the sealed values of two rows, which are found by a condition, in each other's place."""
    with store.writer.begin() as connection:
        one, other = (connection.execute(select(table).where(text(where))).one() for where in (first, second))
        for where, of in ((first, other), (second, one)):
            values = {name: getattr(of, name) for name in columns}
            connection.execute(update(table).where(text(where)).values(values))


SEALED = ("ciphertext", "nonce", "key_id")
SWAPS = {
    "two households": ("household_id = 'H1' AND kind = 'name'", "household_id = 'H2' AND kind = 'name'", SEALED),
    "two kinds": ("household_id = 'H1' AND kind = 'phone'", "household_id = 'H1' AND kind = 'name'", SEALED),
    "two persons": (
        "household_id = 'H3' AND person_id = 'head'", "household_id = 'H3' AND person_id = 'M-1'", SEALED
    ),
    "ciphertexts alone": (
        "household_id = 'H1' AND kind = 'name'", "household_id = 'H2' AND kind = 'name'", ("ciphertext",)
    ),
    "nonces alone": ("household_id = 'H1' AND kind = 'phone'", "household_id = 'H1' AND kind = 'name'", ("nonce",)),
}  # fmt: skip


@pytest.mark.parametrize("swap", SWAPS)
def test_a_value_opens_in_its_own_place_alone(store: IdentityStore, swap: str) -> None:
    for key in ("H1", "H2"):
        store.put(PLATFORM, key, HERE, [ZHANG])
    store.put(PLATFORM, "H3", HERE, [Person("head", {Kind.NAME: "李四"}), Person("M-1", {Kind.NAME: "王五"})])
    swapped(store, *SWAPS[swap])
    broken = "H3" if swap == "two persons" else "H1"
    for read in (store.find, lambda caller, key: store.reveal(caller, key, Purpose.VISIT)):
        with pytest.raises(Problem) as refused:
            read(HELPER, broken)
        assert refused.value.code == "identity_unreadable"
    # Nothing was shown, and so nothing is logged as shown.
    assert not [one for one in store.audit.search() if one.outcome == "shown"]
    # Whoever sends it again mends it.
    store.put(PLATFORM, broken, HERE, [ZHANG])
    assert store.find(HELPER, broken) is not None


def test_a_moved_village_or_version_does_not_open(store: IdentityStore) -> None:
    for change in ({"village_code": BESIDE}, {"household_id": "H9"}, {"key_version": 7}):
        store.put(PLATFORM, "H1", HERE, [ZHANG])
        with store.writer.begin() as connection:
            connection.execute(update(table).values(change))
        with pytest.raises(Problem, match="identity_unreadable"):
            store.find(PLATFORM, str(change.get("household_id", "H1")))
        with store.writer.begin() as connection:
            connection.execute(table.delete())


def test_reveals_and_lookups_are_bounded_by_the_hour(store: IdentityStore) -> None:
    start = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
    clock = [start]
    store.bounds, store.now = Bounds(reveals=3, lookups=2), lambda: clock[0]
    store.audit.now = store.now
    store.put(PLATFORM, "H1", HERE, [ZHANG])
    for minute in range(3):
        clock[0] = start + dt.timedelta(minutes=minute)
        # One that finds nothing counts as well.
        in_clear(store, "H1" if minute else "H-NOBODY")
    clock[0] = start + dt.timedelta(minutes=10)
    with pytest.raises(Problem) as refused:
        in_clear(store, "H1")
    assert (refused.value.code, refused.value.headers) == ("asked_too_often", {"Retry-After": str(50 * 60)})
    # Another's bound is another's, and what was refused is no reveal.
    assert store.reveal(replace(HELPER, key_id="k9"), "H1", Purpose.HELP) is not None
    clock[0] = start + dt.timedelta(minutes=60, seconds=1)
    assert in_clear(store, "H1") is not None
    with pytest.raises(Problem):
        [store.look_up(PLATFORM, Kind.PHONE, PHONE) for _ in range(3)]
    assert len(store.audit.search(action=Action.IDENTITY_LOOKED_UP)) == 2


def test_a_key_store_may_be_a_server(postgres: Server, tmp_path: Path) -> None:
    url = postgres.new_database(is_migrated=False)
    for suite in Suite:
        made = make_store(f"sqlite:///{tmp_path}/{suite}.db", url, suite)
        made.put(PLATFORM, "H1", HERE, [ZHANG])
        found = in_clear(made, "H1")
        assert found is not None
        assert found.persons == (ZHANG,)
        (key,) = {str(one["key_id"]) for one in rows_of(made)}
        assert key in made.vault.data_keys.ids()
        assert made.vault.data_keys.destroy([key]) == 1
        with pytest.raises(Problem, match="identity_unreadable"):
            made.find(PLATFORM, "H1")
        close(made)
