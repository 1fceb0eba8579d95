"""Promotion: every gate passing and failing, the override, the rollback, and files that were altered."""

from __future__ import annotations

import copy
import dataclasses
import datetime as dt
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import numpy as np
import pytest
import yaml

from scoring.bundle import Bundle, load_bundle
from scoring.calibration import Calibration
from scoring.errors import ScoringError
from scoring.registry import (
    CHALLENGER,
    MODEL_NAME,
    connect,
    fetch_bundle,
    find_champion,
    find_version,
    publish_bundle,
)
from training.__main__ import main
from training.errors import GateError, ReleaseError
from training.explanations import measure_additivity, mixed_rows
from training.gates import GATES, Evidence, Gate, run_gates
from training.gates.thresholds import threshold, thresholds
from training.pipeline import FinishedRun
from training.promote import promote, rollback, try_gates
from training.release_log import find_faults, read_releases
from training.report.files import read_report

TODAY = dt.date(2026, 11, 1)
Change = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module")
def bundle(finished: FinishedRun) -> Bundle:
    return load_bundle(finished.bundle)


@pytest.fixture(scope="module")
def good(finished: FinishedRun) -> dict[str, Any]:
    """The small county's report as if it had come out well, with groups large enough to be judged."""
    doc = read_report(finished.bundle.parent)
    make_good(doc)
    return doc


def make_good(doc: dict[str, Any]) -> None:
    doc["verdict"] |= {"verdict": "better", "is_better": True, "sentence": "BETTER than the points card"}
    ours = doc["tests"][-1]["rankings"]["ours"]
    ours["roc_auc"] |= {"value": 0.8, "low": 0.7}
    ours["ece"]["value"] = 0.002
    ours["recall"]["value"] = 0.4
    recall = {"value": 0.35, "low": 0.2, "high": 0.5}
    doc["tests"][-1]["groups"] = [
        {
            "by": "cause",
            "cells": [{"group": code, "positives": 40, "recall": dict(recall)} for code in ("01", "07")],
        }
    ]
    doc["explanations"]["stability"] = {
        "siblings": 2, "listed_households": 30, "listed": 0.9, "random_households": 1_000, "random": 0.75,
    }  # fmt: skip


def gate(name: str, bundle: Bundle, report: dict[str, Any], champion: dict[str, Any] | None = None) -> Gate:
    found = {one.name: one for one in run_gates(Evidence(bundle, report, champion, TODAY))}
    return found[name]


def test_a_good_model_passes_every_gate(bundle: Bundle, good: dict[str, Any]) -> None:
    gates = run_gates(Evidence(bundle, good, good, TODAY))
    assert [one.name for one in gates] == [one.__name__ for one in GATES]
    assert [one.name for one in gates if not one.passed] == []
    assert all(one.says for one in gates)
    assert all(one.threshold for one in gates if one.name != "better")


def recall_of(code: str, value: float, high: float, positives: int = 40) -> Change:
    def change(doc: dict[str, Any]) -> None:
        cells = doc["tests"][-1]["groups"][0]["cells"]
        cell = next(one for one in cells if one["group"] == code)
        cell |= {"positives": positives, "recall": {"value": value, "low": 0.0, "high": high}}

    return change


def ours(measure: str, **change: float) -> Change:
    return lambda doc: doc["tests"][-1]["rankings"]["ours"][measure].update(change)


def without(measure: str, end: str) -> Change:
    return lambda doc: doc["tests"][-1]["rankings"]["ours"][measure].pop(end)


def twice_as_many(doc: dict[str, Any]) -> None:
    for one in doc["tests"][-1]["reliability"]:
        one["predicted"] *= 2.5


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("better", lambda doc: doc["verdict"].update(is_better=False, verdict="not better")),
        ("better", lambda doc: doc["verdict"].update(is_better=False, verdict="worse")),
        ("informative", ours("roc_auc", low=0.5)),
        ("informative", without("roc_auc", "low")),
        ("calibrated", ours("ece", value=0.0101)),
        ("calibrated", without("ece", "value")),
        ("level", twice_as_many),
        ("level", lambda doc: doc["tests"][-1].pop("reliability")),
        ("groups", recall_of("07", 0.05, 0.19)),
        ("groups", lambda doc: ours("recall", value=0.0)(doc)),
        ("stable_reasons", lambda doc: doc["explanations"]["stability"].update(listed=0.79)),
        ("stable_reasons", lambda doc: doc["explanations"].pop("stability")),
    ],
)
def test_a_gate_fails_for_its_own_fault_alone(
    bundle: Bundle, good: dict[str, Any], name: str, change: Change
) -> None:
    report = copy.deepcopy(good)
    change(report)
    failed = [one.name for one in run_gates(Evidence(bundle, report, None, TODAY)) if not one.passed]
    assert failed == [name]


@pytest.mark.parametrize(
    ("change", "passed"),
    [
        (recall_of("07", 0.0, 0.0, positives=19), True),
        (recall_of("07", 0.05, 0.2), True),
        (recall_of("07", 0.05, 0.1999), False),
    ],
)
def test_groups_are_judged_from_twenty_positives_and_by_their_interval(
    bundle: Bundle, good: dict[str, Any], change: Change, passed: bool
) -> None:
    report = copy.deepcopy(good)
    change(report)
    assert gate("groups", bundle, report).passed is passed


@pytest.mark.parametrize(
    ("change", "passed", "said"),
    [
        (recall_of("07", 0.9, 1.0), False, "cause 07 loses most"),
        (recall_of("07", 0.5, 0.9), True, "cause 07 loses most"),
        (recall_of("07", 0.9, 1.0, positives=41), True, "of 1 groups cause 01"),
        (lambda doc: doc["tests"][-1].update(as_of_date="2024-10-31"), True, "other outcomes"),
    ],
)
def test_a_group_may_not_lose_what_the_champion_gave_it(
    bundle: Bundle, good: dict[str, Any], change: Change, passed: bool, said: str
) -> None:
    champion = copy.deepcopy(good)
    change(champion)
    found = gate("groups_kept", bundle, good, champion)
    assert found.passed is passed
    assert said in found.says
    assert gate("groups_kept", bundle, good).observed is None


def test_golden_rows_fail_where_a_score_is_another(bundle: Bundle, good: dict[str, Any]) -> None:
    golden = bundle.manifest.golden
    moved = golden.model_copy(update={"scores": [golden.scores[0] + 1e-11, *golden.scores[1:]]})
    other = dataclasses.replace(bundle, manifest=bundle.manifest.model_copy(update={"golden": moved}))
    failed = [one.name for one in run_gates(Evidence(other, good, None, TODAY)) if not one.passed]
    assert failed == ["golden_rows"]


class Forgetful:
    """An explainer that gives one feature nothing and keeps the rest."""

    def __init__(self, explainer: Any) -> None:
        self._explainer = explainer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._explainer, name)

    def explain(self, matrix: Any) -> Any:
        margins, values, base = self._explainer.explain(matrix)
        values = values.copy()
        values[:, int(np.argmax(np.abs(values).sum(axis=0)))] = 0.0
        return margins, values, base


def test_contributions_that_do_not_add_up_fail(bundle: Bundle, good: dict[str, Any]) -> None:
    model = dataclasses.replace(bundle.model)
    model.__dict__["explainer"] = Forgetful(bundle.model.explainer)
    other = dataclasses.replace(bundle, model=model)
    failed = [one.name for one in run_gates(Evidence(other, good, None, TODAY)) if not one.passed]
    assert failed == ["additive"]


def test_contributions_of_another_scale_than_the_score_fail(bundle: Bundle) -> None:
    model = dataclasses.replace(bundle.model, calibration=Calibration(0.7, -1.0))
    rows = np.random.default_rng(3).gamma(1.0, 1_000.0, (40, len(model.feature_names)))
    assert measure_additivity(model, rows).sum_gap < 1e-10
    mixed = mixed_rows(rows, 100, seed=1)
    assert mixed.shape == (100, rows.shape[1])
    assert all(set(mixed[:, at]) <= set(rows[:, at]) for at in range(rows.shape[1]))


@pytest.mark.parametrize("broken", [{}, {"verdict": {}}, {"verdict": {"is_better": "yes"}}])
def test_a_report_without_a_verdict_passes_no_gate(bundle: Bundle, broken: dict[str, Any]) -> None:
    with pytest.raises(GateError, match="no verdict"):
        run_gates(Evidence(bundle, broken, None, TODAY))


def test_a_model_that_was_never_measured_passes_no_gate(bundle: Bundle, good: dict[str, Any]) -> None:
    with pytest.raises(GateError, match="no test date"):
        run_gates(Evidence(bundle, {**good, "tests": []}, None, TODAY))


def test_thresholds_are_dated_sourced_and_marked() -> None:
    for name, entries in thresholds().items():
        for one in entries:
            assert one.status in {"published", "assumption"}
            assert len(one.source) > 20
        with pytest.raises(GateError, match="not defined"):
            threshold(name, dt.date(1999, 1, 1))


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


def test_the_yaml_of_thresholds_has_no_unused_entry() -> None:
    source = Path(__file__).parents[2] / "training" / "gates"
    code = (source / "checks.py").read_text("utf-8")
    names = yaml.safe_load((source / "thresholds.yaml").read_text("utf-8"))
    assert [name for name in names if f'"{name}"' not in code] == []


def test_every_gate_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "retrain-and-promote.md").read_text("utf-8")
    assert [one.__name__ for one in GATES if f"| `{one.__name__}` |" not in page] == []


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
