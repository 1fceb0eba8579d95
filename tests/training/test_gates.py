"""Gates: each passes for a good model and fails for its own fault alone."""

from __future__ import annotations

import copy
import dataclasses
import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from scoring.bundle import Bundle, load_bundle
from scoring.calibration import Calibration
from tests.training.good_report import make_good
from training.errors import GateError
from training.explanations import measure_additivity, mixed_rows
from training.gates import GATES, Evidence, Gate, run_gates
from training.gates.thresholds import threshold, thresholds
from training.pipeline import FinishedRun
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


def test_a_cell_of_everybody_is_no_group(bundle: Bundle, good: dict[str, Any]) -> None:
    report = copy.deepcopy(good)
    report["tests"][-1]["rankings"]["ours"]["positives"] = 40
    cell = report["tests"][-1]["groups"][0]["cells"][0]
    report["tests"][-1]["groups"] = [{"by": "county", "cells": [cell]}]
    found = gate("groups", bundle, report)
    assert found.passed
    assert found.says == "no group has 20 positives"
    report["tests"][-1]["rankings"]["ours"]["positives"] = 41
    assert "of 1 groups" in gate("groups", bundle, report).says


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


def test_the_yaml_of_thresholds_has_no_unused_entry() -> None:
    source = Path(__file__).parents[2] / "training" / "gates"
    code = (source / "checks.py").read_text("utf-8")
    names = yaml.safe_load((source / "thresholds.yaml").read_text("utf-8"))
    assert [name for name in names if f'"{name}"' not in code] == []


def test_every_gate_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "retrain-and-promote.md").read_text("utf-8")
    assert [one.__name__ for one in GATES if f"| `{one.__name__}` |" not in page] == []


@pytest.mark.parametrize("broken", [[{}], ["x"], [{"rankings": {"ours": {}}}], {"a": 1}])
def test_a_report_of_another_form_is_one_sentence(
    bundle: Bundle, good: dict[str, Any], broken: object
) -> None:
    with pytest.raises(GateError, match="known form"):
        run_gates(Evidence(bundle, good | {"tests": broken}, None, TODAY))
