"""The command line: a refused request is one sentence on stderr and exit code 2."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from training.__main__ import main
from training.simulation.settings import FEEDS

ROOT = Path(__file__).parents[2]


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """The exit code of a command in this process, which has imported everything before."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("sys.argv", ["training", *map(str, arguments)])
    with pytest.raises(SystemExit) as left:
        main()
    return int(left.value.code or 0)


def training(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "training", *map(str, arguments)], capture_output=True, text=True, check=False,
        cwd=ROOT, timeout=300,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("survey", "uganda", "--data", "no/such/folder"), "there is no file"),
        (("survey", "malawi", "--data", "no/such/folder"), "there is no file"),
        (("survey", "costa-rica", "--data", "no/such/folder"), "there is no file"),
        (("simulate", "--out", "{tmp}", "--ends-on", "2026-02-30"), "--ends-on is a date"),
        (("simulate", "--out", "{tmp}", "--ends-on", "2026-02-27"), "last day of a month"),
        (("check", "no.yaml"), "there is no experiment file no.yaml"),
        (("run", "no.yaml", "--data", "x", "--out", "{tmp}", "--outcomes-until", "2026-10-31"), "no.yaml"),
        (
            ("run", "no.yaml", "--data", "x", "--out", "{tmp}", "--outcomes-until", "soon"),
            "--outcomes-until is a",
        ),
        (("promote", "--version", "1", "--tracking", "nonsense://x"), "kind of address"),
        (("rollback", "--tracking", "sqlite:///{tmp}/none.db", "--why", "x"), "there is no file"),
        (("releases", "--tracking", "sqlite:///{tmp}/none.db"), "there is no file"),
        (("report", "{tmp}"), "holds no report.json"),
    ],
)
def test_a_refusal_is_one_sentence(
    tmp_path: Path, arguments: tuple[str, ...], said: str,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    code = run(monkeypatch, *(one.replace("{tmp}", str(tmp_path / "out")) for one in arguments))
    told = capsys.readouterr()
    assert code == 2
    assert said in told.err
    assert told.out == ""
    assert len(told.err.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("survey", "uganda", "--data", "no/such/folder"), "there is no file"),
        (("survey", "costa-rica", "--data", "no/such/folder"), "there is no file"),
        (("survey", "malawi", "--data", "no/such/folder"), "there is no file"),
        (("promote", "--version", "1", "--tracking", "nonsense://x"), "kind of address"),
        (("rollback", "--tracking", "sqlite:///{tmp}/none.db", "--why", "x"), "there is no file"),
        (("releases", "--tracking", "sqlite:///{tmp}/none.db"), "there is no file"),
        (("report", "{tmp}"), "holds no report.json"),
    ],
)
def test_a_process_of_its_own_says_nothing_more(
    tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    """What libraries say when they are imported would be seen here. The other commands' processes run below."""
    done = training(*(one.replace("{tmp}", str(tmp_path / "out")) for one in arguments))
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "command",
    [
        (),
        ("simulate",),
        ("check",),
        ("run",),
        ("report",),
        ("promote",),
        ("rollback",),
        ("releases",),
        ("panel",),
        ("survey",),
        ("survey", "uganda"),
        ("survey", "costa-rica"),
    ],
)
def test_help_helps(
    command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, *command, "--help") == 0
    assert "Usage" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["uganda", "malawi", "costa-rica"])
def test_a_survey_asks_for_its_folder(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "survey", name) == 2
    assert "Missing option '--data'" in capsys.readouterr().err


def test_a_process_of_its_own_helps_and_refuses_an_unknown_command() -> None:
    done = training("--help")
    assert done.returncode == 0
    assert "Usage" in done.stdout
    assert training("retrain").returncode == 2


def test_simulating_writes_every_feed(tmp_path: Path) -> None:
    done = training("simulate", "--out", tmp_path, "--households", 300, "--months", 25, "--quiet")
    assert done.returncode == 0
    assert {one.stem for one in tmp_path.glob("*.parquet")} == {*FEEDS, "coverage", "outcomes", "visits"}
    assert "300 households" in done.stderr


def test_checking_draws_the_split_and_runs_nothing() -> None:
    file = "training/experiments/annotated.yaml"
    done = training("check", file)
    assert done.returncode == 0
    assert "  test  2025-04-30 " in done.stdout
    assert "split 3" in done.stdout
    as_json = json.loads(training("check", file, "--json").stdout)
    assert as_json["capacity"]["overrides"]["500299001"] == {"visits": 20}
    assert as_json["picture"] in done.stdout


def test_a_misspelt_key_is_refused_with_the_nearest(tmp_path: Path) -> None:
    text = (ROOT / "training" / "experiments" / "county.yaml").read_text(encoding="utf-8")
    file = tmp_path / "wrong.yaml"
    file.write_text(text.replace("must_beat:", "must_beet:"), encoding="utf-8")
    done = training("check", file)
    assert done.returncode == 2
    assert "must_beet (did you mean must_beat?)" in done.stderr
