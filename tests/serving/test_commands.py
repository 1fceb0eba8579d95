"""What holds for every command: a slip in an address makes nothing, and no unsigned model scores."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from typer.main import get_command
from typer.testing import CliRunner

from features import CONTRACTS, Coverage, Signals, take_in
from scoring.bundle import SIBLINGS, SIGNATURE
from scoring.signature import sign_bundle
from serving.__main__ import app, main
from serving.models.admission import MOST_BYTES
from tests.scoring.registries import make_registry
from tests.serving.conftest import a_household, a_request

BEGINS_ONE = {
    "migrate", "run", "work", "score", "keys add", "accounts add", "restore",
}  # fmt: skip
"""Commands that may make the database: those that something begins with."""
OPENS_NONE = {"identity new-key", "verify-backup"}
"""Those that take its address to find what lies beside it, or as a place to try a copy in."""
WORDS: dict[str, tuple[str, ...]] = {
    "retention": ("--dry-run",),
    "audit-misses": ("--area", "500999"),
    "clusters": ("--area", "500999"),
    "backup": ("--to", "{folder}"),
    "keys revoke": ("abc",),
    **{f"accounts {one}": ("n1",) for one in ("lock", "unlock", "reset", "remove")},
    "accounts change": ("n1", "--role", "auditor"),
    "identity retire-key": ("1",),
    "identity import": ("{folder}/table.csv",),
    "identity erase": ("--household", "H1", "--reason", "request", "--proof", "{folder}/proof.json"),
    "identity verify-erasure": ("{folder}/proof.json",),
    "webhooks add": ("--key", "abc", "--area", "500999", "--url", "https://a.example/x"),
    "webhooks remove": ("w1",),
    "webhooks test": ("w1",),
    **{f"models {one}": ("--why", "a try") for one in ("rollback", "off", "on")},
    "models admit": ("{folder}", "--models", "{folder}"),
    "models use": ("v1", "--why", "a try", "--models", "{folder}"),
    "models fetch": ("--registry", "sqlite:///{folder}/mlflow.db", "--models", "{folder}"),
    "leads from-run": ("--area", "500999"),
    "worklists make": ("--area", "500999"),
    "worklists grids": ("{folder}/table.csv",),
    "outcomes export": ("--out", "{folder}/out", "--until", "2026-10-31"),
}


def _commands(one: Any = None, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Every command that takes the address of a database, by its words."""
    one = one or get_command(app)
    if hasattr(one, "commands"):
        for name, below in one.commands.items():
            yield from _commands(below, (*path, name))
    elif any(each.name == "database" for each in one.params):
        yield " ".join(path)


@pytest.mark.parametrize("command", sorted(set(_commands()) - BEGINS_ONE - OPENS_NONE))
def test_a_slip_in_the_address_of_the_database_makes_none(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    for name in ("table.csv", "proof.json"):
        (folder / name).write_text("household_id,village_code,grid\n")
    data = tmp_path / "data"
    data.mkdir()
    words = [one.format(folder=folder) for one in WORDS.get(command, ())]
    monkeypatch.setattr(
        sys, "argv", ["serving", *command.split(), *words, "--database", f"sqlite:///{data / 'slip.db'}"]
    )
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    # The key ring is locked before the database is looked at.
    assert [one for one in data.iterdir() if one.suffix != ".lock"] == []


def test_the_sentence_says_which_database_and_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    slip = tmp_path / "slip.db"
    monkeypatch.setattr(sys, "argv", ["serving", "audit", "verify", "--database", f"sqlite:///{slip}"])
    with pytest.raises(SystemExit):
        main()
    said = capsys.readouterr().err.replace("\n", "")
    assert f"there is no database {slip}" in said
    assert "migrate" in said


def test_looking_whether_steps_are_due_leaves_nothing(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path / 'new.db'}"
    done = CliRunner().invoke(app, ["migrate", "--check", "--json", "--database", address])
    assert done.exit_code == 1
    assert json.loads(done.stdout)["form"] == "empty"
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def signals_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of signals of three households."""
    made = a_request(*(a_household(f"H{n:02}", self_paid=1_700.0 * n) for n in range(3)))
    tables = {
        feed: take_in(
            feed,
            [
                {**row, "household_id": one["household_id"]}
                for one in made["households"]
                for row in one["signals"].get(feed, ())
            ],
        ).accepted
        for feed in CONTRACTS
    }
    folder = tmp_path_factory.mktemp("signals")
    Signals(tables, Coverage.from_rows(made["coverage"], CONTRACTS)).save(folder)
    return folder


@pytest.fixture(scope="module")
def keys_file(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ed25519PrivateKey]:
    key = Ed25519PrivateKey.generate()
    path = tmp_path_factory.mktemp("keys") / "signing-keys.pem"
    path.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return path, key


@pytest.mark.parametrize(
    "command", ["score", "score-province", "score-province own", "pull", "pulled province"]
)
def test_where_keys_sign_no_unsigned_model_scores(
    command: str, signals_dir: Path, bundle_dir: Path, keys_file: tuple[Path, Ed25519PrivateKey],
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    path, key = keys_file
    monkeypatch.setenv("FANGFAN_SIGNING_KEYS", str(path))
    monkeypatch.delenv("FANGFAN_MODELS_DIR", raising=False)
    bundle, out, database = tmp_path / "bundle", tmp_path / "out", tmp_path / "s.db"
    shutil.copytree(bundle_dir, bundle)

    def run() -> int:
        scored = ["--signals", str(signals_dir), "--as-of", "2026-10-31", "--no-health"]
        words = ["score-province", *scored, "--out", str(out)]
        if command == "score":
            words = ["score", *scored, "--bundle", str(bundle), "--database", f"sqlite:///{database}"]
        elif command == "score-province":
            words += ["--model", str(bundle)]
        elif command == "score-province own":
            monkeypatch.setenv("FANGFAN_BUNDLE_DIR", str(bundle))
        else:
            # The registry has the bundle as it is now.
            signed = (bundle / SIGNATURE).exists()
            registry = make_registry(tmp_path / f"registry-{signed}", bundle)
            words = ["pull", "--out", str(out)] if command == "pull" else words
            words += ["--registry", registry]
        monkeypatch.setattr(sys, "argv", ["serving", *words])
        with pytest.raises(SystemExit) as left:
            main()
        return int(left.value.code or 0)

    assert run() == 2
    assert SIGNATURE in capsys.readouterr().err.replace("\n", "")
    assert not [one for one in out.rglob("*") if one.is_file()]
    if command == "score":
        with closing(sqlite3.connect(database)) as kept:
            assert kept.execute("SELECT count(*) FROM assessment").fetchone() == (0,)
    sign_bundle(bundle, key)
    assert run() == 0, capsys.readouterr().err


@pytest.mark.parametrize("command", ["pull", "score-province"])
@pytest.mark.parametrize("harm", ["large", "many bytes", "foreign"])
def test_what_a_registry_holds_is_copied_within_bounds(
    command: str, harm: str, bundle_dir: Path, signals_dir: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    registry, out = make_registry(tmp_path / "registry", bundle_dir), tmp_path / "out"
    (stored,) = {path.parent for path in (tmp_path / "registry").rglob("manifest.json")}
    grown = {
        "large": {"model.txt": MOST_BYTES + 1},
        "many bytes": dict.fromkeys(("model.txt", *SIBLINGS[:5]), MOST_BYTES),
        "foreign": {"payload.bin": 1},
    }[harm]
    for name, size in grown.items():
        with (stored / name).open("wb") as file:
            file.truncate(size)
    scored = ["--signals", str(signals_dir), "--as-of", "2026-10-31", "--no-health"]
    words = [command, *(scored if command == "score-province" else []), "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["serving", *words, "--registry", registry])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    said = capsys.readouterr().err
    assert ("foreign_files" if harm == "foreign" else "too_large") in said
    assert "payload" not in said
    # Nothing of it was copied.
    assert sum(one.stat().st_size for one in out.rglob("*") if one.is_file()) == 0
    assert not list(tmp_path.rglob("*-fetched"))


def test_mlflow_reports_to_nobody(tmp_path: Path) -> None:
    """In a process that nobody prepared: MLflow itself says whether it reports."""
    asks = (
        "from scoring.registry import connect; connect(f'sqlite:///{sys.argv[1]}');"
        "from mlflow.telemetry.utils import is_telemetry_disabled; from mlflow.telemetry import client;"
        "print(is_telemetry_disabled(), client.get_telemetry_client())"
    )
    hidden = {"MLFLOW_DISABLE_TELEMETRY", "DO_NOT_TRACK", "CI", "GITHUB_ACTIONS", "PYTEST_CURRENT_TEST"}
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; {asks}", str(tmp_path / "m.db")], capture_output=True, text=True,
        env={name: value for name, value in os.environ.items() if name not in hidden}, check=True,
    )  # fmt: skip
    assert done.stdout.split() == ["True", "None"]
