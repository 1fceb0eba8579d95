"""The commands: a webhook from its making to its end, its secret shown once."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from serving.__main__ import app
from serving.access import Role
from serving.errors import AccessError
from serving.storage import AuditLog, KeyStore, open_database
from serving.webhooks.address import AddressRefused
from tests.serving.readers import AUDIT_KEY
from tests.serving.webhooks import receivers
from tests.serving.webhooks.receivers import receiving
from tests.serving.webhooks.test_delivery import verify


class Shell:
    """Runs commands against one database."""

    def __init__(self, folder: Path) -> None:
        self.url = f"sqlite:///{folder}/s.db"
        self.engine = open_database(self.url)
        key_file = folder / "audit-key"
        key_file.write_text(AUDIT_KEY.hex())
        self.environment = {
            "FANGFAN_DATABASE_URL": self.url,
            "FANGFAN_AUDIT_KEY_FILE": str(key_file),
            "FANGFAN_WEBHOOK_NETWORKS": "127.0.0.0/8",
        }
        key, _ = KeyStore(self.engine).add(Role.PLATFORM, "50", "test", dt.timedelta(days=1))
        self.key_id = key.key_id

    def run(self, *arguments: str, code: int = 0) -> str:
        made = CliRunner().invoke(app, ["webhooks", *arguments], env=self.environment)
        if made.exception is not None and not isinstance(made.exception, SystemExit):
            raise made.exception
        assert made.exit_code == code, made.output
        return made.stdout

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self.run(*arguments, "--json", code=code))


@pytest.fixture
def shell(tmp_path: Path) -> Any:
    made = Shell(tmp_path)
    yield made
    made.engine.dispose()


def test_a_webhook_is_added_tried_listed_and_removed(shell: Shell) -> None:
    with receiving(receivers.status(200)) as receiver:
        made = shell.json("add", "--key", shell.key_id, "--area", "500999", "--url", receiver.url)
        secret, name = made["secret"], made["id"]
        assert (made["area"], made["state"]) == ("500999", "active")
        assert shell.json("test", name)["is_taken"]
        ((headers, body),) = receiver.requests
        assert verify(secret, headers, body)
        assert json.loads(body)["type"] == "webhook.test"
    assert shell.json("test", name, code=1)["outcome"] == "refused"
    for told in (shell.run("list"), shell.run("list", "--json"), shell.run("deliveries")):
        assert secret not in told
        assert secret.removeprefix("whsec_") not in told
    assert shell.json("remove", name)["state"] == "ended"
    assert [one["state"] for one in shell.json("list")["webhooks"]] == ["ended: removed"]
    with pytest.raises(AccessError, match="no webhook"):
        shell.run("remove", name)
    log = AuditLog(shell.engine, AUDIT_KEY)
    assert [one.action for one in log.search()] == ["webhook_ended", "webhook_added"]
    assert log.verify().faults == ()
    with shell.engine.connect() as connection:
        stored = str(connection.exec_driver_sql("SELECT * FROM webhook").fetchall())
    assert secret.removeprefix("whsec_") not in stored


def test_what_cannot_be_is_refused_before_anything_is_stored(shell: Shell) -> None:
    add = ("add", "--key", shell.key_id, "--area")
    with pytest.raises(AddressRefused):
        shell.run(*add, "50", "--url", "https://10.0.0.1/")
    with pytest.raises(AddressRefused, match="https"):
        shell.run(*add, "50", "--url", "ftp://8.8.8.8/")
    with pytest.raises(AccessError, match="does not see"):
        shell.run(*add, "51", "--url", "http://127.0.0.1:9/")
    with pytest.raises(AccessError, match="--state"):
        shell.run("deliveries", "--state", "lost")
    with pytest.raises(AccessError, match="--webhook"):
        shell.run("deliveries", "--retry-dead")
    assert shell.json("list") == {"webhooks": []}
    assert shell.json("deliveries") == {"deliveries": [], "counts": {}}


def test_an_id_is_whole_in_a_narrow_list(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with receiving(receivers.status(200)) as receiver:
        made = shell.json("add", "--key", shell.key_id, "--area", "500999", "--url", receiver.url)
        listed = shell.run("list")
    assert all(one in listed for one in (made["id"], shell.key_id, receiver.url))
