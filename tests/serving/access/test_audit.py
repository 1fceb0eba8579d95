"""The log of reads: one chain whoever writes, and every edit, removal or addition is found."""

from __future__ import annotations

import datetime as dt
import json
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from serving.__main__ import main
from serving.access import OPEN, Caller, Role, Scope
from serving.access.audit_key import load_audit_key
from serving.app import create_app
from serving.errors import AccessError, Problem
from serving.settings import Settings
from serving.storage import AssessmentStore, AuditLog, History, Run, Saved, open_database
from serving.storage.audit_actions import Action
from serving.storage.database import WRITES
from tests.serving.readers import AUDIT_KEY
from tests.serving.test_storage import _body

HERE, THERE = "500999100201", "510199100201"
COUNTY = Caller("k1", Role.COUNTY_OFFICIAL, Scope("500999"))
OTHER = Caller("k2", Role.COUNTY_OFFICIAL, Scope("510199"))


@pytest.fixture
def store(database_url: str) -> Iterator[AssessmentStore]:
    engine = open_database(database_url)
    made = AssessmentStore(engine, AuditLog(engine, AUDIT_KEY))
    made.save_release("m", "0" * 64, 12)
    made.save([_body("H1"), _body("H2")], [HERE, THERE])
    yield made
    engine.dispose()


def log_of(store: AssessmentStore) -> AuditLog:
    assert store.audit is not None
    return store.audit


def change(store: AssessmentStore, statement: str) -> None:
    with store.writer.begin() as connection:
        assert connection.execute(text(statement)).rowcount >= 1


def test_every_read_is_logged_and_no_household_named(store: AssessmentStore) -> None:
    assert store.find(COUNTY, "H1") is not None
    assert store.find(COUNTY, "H2") is None
    assert store.find(COUNTY, "H-NOBODY") is None
    run = store.find_run(OPEN)
    assert run is not None
    assert store.list_run(OPEN, run).total == 2
    store.note_result(COUNTY, "j" * 32)
    log = log_of(store)
    entries = log.search()[::-1]
    assert [(one.key_id, one.area, one.action, one.outcome) for one in entries] == [
        ("k1", "500999", "household_read", "shown"), ("k1", "500999", "household_read", "not_found"),
        ("k1", "500999", "household_read", "not_found"), ("open", "", "household_listed", "shown"),
        ("open", "", "household_listed", "shown"), ("k1", "500999", "result_read", "shown"),
    ]  # fmt: skip
    assert [one.seq for one in log.search(household_id="H1")] == [entries[3].seq, 1]
    assert [one.seq for one in log.search(key_id="k1", action=Action.RESULT_READ)] == [6]
    assert not {"H1", "H2", "H-NOBODY"} & {one.subject for one in entries}
    assert AuditLog(store.engine, bytes(32)).household("H1") != log.household("H1")
    assert log.verify().faults == ()


def test_what_is_not_logged_is_not_shown(store: AssessmentStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise AccessError("no")

    monkeypatch.setattr(AuditLog, "append", fail)
    for read in (
        lambda: store.find(COUNTY, "H1"),
        lambda: store.list_run(COUNTY, Run(dt.date(2026, 10, 31), "m")),
        lambda: AssessmentStore(store.engine).find(COUNTY, "H1"),
    ):
        with pytest.raises(Problem) as refused:
            read()
        assert refused.value.code == "audit_failed"


HARMS: dict[str, list[str]] = {
    "an outcome": ["UPDATE audit_entry SET outcome = 'shown' WHERE seq = 2"],
    "a caller": ["UPDATE audit_entry SET key_id = 'k2' WHERE seq = 3"],
    "a hash": ["UPDATE audit_entry SET sha256 = former_sha256 WHERE seq = 3"],
    "the first": ["DELETE FROM audit_entry WHERE seq = 1"],
    "the middle": ["DELETE FROM audit_entry WHERE seq = 3"],
    "the last": ["DELETE FROM audit_entry WHERE seq = 5"],
    "the last, and the head goes back": [
        "DELETE FROM audit_entry WHERE seq = 5",
        "UPDATE audit_head SET seq = 4, sha256 = (SELECT sha256 FROM audit_entry WHERE seq = 4)",
    ],
    "everything but the head": ["DELETE FROM audit_entry"],
    "the head": ["DELETE FROM audit_head"],
    "one more": [
        "INSERT INTO audit_entry SELECT 6, at, key_id, role, area, action, subject, outcome, sha256, sha256, purpose "
        "FROM audit_entry WHERE seq = 5"
    ],
    "two change places": [
        "UPDATE audit_entry SET seq = 100 WHERE seq = 2", "UPDATE audit_entry SET seq = 2 WHERE seq = 3",
        "UPDATE audit_entry SET seq = 3 WHERE seq = 100",
    ],
}  # fmt: skip


@pytest.mark.parametrize("harm", HARMS)
def test_every_edit_is_found(store: AssessmentStore, harm: str) -> None:
    for key in ("H1", "H2", "H3", "H1", "H2"):
        store.find(COUNTY, key)
    log = log_of(store)
    assert log.verify().faults == ()
    for statement in HARMS[harm]:
        change(store, statement)
    assert log.verify().faults != ()


def test_a_chain_made_anew_without_the_key_is_found(store: AssessmentStore) -> None:
    for key in ("H1", "H2", "H3"):
        store.find(COUNTY, key)
    log = log_of(store)
    anchor = log.verify().head
    assert log.verify(anchor).faults == ()
    change(store, "DELETE FROM audit_entry")
    change(store, "DELETE FROM audit_head")
    forger = AuditLog(store.engine, bytes(32))
    with forger.engine.execution_options(**WRITES).begin() as connection:
        forger.append(connection, OTHER, Action.HOUSEHOLD_READ, ["0" * 64] * 3)
    assert forger.verify().faults == ()
    assert any("seal" in one for one in log.verify().faults)
    # Nothing is read on top of it, and so its seal is never put right by the service itself.
    with pytest.raises(Problem) as refused:
        store.find(COUNTY, "H1")
    assert refused.value.code == "audit_failed"


def test_a_log_put_back_whole_is_found_with_an_anchor(store: AssessmentStore) -> None:
    store.find(COUNTY, "H1")
    with store.engine.connect() as connection:
        head = connection.execute(text("SELECT seq, sha256, seal FROM audit_head")).one()
    store.find(COUNTY, "H1")
    log = log_of(store)
    anchor = log.verify().head
    change(store, "DELETE FROM audit_entry WHERE seq = 2")
    change(store, f"UPDATE audit_head SET seq = 1, sha256 = '{head.sha256}', seal = '{head.seal}'")
    assert log.verify().faults == ()
    assert log.verify(anchor).faults == ("after entry 1: entries up to the anchor's, 2, are missing",)
    with pytest.raises(AccessError, match="number:hash"):
        log.verify("2")


def test_writers_at_once_make_one_chain(store: AssessmentStore, database_url: str) -> None:
    errors: list[BaseException] = []

    def read(number: int) -> None:
        engine = open_database(database_url)
        own = AssessmentStore(engine, AuditLog(engine, AUDIT_KEY))
        try:
            for n in range(25):
                own.find(COUNTY, f"H{number}-{n}")
        except BaseException as error:
            errors.append(error)
        finally:
            engine.dispose()

    threads = [threading.Thread(target=read, args=(number,)) for number in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert errors == []
    found = log_of(store).verify()
    assert (found.entries, found.faults) == (200, ())


def test_an_area_neither_sees_nor_replaces_what_another_stored(store: AssessmentStore) -> None:
    mine = store.save([_body("H2", 0.125)], [HERE], COUNTY.scope)
    # The same as for a household that nobody else has.
    assert mine == store.save([_body("H9", 0.125)], [HERE], COUNTY.scope) == Saved(new=1)
    scores = []
    for caller in (COUNTY, OTHER):
        found = store.find(caller, "H2")
        assert isinstance(found, History)
        scores.append(found.latest.body["score"])
    assert scores == [0.125, 0.5]
    with pytest.raises(ValueError, match="outside"):
        store.save([_body("H3")], [THERE], COUNTY.scope)
    moved = store.save([_body("H9", 0.125)], ["500999100202"], COUNTY.scope)
    assert moved == Saved(changed=1)
    found = store.find(COUNTY, "H9")
    assert isinstance(found, History)
    assert found.latest.village_code == "500999100202"
    assert found.former is None


def test_the_key_is_made_once_and_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "audit-key"
    made: list[bytes] = []
    threads = [threading.Thread(target=lambda: made.append(load_audit_key(path))) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(set(made)) == 1
    assert [one.name for one in tmp_path.iterdir()] == ["audit-key"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for content in ("", "xyz", "00" * 31):
        path.write_text(content, encoding="ascii")
        with pytest.raises(AccessError, match="audit key"):
            load_audit_key(path)


def test_a_service_with_another_key_does_not_start(bundle_dir: Path, tmp_path: Path) -> None:
    settings = Settings(bundle_dir, f"sqlite:///{tmp_path}/s.db")
    store: AssessmentStore = create_app(settings).state.store
    store.find(OPEN, "H")
    store.engine.dispose()
    settings.audit_key_path.write_text("00" * 32, encoding="ascii")
    with pytest.raises(AccessError, match=r"seal does not fit.*audit verify"):
        create_app(settings)
    settings.audit_key_path.unlink()
    with pytest.raises(AccessError, match="missing and the log was begun with it"):
        create_app(settings)
    assert not settings.audit_key_path.exists()


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run a command in this process, or in one of its own."""

    def run(*arguments: str, is_apart: bool = False) -> tuple[int, str, str]:
        environment = {"FANGFAN_DATABASE_URL": f"sqlite:///{tmp_path}/s.db", "PATH": ""}
        if is_apart:
            command = [sys.executable, "-W", "error", "-m", "serving", *arguments]
            environment["PYTHONPATH"] = ":".join(sys.path)
            done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
            return done.returncode, done.stdout, done.stderr
        with monkeypatch.context() as patch:
            for name in [one for one in os.environ if one.startswith("FANGFAN_")]:
                patch.delenv(name)
            for name, value in environment.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["serving", *arguments])
            with pytest.raises(SystemExit) as left:
                main()
        told = capsys.readouterr()
        return int(left.value.code or 0), told.out, told.err

    return run


def test_the_commands(run: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    code, out, _ = run(
        "keys",
        "add",
        "--role",
        "county_official",
        "--area",
        "500999",
        "--name",
        "office",
        "--json",
        is_apart=True,
    )
    made = json.loads(out)
    assert (code, made["role"], made["area"], made["state"]) == (0, "county_official", "500999", "active")
    assert made["key"].startswith(f"ff_{made['id']}_")
    code, out, err = run("keys", "add", "--role", "helper", "--area", "50", "--name", "n")
    assert (code, out) == (2, "")
    assert "12 characters" in err
    code, out, _ = run("keys", "revoke", made["id"])
    assert (code, out) == (0, f"key {made['id']} is revoked\n")
    code, out, _ = run("keys", "list", "--json")
    assert [one["state"] for one in json.loads(out)["keys"]] == ["revoked"]
    assert made["key"].split("_", 2)[2] not in out
    code, out, _ = run("audit", "search", "--json")
    assert [(one["action"], one["subject"], one["outcome"]) for one in json.loads(out)["entries"]] == [
        ("key_revoked", made["id"], "done"), ("key_added", made["id"], "done"),
    ]  # fmt: skip
    code, out, _ = run("audit", "verify", "--json")
    assert (code, json.loads(out)["entries"], json.loads(out)["faults"]) == (0, 2, [])
    with sqlite3.connect(tmp_path / "s.db") as connection:
        connection.execute("UPDATE audit_entry SET subject = 'x' WHERE seq = 1")
    connection.close()
    code, out, _ = run("audit", "verify", is_apart=True)
    assert (code, "entry 1: is not what was written" in out) == (1, True)
