"""kill -9 while identities are written or encrypted anew: what was acknowledged is there, and nothing lies open."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from serving.access import EVERYWHERE, Caller, Role
from serving.access.purpose import Purpose
from serving.identity.keyring import load_ring, new_ring, save_ring
from serving.identity.opening import open_identities
from serving.identity.rotation import count_unreadable, rotate, versions_in_use
from serving.identity.store import Bounds, IdentityStore
from serving.identity.suites import Suite
from serving.settings import Settings
from serving.storage import AuditLog, open_database
from tests.serving.identity.canaries import CANARIES, Look
from tests.serving.identity.conftest import HERE, close
from tests.serving.readers import AUDIT_KEY

CALLER = Caller("k", Role.PLATFORM, EVERYWHERE)
VICTIM = """
import sys
from tests.serving.identity.test_kill import rotate_all, write_all
{"write": write_all, "rotate": rotate_all}[sys.argv[1]](sys.argv[2])
"""


def open_store(url: str) -> IdentityStore:
    engine = open_database(url)
    store = open_identities(engine, AuditLog(engine, AUDIT_KEY), Settings(Path(), url))
    assert store is not None
    store.bounds = Bounds(reveals=100_000)
    return store


def write_all(url: str) -> None:
    """The first victim: writes one household after the other, and tells of each that was kept."""
    from serving.identity import Kind, Person

    store = open_store(url)
    number = len(store.vault.data_keys.ids())
    while True:
        one = CANARIES[number % len(CANARIES)]
        values = {Kind.NAME: one.name, Kind.ID_NUMBER: one.id_number, Kind.PHONE: one.phone}
        store.put(CALLER, f"H{number}", HERE, [Person("head", values)])
        print(number, flush=True)
        number += 1


def rotate_all(url: str) -> None:
    """The second: encrypts everything anew, one household a transaction, and tells of each step."""
    rotate(open_store(url), lambda *_: print("step", flush=True), at_once=1)


def killed_after(lines: int, what: str, url: str) -> list[str]:
    """What a victim had told when it was killed."""
    root = str(Path(__file__).resolve().parents[3])
    victim = subprocess.Popen(
        [sys.executable, "-c", VICTIM, what, url], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": root},
    )  # fmt: skip
    assert victim.stdout is not None
    told = [victim.stdout.readline() for _ in range(lines)]
    victim.send_signal(signal.SIGKILL)
    told += victim.stdout.readlines()
    victim.stdout.close()
    victim.wait()
    return [one.strip() for one in told if one.endswith("\n")]


def test_what_was_acknowledged_outlives_a_kill(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/s.db"
    ring = Settings(Path(), url).identity_keys_path
    save_ring(new_ring(Suite.AES_256_GCM), ring)
    close(open_store(url))
    kept: set[str] = set()
    for lines in (3, 17, 40):
        told = killed_after(lines, "write", url)
        assert len(told) >= lines
        kept |= set(told)
    save_ring(load_ring(ring).with_new(Suite.SM4_GCM), ring)
    for lines in (2, 9):
        assert len(killed_after(lines, "rotate", url)) >= lines
        store = open_store(url)
        rows, unreadable = count_unreadable(store)
        assert (rows >= 3 * len(kept), unreadable) == (True, 0)
        assert versions_in_use(store) == {1, 2}
        close(store)
    store = open_store(url)
    rotate(store)
    assert versions_in_use(store) == {2}
    for number in kept:
        found = store.reveal(CALLER, f"H{number}", Purpose.VISIT)
        assert found is not None
        assert tuple(found.persons[0].values.values()) == CANARIES[int(number) % len(CANARIES)].values[:3]
    assert store.audit.verify().faults == ()
    look = Look()
    assert [told for one in tmp_path.iterdir() for told in look.in_file(one)] == []
    close(store)
