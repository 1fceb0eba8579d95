"""Promotion: refused, overridden, rolled back; and files that were altered."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest

from scoring.errors import ScoringError
from scoring.registry import (
    CHALLENGER,
    MODEL_NAME,
    connect,
    fetch_bundle,
    find_champion,
    find_version,
    publish_bundle,
    set_champion,
)
from tests.training.good_report import make_good
from training.__main__ import main
from training.errors import GateError, ReleaseError
from training.gates import GATES
from training.pipeline import FinishedRun
from training.promote import Promotion, promote, promote_tried, rollback, try_gates
from training.release_log import find_faults, read_releases
from training.report.files import read_report


@pytest.fixture(scope="module")
def registry(finished: FinishedRun, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A copy of the run's store with two more versions: 2 and 3 came out well, 1 as it did."""
    folder = tmp_path_factory.mktemp("registry")
    store = folder / "mlflow.db"
    shutil.copy(finished.tracking_uri.removeprefix("sqlite:///"), store)
    uri = f"sqlite:///{store}"
    client = connect(uri)
    experiment = client.create_experiment("doctored", (folder / "artifacts").as_uri())
    for number in (2, 3):
        doc = read_report(finished.bundle.parent)
        make_good(doc)
        report = folder / str(number) / "report.json"
        report.parent.mkdir()
        report.write_text(json.dumps(doc), encoding="utf-8")
        run = client.create_run(experiment)
        publish_bundle(finished.bundle, run.info.run_id, uri, report)
    return store, uri


@pytest.fixture
def uri(registry: tuple[Path, str], tmp_path: Path) -> str:
    """A copy of the registry's database; the artifacts are shared."""
    return f"sqlite:///{shutil.copy(registry[0], tmp_path / 'mlflow.db')}"


def artifact(uri: str, version: str, name: str) -> Path:
    client = connect(uri)
    run = client.get_run(client.get_model_version(MODEL_NAME, version).run_id)
    return Path(url2pathname(urlsplit(run.info.artifact_uri).path)) / name


def test_the_newest_version_is_the_challenger(uri: str) -> None:
    assert find_version(CHALLENGER, uri) == "3"
    assert find_champion(uri) is None
    assert promote("3", uri).former is None
    assert (find_champion(uri), find_version(CHALLENGER, uri)) == ("3", None)


def test_promote_and_roll_back(uri: str, tmp_path: Path) -> None:
    first = promote("2", uri, by="王小明", why="yearly retraining")
    second = promote("3", uri)
    assert first.entry is not None
    assert (first.entry.by, first.entry.why, first.entry.from_version) == (
        "王小明",
        "yearly retraining",
        None,
    )
    assert (second.former, find_champion(uri)) == ("2", "3")
    assert [one.passed for one in first.entry.gates] == [True] * len(GATES)

    tried = rollback(uri, why="complaints", dry_run=True)
    assert (tried.version, tried.entry, find_champion(uri)) == ("2", None, "3")
    back = rollback(uri, why="complaints about the list")
    assert (back.version, back.former, find_champion(uri)) == ("2", "3", "2")
    again = rollback(uri, "3", why="it was the data")
    assert (again.version, find_champion(uri)) == ("3", "3")

    assert [(one.action, one.from_version, one.to_version) for one in read_releases(uri)] == [
        ("promote", None, "2"), ("promote", "2", "3"), ("rollback", "3", "2"), ("rollback", "2", "3"),
    ]  # fmt: skip
    assert find_faults(uri) == []
    assert fetch_bundle("champion", uri, tmp_path / "champion").sha256 == back.manifest_sha256


def test_a_rollback_needs_somewhere_to_go(uri: str) -> None:
    with pytest.raises(ReleaseError, match="no former champion"):
        rollback(uri, why="x")
    promote("2", uri)
    for to, said in (("2", "champion already"), ("3", "never champion")):
        with pytest.raises(ReleaseError, match=said):
            rollback(uri, to, why="x")
    assert find_champion(uri) == "2"
    assert len(read_releases(uri)) == 1
    promote("3", uri)
    with pytest.raises(ReleaseError, match="why: give at least one"):
        rollback(uri, why="")
    assert find_champion(uri) == "3"


def test_a_failed_gate_refuses_unless_a_reason_is_kept(uri: str) -> None:
    failed = [one.name for one in try_gates("1", uri).failed]
    assert "better" in failed
    with pytest.raises(GateError, match="may not be promoted: better"):
        promote("1", uri)
    assert (find_champion(uri), read_releases(uri)) == (None, [])
    done = promote("1", uri, "trial of the county office", by="王小明")
    assert done.entry is not None
    assert (done.entry.why, list(done.entry.overridden)) == ("trial of the county office", failed)
    assert find_champion(uri) == "1"


def test_there_is_nothing_to_override_when_all_is_well(uri: str) -> None:
    with pytest.raises(GateError, match="nothing to override"):
        promote("2", uri, "just so")
    assert find_champion(uri) is None


@pytest.mark.parametrize("why", ["x" * 501, "因" * 501])
def test_a_reason_has_an_end(uri: str, why: str) -> None:
    with pytest.raises(ReleaseError, match="why: give at least one and at most 500"):
        promote("2", uri, why=why)
    assert (find_champion(uri), read_releases(uri)) == (None, [])


def test_unknown_versions_and_addresses_are_refused(uri: str, tmp_path: Path) -> None:
    with pytest.raises(ScoringError, match="no version 77"):
        promote("77", uri)
    with pytest.raises(ScoringError, match="there is no file"):
        promote("1", f"sqlite:///{tmp_path / 'none.db'}")


@pytest.mark.parametrize(
    ("name", "harm"),
    [
        ("bundle/model.txt", lambda text: text.replace(b"tree_sizes", b"tree_sizes=1", 1)),
        ("bundle/model.txt", lambda text: text[:-200]),
        ("bundle/sibling-1.txt", lambda text: text[:-1]),
        ("bundle/manifest.json", lambda text: text.replace(b'"region": "CN-50"', b'"region": "CN-51"')),
        ("report.json", lambda text: text.replace(b'"is_better": true', b'"is_better": false')),
        ("report.json", lambda text: text + b" "),
    ],
)
def test_altered_files_are_neither_promoted_nor_rolled_back_to(
    uri: str, name: str, harm: Callable[[bytes], bytes]
) -> None:
    promote("2", uri)
    promote("3", uri)
    stored = artifact(uri, "2", name)
    whole = stored.read_bytes()
    assert harm(whole) != whole
    try:
        stored.write_bytes(harm(whole))
        with pytest.raises(ScoringError):
            promote("2", uri)
        with pytest.raises(ScoringError):
            rollback(uri, why="back")
    finally:
        stored.write_bytes(whole)
    assert find_champion(uri) == "3"
    assert rollback(uri, why="back").version == "2"


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[Any, str, str]]:
    """The command line in this process: exit code, stdout, stderr."""

    def run(*arguments: str) -> tuple[Any, str, str]:
        monkeypatch.setattr("sys.argv", ["training", *arguments])
        with pytest.raises(SystemExit) as stopped:
            main()
        said = capsys.readouterr()
        return stopped.value.code, said.out, said.err

    return run


def test_a_dry_run_of_a_refused_version(command: Callable[..., tuple[Any, str, str]], uri: str) -> None:
    code, out, err = command("promote", "--version", "1", "--tracking", uri, "--dry-run", "--json")
    said = json.loads(out)
    assert code == 2
    assert said["is_champion"] is False
    assert [one["name"] for one in said["gates"]] == [one.__name__ for one in GATES]
    assert "may not be promoted" in err
    code, out, _ = command("promote", "--version", "1", "--tracking", uri)
    assert (code, "stable_reasons" in out) == (2, True)
    assert find_champion(uri) is None


def test_a_dry_run_of_a_good_version(command: Callable[..., tuple[Any, str, str]], uri: str) -> None:
    code, out, err = command("promote", "--version", "2", "--tracking", uri, "--dry-run")
    assert (code, "additive" in out, "nothing was changed" in err) == (0, True, True)
    assert (find_champion(uri), read_releases(uri)) == (None, [])


def test_the_commands(command: Callable[..., tuple[Any, str, str]], uri: str) -> None:
    code, out, err = command("promote", "--version", "2", "--tracking", uri, "--by", "王小明")
    assert (code, "groups_kept" in out) == (0, True)
    head = err.split()[-1]
    assert len(head) == 64
    code, out, _ = command("releases", "--tracking", uri, "--verify", "--head", head, "--json")
    found = json.loads(out)
    assert (code, found["releases"][0]["by"], found["faults"]) == (0, "王小明", [])
    code, out, err = command("promote", "--version", "3", "--tracking", uri, "--json")
    assert (code, json.loads(out)["entry"]["number"]) == (0, 2)
    code, _, err = command("rollback", "--tracking", uri, "--why", "complaints", "--by", "王小明")
    assert (code, "version 2" in err) == (0, True)
    code, out, err = command("releases", "--tracking", uri, "--verify")
    assert (code, "complaints" in out, "3 entries" in err) == (0, True, True)

    connect(uri).set_registered_model_alias(MODEL_NAME, "champion", "3")
    code, _, err = command("releases", "--tracking", uri, "--verify")
    assert (code, "outside of the log" in err) == (1, True)


def test_a_report_is_made_again(
    command: Callable[..., tuple[Any, str, str]], finished: FinishedRun, tmp_path: Path
) -> None:
    shutil.copy(finished.bundle.parent / "report.json", tmp_path)
    code, out, _ = command("report", str(tmp_path), "--json")
    assert (code, json.loads(out)) == (0, read_report(tmp_path))
    assert (tmp_path / "report.html").is_file()
    code, _, err = command("report", str(tmp_path / "none"))
    assert (code, "holds no report.json" in err) == (2, True)


def test_a_harmed_champion_does_not_keep_its_successor_out(uri: str) -> None:
    promote("2", uri)
    stored = artifact(uri, "2", "report.json")
    whole = stored.read_bytes()
    try:
        stored.write_bytes(whole + b" ")
        kept = {one.name: one for one in promote("3", uri).gates}["groups_kept"]
    finally:
        stored.write_bytes(whole)
    assert (kept.passed, kept.observed) == (True, None)
    assert "version 2, could not be compared with" in kept.says
    assert find_champion(uri) == "3"


@pytest.mark.parametrize("content", [b"", b"no database at all"])
def test_a_file_that_is_no_registry_is_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    store = tmp_path / "other.db"
    store.write_bytes(content)
    with pytest.raises(ScoringError, match="not a database of MLflow"):
        try_gates("1", f"sqlite:///{store}")
    assert store.read_bytes() == content


def test_a_registry_that_does_not_answer_is_said_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(ScoringError, match="does not answer"):
        try_gates("1", "http://127.0.0.1:9")


def test_of_two_promotions_at_once_one_is_told_and_the_alias_follows_the_log(
    uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = try_gates("2", uri)
    promote("3", uri)
    with pytest.raises(ReleaseError, match="came in between"):
        promote_tried(slow, uri)
    assert (find_champion(uri), find_faults(uri)) == ("3", [])

    later: list[Promotion] = []

    def set_late(version: str, tracking_uri: str) -> str | None:
        if not later:
            # Between our entry and our alias somebody else releases, entry and alias.
            later.append(tried_version_3())
            later.append(promote_tried(later[0], tracking_uri))
        return set_champion(version, tracking_uri)

    def tried_version_3() -> Promotion:
        return dataclasses.replace(back, after=read_releases(uri)[-1].sha256)

    back = try_gates("3", uri)
    ours = try_gates("2", uri)
    monkeypatch.setattr("training.promote.set_champion", set_late)
    promote_tried(ours, uri)
    assert [one.to_version for one in read_releases(uri)] == ["3", "2", "3"]
    assert (find_champion(uri), find_faults(uri)) == ("3", [])


def test_a_promotion_killed_between_entry_and_alias_is_told_and_mended(
    uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    promote("2", uri)
    with monkeypatch.context() as killed:
        killed.setattr("training.promote.set_champion", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            promote("3", uri)
    assert find_champion(uri) == "2"
    assert "a promotion was interrupted" in find_faults(uri)[0]
    promote("3", uri)
    assert (find_champion(uri), find_faults(uri)) == ("3", [])


@pytest.mark.parametrize("text", ["two\nlines", "\x1b[2Jgone", "\u202eturned", "\udcff"])
def test_reasons_and_names_are_plain_text(uri: str, text: str) -> None:
    for words in ({"why": text}, {"by": text}):
        with pytest.raises(ReleaseError, match="control characters"):
            promote("2", uri, **words)
    assert (find_champion(uri), read_releases(uri)) == (None, [])


def test_another_models_report_opens_no_gate(uri: str, finished: FinishedRun, tmp_path: Path) -> None:
    doc = read_report(finished.bundle.parent)
    make_good(doc)
    altered = [doc | {"run": doc["run"] | {"version": "another"}}, doc | {"golden": {}}, [doc]]
    client = connect(uri)
    experiment = client.create_experiment("others", (tmp_path / "artifacts").as_uri())
    for number, other in enumerate(altered):
        report = tmp_path / str(number) / "report.json"
        report.parent.mkdir()
        report.write_text(json.dumps(other), encoding="utf-8")
        version = publish_bundle(finished.bundle, client.create_run(experiment).info.run_id, uri, report)
        with pytest.raises(GateError, match="train it anew"):
            try_gates(version, uri)
