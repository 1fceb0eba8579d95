"""A copy is whole or none: under writers, killed, cut short, changed; and put back it is what was copied."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from serving.__main__ import app
from serving.access.audit_key import load_audit_key
from serving.backup import making
from serving.backup.checking import check_backup
from serving.backup.key_copy import open_key, seal_key
from serving.backup.making import archives, make_backup
from serving.backup.manifest import BackupError
from serving.backup.restoring import restore
from serving.settings import Settings
from serving.storage import AuditLog, KeyStore, connect, open_database
from tests.serving.backup.harm import in_database, rewrite
from tests.serving.backup.stock import UPLOADED, order_of, rows, settings_of, silent, stock, writing
from tests.serving.postgres import Server


def elsewhere(tmp_path: Path, place: Settings) -> Settings:
    """A new empty place that has the audit key."""
    made = settings_of(tmp_path / "new")
    (tmp_path / "new").mkdir()
    shutil.copyfile(place.audit_key_path, made.audit_key_path)
    return made


def test_what_is_put_back_is_what_was_copied(tmp_path: Path, place: Settings, folder: Path) -> None:
    path, checked = make_backup(order_of(place), folder, silent)
    assert (checked.faults, checked.unchecked) == ((), ())
    assert checked.manifest.contents.counts["audit_entry"] == 5
    assert oct(path.stat().st_mode & 0o777) == "0o600"
    assert [one.name for one in folder.iterdir() if not one.name.startswith(".")] == [path.name]
    new = elsewhere(tmp_path, place)
    made = restore(path, new, silent, replace=False)
    assert (made.aside, made.is_outdated) == ([], False)
    source, target = (Path(one.database_url.removeprefix("sqlite:///")) for one in (place, new))
    for table in ("job", "api_key", "assessment"):
        with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as now:
            wanted = old.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()
            assert now.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() == wanted
    for one in (place.jobs_folder / "jobs").iterdir():
        assert (new.jobs_folder / "jobs" / one.name / "uploads" / "household.csv").read_bytes() == UPLOADED
    # The log is whole and says that it was put back.
    engine = open_database(new.database_url)
    try:
        log = AuditLog(engine, load_audit_key(new.audit_key_path, is_begun=True))
        assert log.verify(checked.manifest.contents.audit_head).faults == ()
        assert [one.action for one in log.search(limit=1)] == ["restored"]
        assert len(KeyStore(engine).list()) == 1
    finally:
        engine.dispose()


def test_a_copy_under_writers_is_one_moment(tmp_path: Path, place: Settings, folder: Path) -> None:
    """What was acknowledged before the copy is in it, and the log in it is unbroken."""
    for _ in range(3):
        with writing(place) as done:
            while len(done) < 5:
                time.sleep(0.01)
            before = len(done)
            path, checked = make_backup(order_of(place), folder, silent)
            after = len(done)
        entries = checked.manifest.contents.counts["audit_entry"]
        head = str(checked.manifest.contents.audit_head)
        assert int(head.partition(":")[0]) == entries
        already = rows(Path(place.database_url.removeprefix("sqlite:///")), "audit_entry") - len(done)
        # A writer may have been between its commit and its note.
        assert already + before <= entries <= already + after + 3
        key = load_audit_key(place.audit_key_path, is_begun=True)
        assert check_backup(path, key, silent, scratch_database=None, programs=None).faults == ()


KILLED = """
import os, sys, signal
from pathlib import Path
from serving.backup import making
from tests.serving.backup.stock import order_of, settings_of
stop = int(sys.argv[3])
seen = 0
def tell(step, done, total):
    global seen
    seen += 1
    if seen == stop:
        os.kill(os.getpid(), signal.SIGKILL)
path, _ = making.make_backup(order_of(settings_of(Path(sys.argv[1]))), Path(sys.argv[2]), tell)
print(path.name, seen)
"""


def test_a_backup_that_is_killed_leaves_nothing_that_is_taken_for_one(
    place: Settings, folder: Path, tmp_path: Path
) -> None:
    root = Path(place.database_url.removeprefix("sqlite:///")).parent

    def run(stop: int) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", KILLED, str(root), str(folder), str(stop)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    whole = run(0)
    assert whole.returncode == 0, whole.stderr
    steps = int(whole.stdout.split()[1])
    assert steps >= 6
    # At the first and the last step and some between; each in a process of its own, which takes a while.
    for stop in sorted({1, 2, steps // 2, steps - 1, steps}):
        killed = run(stop)
        assert killed.returncode == -signal.SIGKILL
        assert len(archives(folder)) == 1
    for old in folder.glob(".fangfan-scratch-*"):
        os.utime(old, (0, 0))
    path, _ = make_backup(order_of(place), folder, silent)
    # The next one clears away what the killed ones left.
    assert {one.name for one in folder.iterdir()} == {
        ".fangfan-backup.lock", path.name, whole.stdout.split()[0]
    }  # fmt: skip


def test_a_place_that_is_not_empty_is_left_alone_unless_told(
    tmp_path: Path, place: Settings, folder: Path
) -> None:
    path, _ = make_backup(order_of(place), folder, silent)
    database = Path(place.database_url.removeprefix("sqlite:///"))
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("DELETE FROM api_key")
        connection.commit()
    with pytest.raises(BackupError, match="--replace"):
        restore(path, place, silent, replace=False)
    assert rows(database, "api_key") == 0
    made = restore(path, place, silent, replace=True)
    assert rows(database, "api_key") == 1
    assert [one.name.partition(".before-")[0] for one in made.aside] == ["scores.db.jobs", "scores.db"]
    assert rows(made.aside[1], "api_key") == 0
    # Files of jobs alone are something, too.
    database.unlink()
    with pytest.raises(BackupError, match="--replace"):
        restore(path, place, silent, replace=False)


@pytest.mark.parametrize("at", ["_put_jobs", "_put_sqlite", "_note"])
def test_a_restore_that_is_broken_off_leaves_a_database_and_can_be_run_again(
    tmp_path: Path, place: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    path, _ = make_backup(order_of(place), folder, silent)
    database = Path(place.database_url.removeprefix("sqlite:///"))
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("DELETE FROM api_key")
        connection.commit()

    def broken(*_: object) -> None:
        raise OSError(5, "the machine is gone")

    with monkeypatch.context() as patched:
        patched.setattr(f"serving.backup.restoring.{at}", broken)
        with pytest.raises(OSError, match="gone"):
            restore(path, place, silent, replace=True)
    # The old one until the very step that puts the new one there.
    assert rows(database, "api_key") == (1 if at == "_note" else 0)
    restore(path, place, silent, replace=True)
    assert rows(database, "api_key") == 1
    assert len(list((place.jobs_folder / "jobs").iterdir())) == 2


def test_a_database_in_use_is_not_replaced(place: Settings, folder: Path) -> None:
    path, _ = make_backup(order_of(place), folder, silent)
    engine = connect(place.database_url)
    with engine.connect() as held:
        held.exec_driver_sql("SELECT count(*) FROM job")
        held.rollback()
        # Nothing is read or written now: a service that is idle.
        with pytest.raises(BackupError, match="stop the service"):
            restore(path, place, silent, replace=True)
    engine.dispose()
    restore(path, place, silent, replace=True)


def test_the_audit_key_is_left_out_unless_it_can_be_sealed(
    tmp_path: Path, place: Settings, folder: Path
) -> None:
    key = load_audit_key(place.audit_key_path, is_begun=True)
    plain, _ = make_backup(order_of(place), folder, silent)
    sealed, _ = make_backup(order_of(place, passphrase="sixteen characters"), folder, silent)
    for path in (plain, sealed):
        assert key not in path.read_bytes()
        assert key.hex().encode() not in path.read_bytes()
    new = settings_of(tmp_path / "bare")
    (tmp_path / "bare").mkdir()
    with pytest.raises(BackupError, match="missing"):
        restore(plain, new, silent, replace=False)
    assert list((tmp_path / "bare").iterdir()) == []
    with pytest.raises(BackupError, match="does not open"):
        restore(sealed, new, silent, replace=False, passphrase="another passphrase")
    restore(sealed, new, silent, replace=False, passphrase="sixteen characters")
    assert load_audit_key(new.audit_key_path, is_begun=True) == key
    assert oct(new.audit_key_path.stat().st_mode & 0o777) == "0o600"
    # The log of another place has another key.
    foreign = settings_of(tmp_path / "foreign")
    (tmp_path / "foreign").mkdir()
    foreign.audit_key_path.write_text("ab" * 32, encoding="ascii")
    with pytest.raises(BackupError, match="not the one"):
        restore(plain, foreign, silent, replace=False)


@given(st.binary(min_size=32, max_size=32), st.integers(0, 2), st.integers(0, 15))
@hypothesis_settings(max_examples=2, deadline=None)
def test_a_sealed_key_opens_with_its_passphrase_alone(key: bytes, part: int, at: int) -> None:
    text = seal_key(key, "a passphrase of some length")
    assert open_key(text, "a passphrase of some length") == key
    said = json.loads(text)
    name = ("salt", "nonce", "sealed")[part]
    content = bytearray(bytes.fromhex(said[name]))
    content[at % len(content)] ^= 1
    for given_text, passphrase in ((json.dumps({**said, name: content.hex()}), "a passphrase of some length"),
                                   ("{}", "a passphrase of some length")):  # fmt: skip
        with pytest.raises(BackupError):
            open_key(given_text, passphrase)


def test_old_archives_are_deleted_beyond_what_is_kept(place: Settings, folder: Path) -> None:
    (folder / "fangfan-notes.txt").write_text("mine", encoding="utf-8")
    for day in range(1, 4):
        (folder / f"fangfan-2026010{day}T000000Z-0000000{day}.tar").write_bytes(b"old")
    path, _ = make_backup(order_of(place), folder, silent, keep=2)
    assert [one.name for one in archives(folder)] == ["fangfan-20260103T000000Z-00000003.tar", path.name]
    assert (folder / "fangfan-notes.txt").exists()


def test_the_new_archive_is_kept_when_the_clock_was_set_back(place: Settings, folder: Path) -> None:
    ahead = folder / "fangfan-29990101T000000Z-00000001.tar"
    ahead.write_bytes(b"made while the clock was ahead")
    path, _ = make_backup(order_of(place), folder, silent, keep=1)
    assert archives(folder) == [path]


def test_a_disk_that_is_full_leaves_no_archive(
    place: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("serving.backup.archive.os.fsync", full)
        with pytest.raises(OSError, match="No space"):
            make_backup(order_of(place), folder, silent)
    assert [one.name for one in folder.iterdir()] == [".fangfan-backup.lock"]
    with monkeypatch.context() as patched:
        patched.setattr(making.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, 1))  # type: ignore[attr-defined]
        with pytest.raises(BackupError, match="make room"):
            make_backup(order_of(place), folder, silent)


def test_two_backups_into_one_folder_do_not_meet(place: Settings, folder: Path) -> None:
    def meanwhile(step: str, done: int, total: int) -> None:
        with pytest.raises(BackupError, match="another backup"):
            make_backup(order_of(place), folder, silent)

    make_backup(order_of(place), folder, meanwhile)


def test_the_commands_say_what_they_did(tmp_path: Path, place: Settings, folder: Path) -> None:
    run = CliRunner()
    base = ["--database", place.database_url, "--audit-key-file", str(place.audit_key_path)]
    made = run.invoke(
        app,
        ["backup", "--to", str(folder), "--json", *base],
        env={"FANGFAN_JOBS_DIR": str(place.jobs_folder)},
    )
    assert made.exit_code == 0, made.output
    said = json.loads(made.stdout)
    assert (said["faults"], said["rows"]["job"]) == ([], 2)
    checked = run.invoke(app, ["verify-backup", "--from", said["archive"], "--json", *base])
    assert (checked.exit_code, json.loads(checked.stdout)["faults"]) == (0, [])
    harmed = rewrite(Path(said["archive"]), in_database("DELETE FROM job"))
    checked = run.invoke(app, ["verify-backup", "--from", str(harmed), *base])
    assert checked.exit_code == 1
    assert "job has 0 rows, not 2" in checked.stdout
    target = tmp_path / "target"
    target.mkdir()
    back = run.invoke(
        app,
        [
            "restore",
            "--from",
            said["archive"],
            "--database",
            f"sqlite:///{target}/s.db",
            "--audit-key-file",
            str(place.audit_key_path),
        ],
        env={"FANGFAN_JOBS_DIR": str(target / "jobs")},
    )
    assert back.exit_code == 0, back.output
    assert "keys revoked" in back.stdout
    assert rows(target / "s.db", "job") == 2


def test_postgresql_is_copied_by_its_own_programs(postgres: Server, tmp_path: Path, folder: Path) -> None:
    programs = postgres.programs
    first = settings_of(tmp_path / "pg", postgres.new_database())
    (tmp_path / "pg").mkdir()
    stock(first)
    with writing(first) as done:
        while len(done) < 5:
            time.sleep(0.01)
        path, checked = make_backup(order_of(first, programs=programs), folder, silent)
    assert checked.faults == ()
    assert "--scratch-database" in checked.unchecked[0]
    key = load_audit_key(first.audit_key_path, is_begun=True)
    scratch = postgres.new_database(is_migrated=False)
    whole = check_backup(path, key, silent, scratch_database=scratch, programs=programs)
    assert (whole.faults, whole.unchecked) == ((), ())
    with pytest.raises(BackupError, match="not empty"):
        check_backup(path, key, silent, scratch_database=scratch, programs=programs)
    # Put back where there is something: refused, then told.
    with pytest.raises(BackupError, match="--replace"):
        restore(path, first, silent, replace=False)
    restore(path, first, silent, replace=True, programs=programs)
    engine = open_database(first.database_url)
    try:
        log = AuditLog(engine, key)
        found = log.verify(whole.manifest.contents.audit_head)
        assert (found.faults, found.entries) == ((), whole.manifest.contents.counts["audit_entry"] + 1)
        with pytest.raises(BackupError, match="is not here"):
            make_backup(order_of(first, programs=tmp_path), folder, silent)
    finally:
        engine.dispose()
