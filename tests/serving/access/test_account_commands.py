"""The commands of whoever gives people access: a password shown once, and everything in the log."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from serving.__main__ import app
from serving.access import Role
from serving.access.audit_key import load_audit_key
from serving.access.origin import Origin
from serving.access.sign_in import SignInDesk, SignInRefused
from serving.access.signed_in import SignedIn, SignInRules
from serving.errors import AccessError, ServingError, SettingsError
from serving.settings import Settings
from serving.storage import AccountStore, AuditLog, SessionStore, open_database

Run = Callable[..., str]
VILLAGE = "500999100201"


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/s.db"


@pytest.fixture
def run(url: str) -> Run:
    def run(*arguments: str) -> str:
        done = CliRunner().invoke(app, arguments, env={"FANGFAN_DATABASE_URL": url})
        if isinstance(done.exception, ServingError):
            raise done.exception
        assert (done.exit_code, done.exception) == (0, None), done.output
        return done.stdout

    return run


def sign_in(url: str, tmp_path: Path, name: str, password: str) -> bool:
    engine = open_database(url)
    audit = AuditLog(engine, load_audit_key(tmp_path / "s.db.jobs.audit-key"))
    sessions = SessionStore(engine, dt.timedelta(minutes=30), dt.timedelta(hours=12))
    desk = SignInDesk(
        AccountStore(engine), SignedIn(sessions, Origin(), SignInRules()), audit, failure_seconds=0
    )
    try:
        asyncio.run(desk.sign_in("127.0.0.1", name, password, ""))
    except SignInRefused:
        return False
    finally:
        desk.close()
        engine.dispose()
    return True


def add(run: Run, *more: str, name: str = "w100") -> dict[str, Any]:
    given = ("--login", name, "--role", "village_official", "--area", VILLAGE, "--json", *more)
    made: dict[str, Any] = json.loads(run("accounts", "add", *given))
    return made


def test_an_account_from_its_start_to_its_end(run: Run, url: str, tmp_path: Path) -> None:
    made = add(run)
    assert (made["login_name"], made["role"], made["area"], made["state"]) == (
        "w100", "village_official", VILLAGE, "active",
    )  # fmt: skip
    start = made["start_password"]
    assert sign_in(url, tmp_path, "w100", start)
    assert json.loads(run("accounts", "lock", "W100", "--json"))["state"] == "locked"
    assert not sign_in(url, tmp_path, "w100", start)
    assert run("accounts", "unlock", "w100") == "account w100 is unlocked\n"
    assert sign_in(url, tmp_path, "w100", start)
    assert [sign_in(url, tmp_path, "w100", "wrong") for _ in range(5)] == [False] * 5
    assert [one["state"] for one in json.loads(run("accounts", "list", "--json"))["accounts"]] == [
        "locked_out"
    ]
    assert json.loads(run("accounts", "unlock", "w100", "--json"))["state"] == "active"
    again = run("accounts", "reset", "w100").strip()
    assert again != start
    assert not sign_in(url, tmp_path, "w100", start)
    assert sign_in(url, tmp_path, "w100", again)
    assert "w100" in run("accounts", "list")
    run("accounts", "remove", "w100")
    assert json.loads(run("accounts", "list", "--json")) == {"accounts": []}
    assert not sign_in(url, tmp_path, "w100", again)
    told = json.loads(run("audit", "search", "--json"))["entries"][::-1]
    commands = [(one["action"], one["subject"]) for one in told if one["key_id"] == "operator"]
    assert commands == [
        (action, made["id"])
        for action in (
            "account_added", "account_locked", "account_unlocked", "account_unlocked", "account_reset",
            "account_removed",
        )
    ]  # fmt: skip
    failed = json.loads(run("audit", "search", "--login", "w100", "--json"))["entries"]
    assert {one["action"] for one in failed} == {"sign_in_failed", "locked_out"}
    assert json.loads(run("audit", "search", "--login", "w200", "--json"))["entries"] == []
    with open_database(url).connect() as connection:
        kept = str(connection.execute(text("SELECT * FROM audit_entry")).all())
    assert not [one for one in ("w100", start, again) if one in kept]


def test_a_start_password_is_shown_this_once(run: Run) -> None:
    shown = run("accounts", "add", "--login", "w100", "--role", "auditor").strip()
    assert len(shown) == 19
    assert shown not in run("accounts", "list") + run("accounts", "list", "--json")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", "--login", "w100", "--role", "auditor"), "is there"),
        (("add", "--login", "w200", "--role", "platform", "--area", "50"), "make a key"),
        (("add", "--login", "w200", "--role", "helper", "--area", "50"), "12 characters"),
        (("lock", "nobody"), "no account"), (("unlock", "nobody"), "no account"), (("reset", "nobody"), "no account"),
        (("remove", "nobody"), "no account"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_and_changes_nothing(
    run: Run, arguments: tuple[str, ...], said: str
) -> None:
    add(run)
    before = run("accounts", "list", "--json")
    with pytest.raises(AccessError, match=said):
        run("accounts", *arguments)
    assert run("accounts", "list", "--json") == before
    assert len(json.loads(run("audit", "search", "--json"))["entries"]) == 1


def test_what_a_tokens_subject_did_is_found(run: Run, url: str, tmp_path: Path) -> None:
    add(run)
    engine = open_database(url)
    log = AuditLog(engine, load_audit_key(tmp_path / "s.db.jobs.audit-key"))
    holder = log.token_holder("machine-1")
    engine.dispose()
    assert len(holder) == 12
    assert holder.startswith("t")
    assert json.loads(run("audit", "search", "--token-subject", "machine-1", "--json")) == {"entries": []}
    with pytest.raises(AccessError, match="give one of them"):
        run("audit", "search", "--token-subject", "machine-1", "--key", holder)


def test_settings_of_people() -> None:
    environment = {
        "FANGFAN_BUNDLE_DIR": "b", "FANGFAN_DATABASE_URL": "sqlite:///x.db", "FANGFAN_IDLE_MINUTES": "10",
        "FANGFAN_PUBLIC_ORIGIN": "https://fangfan.test", "FANGFAN_PASSWORD_DAYS": "0",
        "FANGFAN_SECOND_FACTOR_ROLES": "accounts, county_official", "FANGFAN_TOKENS_FILE": "tokens.yaml",
    }  # fmt: skip
    made = Settings.from_environment(environment)
    assert (made.idle_minutes, made.password_days, made.tokens_file) == (10, 0, Path("tokens.yaml"))
    assert made.second_factor_roles == (Role.ACCOUNTS, Role.COUNTY_OFFICIAL)
    # What the service hands to its workers.
    assert Settings.from_environment(made.environment()) == made
    bare = Settings.from_environment(dict(list(environment.items())[:2]))
    assert Settings.from_environment(bare.environment()) == bare
    assert (bare.idle_minutes, bare.session_hours, bare.password_days, bare.second_factor_roles) == (
        30,
        12,
        90,
        (),
    )
    for name, value, said in (
        ("FANGFAN_SECOND_FACTOR_ROLES", "king", "give roles"), ("FANGFAN_IDLE_MINUTES", "0", "from 1 on"),
        ("FANGFAN_PUBLIC_ORIGIN", "http://fangfan.test", "https://"),
    ):  # fmt: skip
        with pytest.raises(SettingsError, match=said):
            Settings.from_environment({**environment, name: value})
