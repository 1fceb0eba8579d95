"""The commands: what they print, for people and programs, and how they end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from serving.__main__ import main
from serving.models.desk import ModelDesk
from tests.serving.models.desks import FIRST, SECOND


@pytest.fixture
def environment(desk: ModelDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FANGFAN_DATABASE_URL", f"sqlite:///{tmp_path}/s.db")
    monkeypatch.setenv("FANGFAN_MODELS_DIR", str(tmp_path / "store"))
    monkeypatch.setenv("FANGFAN_JOBS_DIR", str(tmp_path / "jobs"))


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["serving", "models", *words])
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


@pytest.mark.usefixtures("environment")
def test_a_models_life_by_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def told(*words: str) -> Any:
        assert run(monkeypatch, *words, "--json") == 0
        return json.loads(capsys.readouterr().out)

    assert told("use", FIRST, "--why", "first", "--by", "model desk")["by"] == "model desk"
    assert told("use", SECOND, "--why", "better")["from_version"] == FIRST
    back = told("rollback", "--why", "too many alarms")
    assert (back["action"], back["to_version"], back["number"]) == ("rollback", FIRST, 3)
    assert told("off", "--why", "odd")["is_on"] is False
    assert told("on", "--why", "mended")["is_on"] is True
    listed = told("list")
    assert [(one["version"], one["role"]) for one in listed["versions"]] == [
        (FIRST, "in service"), (SECOND, None),
    ]  # fmt: skip
    assert [one["action"] for one in listed["releases"]] == ["on", "off", "rollback", "use", "use"]
    assert told("verify") == {"versions": 2, "faults": []}
    for words, said in (
        (("use", SECOND, "--why", "again"), "in service"), (("off", "--why", "x"), "off"), (("list",), FIRST),
        (("verify",), "no faults"),
    ):  # fmt: skip
        assert run(monkeypatch, *words) == 0
        assert said in capsys.readouterr().out


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("use", "nobody", "--why", "x"), "was not admitted"),
        (("use", FIRST, "--why", ""), "--why"),
        (("rollback", "--why", "x"), "before this one"),
        (("on", "--why", "x"), "on already"),
        (("admit", "nowhere"), "no such folder"),
        (("admit", "nowhere", "--use"), "needs --why"),
        (("use", "../../etc", "--why", "x"), "was not admitted"),
    ],
)
def test_what_is_refused_is_one_sentence_and_exit_code_2(
    words: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, *words) == 2
    assert said in capsys.readouterr().err


@pytest.mark.usefixtures("environment")
def test_verify_ends_with_1_where_something_is_wrong(
    desk: ModelDesk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    line = desk.store.path(SECOND) / "line.json"
    line.chmod(0o644)
    line.write_text("{}", encoding="utf-8")
    assert run(monkeypatch, "verify", "--json") == 1
    (fault,) = json.loads(capsys.readouterr().out)["faults"]
    assert fault.startswith(SECOND)


@pytest.mark.parametrize("command", ["list", "admit", "use", "rollback", "off", "on", "verify", "fetch"])
def test_help_helps(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert run(monkeypatch, command, "--help") == 0
    assert "--json" in capsys.readouterr().out
