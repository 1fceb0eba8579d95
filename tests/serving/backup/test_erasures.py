"""A backup from before an erasure has the household again, and whoever puts it back is told."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from serving.__main__ import app
from serving.access.audit_key import load_audit_key
from serving.backup.making import make_backup
from serving.backup.restoring import restore
from serving.command import OPERATOR
from serving.identity.erasure import History, Reason, check_proof, erase
from serving.identity.keyring import new_ring, save_ring
from serving.identity.opening import open_identities
from serving.identity.suites import Suite
from serving.settings import Settings
from serving.storage import AssessmentStore, AuditLog, open_database
from tests.serving.backup.stock import order_of, settings_of, silent, stock
from tests.serving.identity.conftest import HERE, PLATFORM, ZHANG
from tests.serving.postgres import Server
from tests.serving.test_storage import _body

HOUSEHOLDS = ("H-BEFORE", "H-GONE", "H-STAYS")


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    url = None
    if request.param == "postgresql":
        server: Server = request.getfixturevalue("postgres")
        url = server.new_database()
    (tmp_path / "place").mkdir()
    made = settings_of(tmp_path / "place", url)
    stock(made)
    save_ring(new_ring(Suite.AES_256_GCM), made.identity_keys_path)
    engine = open_database(made.database_url)
    assessments = AssessmentStore(engine)
    assessments.save_release("m", "0" * 64, 12)
    assessments.save([_body(one) for one in HOUSEHOLDS], [HERE] * 3)
    engine.dispose()
    return made


def erased(place: Settings, household: str, proof: Path) -> Path:
    engine = open_database(place.database_url)
    log = AuditLog(engine, load_audit_key(place.audit_key_path, is_begun=True))
    store = open_identities(engine, log, place)
    assert store is not None
    store.put(PLATFORM, household, HERE, [ZHANG])
    erase(store, OPERATOR, household, Reason.UNLAWFUL, History.REMOVED, proof)
    store.vault.data_keys.engine.dispose()
    engine.dispose()
    return proof


def failing(place: Settings, proof: Path) -> set[str]:
    engine = open_database(place.database_url)
    log = AuditLog(engine, load_audit_key(place.audit_key_path, is_begun=True))
    store = open_identities(engine, log, place)
    assert store is not None
    found = {one.name for one in check_proof(store, json.loads(proof.read_text())) if one.holds is False}
    store.vault.data_keys.engine.dispose()
    engine.dispose()
    return found


def test_who_was_erased_since_is_told(
    place: Settings, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    programs = None
    if place.database_url.startswith("postgresql"):
        programs = request.getfixturevalue("postgres").programs
    (tmp_path / "backups").mkdir(mode=0o700)
    before = erased(place, "H-BEFORE", tmp_path / "proof-1")
    path, _ = make_backup(order_of(place, programs=programs), tmp_path / "backups", silent)
    made = restore(path, place, silent, replace=True, programs=programs)
    assert (made.erased_since, made.erased_back) == (0, [])
    proof = erased(place, "H-GONE", tmp_path / "proof-2")
    made = restore(path, place, silent, replace=True, programs=programs)
    assert (made.erased_since, made.erased_back) == (1, ["H-GONE"])
    assert failing(place, before) == set()
    assert failing(place, proof) == {"log", "assessments"}
    # What was done again after the first restore is no news to a second one of the same place.
    again = erased(place, "H-GONE", tmp_path / "proof-3")
    assert failing(place, again) == set()


def test_the_command_says_what_to_do_again(tmp_path: Path) -> None:
    (tmp_path / "place").mkdir()
    place = settings_of(tmp_path / "place")
    stock(place)
    save_ring(new_ring(Suite.AES_256_GCM), place.identity_keys_path)
    engine = open_database(place.database_url)
    assessments = AssessmentStore(engine)
    assessments.save_release("m", "0" * 64, 12)
    assessments.save([_body("H-GONE")], [HERE])
    engine.dispose()
    (tmp_path / "backups").mkdir(mode=0o700)
    path, _ = make_backup(order_of(place), tmp_path / "backups", silent)
    erased(place, "H-GONE", tmp_path / "proof")

    def run(database: Path, *more: str) -> str:
        made = CliRunner().invoke(
            app,
            ["restore", "--from", str(path), "--database", f"sqlite:///{database}", *more,
             "--audit-key-file", str(place.audit_key_path)],
            env={"FANGFAN_JOBS_DIR": str(database.with_name("scores.db.jobs"))},
        )  # fmt: skip
        assert made.exit_code == 0, made.output
        return made.stdout

    here = tmp_path / "place" / "scores.db"
    told = run(here, "--replace")
    assert "tell of 1\nstored again are:\n- H-GONE\n" in told
    assert "identity verify-erasure" in told
    # Run again, it asks the log that was put aside.
    assert "tell of 1\nstored again are:\n- H-GONE\n" in run(here, "--replace")
    for one in here.parent.glob("scores.db.before-*"):
        one.unlink()
    assert "tell of none" in run(here, "--replace")
    # On another machine nobody is left to tell, nor is there of a file that is no database.
    (tmp_path / "other").mkdir()
    assert "go through all proofs" in run(tmp_path / "other" / "scores.db")
    for one in here.parent.glob("scores.db.before-*"):
        one.unlink()
    here.write_bytes(b"not a database")
    assert "go through all proofs" in run(here, "--replace")
    with closing(sqlite3.connect(here)) as connection:
        assert connection.execute("SELECT count(*) FROM assessment").fetchone() == (1,)
