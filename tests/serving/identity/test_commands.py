"""The commands as an operator runs them, one after the other; no value is ever printed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from serving.__main__ import app
from serving.errors import IdentityError, RetentionError, ServingError
from serving.identity import keyring
from serving.settings import Settings
from serving.storage import AssessmentStore, open_database
from tests.serving.identity.conftest import HERE, NUMBER, PHONE
from tests.serving.test_storage import _body

COMMANDS = ("new-key", "retire-key", "rotate", "check", "import", "erase", "verify-erasure", "purge")


class Operator:
    """Somebody at a terminal."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"sqlite:///{folder}/s.db"
        self.told = ""

    def run(self, *arguments: str, code: int = 0) -> str:
        made = self._run(*arguments)
        assert (made.exit_code, made.exception is None or made.exit_code == 1) == (code, True), made.output
        return made.output

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self.run(*arguments, "--json", code=code))

    def refused(self, kind: type[ServingError], *arguments: str) -> str:
        made = self._run(*arguments)
        assert isinstance(made.exception, kind), made.output
        self.told += str(made.exception)
        return str(made.exception)

    def _run(self, *arguments: str) -> Result:
        made = CliRunner().invoke(app, [*arguments], env={"FANGFAN_DATABASE_URL": self.url, "COLUMNS": "200"})
        self.told += made.output
        return made


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    made = Operator(tmp_path)
    made.run("migrate")
    return made


def test_a_ring_a_table_a_rotation_and_an_erasure(operator: Operator) -> None:
    table = operator.folder / "people.csv"
    table.write_text(
        f"household_id,village_code,name,id_number,phone\nH1,{HERE},张三丰,{NUMBER},{PHONE}\nH2,{HERE},李四光,,\n"
        f"H3,{HERE},王五常,{NUMBER[:-1]}1,\n",
        encoding="utf-8",
    )
    assert "new-key" in operator.refused(IdentityError, "identity", "import", str(table))
    assert operator.json("identity", "new-key") == {
        "version": 1, "suite": "aes-256-gcm", "file": str(Settings(Path(), operator.url).identity_keys_path),
    }  # fmt: skip
    made = operator.json("identity", "import", str(table), code=1)
    assert {name: made[name] for name in made if name != "errors"} == {
        "rows_in": 3, "rows_accepted": 2, "rows_refused": 1, "households_changed": 2,
    }  # fmt: skip
    assert [(one["row"], one["code"]) for one in made["errors"]] == [(2, "id_number_checksum")]
    assert "row 2, id_number: id_number_checksum" in operator.run("identity", "import", str(table), code=1)
    assert operator.json("identity", "check") == {"rows": 4, "unreadable": 0}
    assert "version 2 (sm4-gcm) is current" in operator.run("identity", "new-key", "--suite", "sm4-gcm")
    assert "rotate` first" in operator.refused(IdentityError, "identity", "retire-key", "1")
    assert operator.json("identity", "rotate") == {"households": 2, "keys_destroyed": 2}
    assert "2 households" not in operator.run("identity", "rotate")
    operator.run("identity", "retire-key", "1")
    assert "current" in operator.refused(IdentityError, "identity", "retire-key", "2")
    engine = open_database(operator.url)
    store = AssessmentStore(engine)
    store.save_release("m", "0" * 64, 12)
    store.save([_body("H1")], [HERE])
    engine.dispose()
    proof = operator.folder / "proof.json"
    erase = ("identity", "erase", "--household", "H1", "--reason", "consent_withdrawn", "--proof", str(proof))
    assert "3 values and 1 keys erased, 1 assessments pseudonymised" in operator.run(*erase)
    assert "nothing is stored" in operator.refused(IdentityError, *erase[:-1], str(operator.folder / "other"))
    checks = operator.json("identity", "verify-erasure", str(proof))["checks"]
    assert {one["name"]: one["holds"] for one in checks} == dict.fromkeys(
        ("seal", "log", "keys", "identity", "assessments", "casework", "outbox", "answers", "bytes"), True
    )
    proof.write_text(proof.read_text().replace('"mistake"', "").replace("consent_withdrawn", "mistake"))
    assert "seal: DOES NOT HOLD" in operator.run("identity", "verify-erasure", str(proof), code=1)
    proof.write_text("[]")
    assert "not one that" in operator.refused(IdentityError, "identity", "verify-erasure", str(proof))
    operator.run("identity", "purge")
    operator.run("audit", "verify")
    kept = operator.json("retention", "--dry-run")
    assert [(one["subject"], one["deleted"]) for one in kept["kept"]] == [
        ("audit_log", 0), ("assessments", 0), ("job_files", 0), ("idempotency_keys", 0),
        ("cases", 0), ("visits", 0), ("worklists", 0),
    ]  # fmt: skip
    assert "184 days" in operator.refused(RetentionError, "retention", "--log-days", "183")
    assert "Would be deleted" in operator.run("retention", "--dry-run", "--log-days", "184")
    operator.run("retention")
    assert not any(
        one in operator.told for one in ("张三丰", "李四光", "王五常", NUMBER, PHONE, NUMBER[:-1] + "1")
    )


@pytest.mark.parametrize("first", [("new-key",), ("retire-key", "1")])
def test_no_change_of_the_ring_is_lost_to_another(
    operator: Operator, monkeypatch: pytest.MonkeyPatch, first: tuple[str, ...]
) -> None:
    operator.run("identity", "new-key")
    operator.run("identity", "new-key")
    path = Settings(Path(), operator.url).identity_keys_path
    save = keyring.save_ring
    refused: list[str] = []

    def save_late(ring: keyring.KeyRing, where: Path) -> None:
        """Somebody else changes the ring when it was read and is not yet written."""
        monkeypatch.setattr(keyring, "save_ring", save)
        for command in (("new-key",), ("retire-key", "1")):
            refused.append(operator.refused(IdentityError, "identity", *command))
        save(ring, where)

    monkeypatch.setattr(keyring, "save_ring", save_late)
    operator.run("identity", *first)
    assert len(refused) == 2
    assert all("try again" in one for one in refused)
    assert set(keyring.load_ring(path).versions) == ({1, 2, 3} if first == ("new-key",) else {2})
    # Whoever was refused comes again, and builds on what is there.
    operator.run("identity", "new-key")
    assert keyring.load_ring(path).current.number == (4 if first == ("new-key",) else 3)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_says_what_a_command_does(operator: Operator, command: str) -> None:
    told = operator.run("identity", command, "--help")
    assert len(told.splitlines()) > 8
    assert "FANGFAN_DATABASE_URL" in told


def test_lost_keys_are_told(operator: Operator) -> None:
    table = operator.folder / "people.csv"
    table.write_text(f"household_id,village_code,name\nH1,{HERE},张三丰\n", encoding="utf-8")
    operator.run("identity", "new-key")
    operator.run("identity", "import", str(table))
    for one in operator.folder.glob("*.identity-keys.db*"):
        one.unlink()
    assert operator.json("identity", "check", code=1) == {"rows": 1, "unreadable": 1}
    Settings(Path(), operator.url).identity_keys_path.unlink()
    assert "put its copy back" in operator.refused(IdentityError, "identity", "check")


def test_every_setting_and_command_is_documented() -> None:
    docs = Path(__file__).resolve().parents[3] / "docs"
    page = (docs / "reference" / "identities.md").read_text("utf-8")
    how = (docs / "how-to" / "protect-identities.md").read_text("utf-8")
    for name in Settings.__dataclass_fields__:
        if name.startswith("identity") or name.endswith("per_hour"):
            assert f"`FANGFAN_{name.upper()}`" in page
    assert [one for one in COMMANDS if f"identity {one}" not in how and f"`{one}`" not in how] == []
