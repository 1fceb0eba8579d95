"""A store of identities on each database, with a ring of its own; and people who are nobody."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.access import Caller, Role, Scope
from serving.identity import IdentityStore, Kind, Person
from serving.identity.data_keys import DataKeys
from serving.identity.keyring import new_ring
from serving.identity.store import Bounds
from serving.identity.suites import Suite
from serving.identity.vault import Vault
from serving.storage import AuditLog, open_database
from tests.serving.postgres import Server
from tests.serving.readers import AUDIT_KEY

HERE, BESIDE, FAR = "500999100201", "500999100202", "510199100201"
PLATFORM = Caller("k1", Role.PLATFORM, Scope("500999"))
OTHER = Caller("k2", Role.PLATFORM, Scope("510199"))
HELPER = Caller("k3", Role.HELPER, Scope(HERE))
NUMBER, PHONE = "11010519491231002X", "13800138000"
ZHANG = Person(
    "head",
    {Kind.NAME: "张三丰", Kind.ID_NUMBER: NUMBER, Kind.PHONE: PHONE, Kind.ADDRESS: "重庆市示例县示例镇1组"},
)
CHILD = Person("M-1", {Kind.NAME: "张小丰"})


def make_store(
    url: str, key_store: str, suite: Suite = Suite.AES_256_GCM, bounds: Bounds | None = None
) -> IdentityStore:
    engine = open_database(url)
    keys = DataKeys.open(key_store, new_ring(suite))
    return IdentityStore(engine, AuditLog(engine, AUDIT_KEY), Vault(keys), bounds)


def close(store: IdentityStore) -> None:
    store.engine.dispose()
    store.vault.data_keys.engine.dispose()


@pytest.fixture(params=[(Suite.AES_256_GCM, "postgresql"), (Suite.SM4_GCM, "sqlite")], ids=str)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[IdentityStore]:
    """A store of each suite, on each database: a test that takes it runs on both."""
    suite, database = request.param
    url = f"sqlite:///{tmp_path}/scores.db"
    if database == "postgresql":
        server: Server = request.getfixturevalue("postgres")
        url = server.new_database()
    made = make_store(url, f"sqlite:///{tmp_path}/keys.db", suite)
    yield made
    close(made)
