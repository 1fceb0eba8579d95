"""The gates: each a small function of the evidence. `GATES` is their order in tables and in the log."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from scoring.bundle import golden_frame
from training.errors import GateError
from training.explanations import measure_additivity, mixed_rows
from training.gates.evidence import Evidence, group_recalls, last_test, our_numbers, verdict_of
from training.gates.gate import Gate
from training.gates.thresholds import Threshold, threshold

ADDED_ROWS = 256
"""Rows the additivity is checked on: the golden rows, with every column drawn anew."""


def better(evidence: Evidence) -> Gate:
    """Whether the evaluation found it better than the best baseline by more than chance."""
    verdict = verdict_of(evidence.report)
    return Gate("better", verdict["is_better"], str(verdict["verdict"]), str(verdict["sentence"]))


def informative(evidence: Evidence) -> Gate:
    """Whether its ranking stands clear of chance on the last test date."""
    asked = threshold("least_auc", evidence.on)
    low = float(our_numbers(evidence.report)["roc_auc"].get("low", math.nan))
    return Gate("informative", low > asked.value, low, f"ROC-AUC is at least {low:.3f} with 97.5 %", asked)


def calibrated(evidence: Evidence) -> Gate:
    """Whether its probabilities came true on the last test date."""
    asked = threshold("most_calibration_error", evidence.on)
    error = _value(our_numbers(evidence.report).get("ece"))
    return Gate("calibrated", error <= asked.value, error, f"expected calibration error {error:.4f}", asked)


def level(evidence: Evidence) -> Gate:
    """Whether as many households had the outcome as the scores' sum foretold, on the last test date."""
    asked = threshold("most_level_error", evidence.on)
    bins = last_test(evidence.report).get("reliability", ())
    foretold = sum(one["households"] * one["predicted"] for one in bins)
    observed = sum(one["households"] * _value(one["observed"]) for one in bins)
    factor = foretold / observed if observed > 0 else math.nan
    far = max(factor, 1 / factor) if factor > 0 else math.nan
    says = f"{foretold:.1f} identifications foretold, {observed:.0f} came"
    return Gate("level", far <= asked.value, far, says, asked)


def groups(evidence: Evidence) -> Gate:
    """Whether a group is found far less often than all: the interval of its recall lies below the share."""
    asked = threshold("least_recall_share", evidence.on)
    least = threshold("least_positives", evidence.on).value
    overall = _value(our_numbers(evidence.report)["recall"])
    everybody = our_numbers(evidence.report).get("positives")
    judged = [
        one for one in group_recalls(evidence.report)
        # A county's own report has one cell of everybody: it cannot be found less often than all.
        if one.positives >= least and one.positives != everybody
    ]  # fmt: skip
    if not judged or overall <= 0:
        return Gate("groups", overall > 0, None, f"no group has {least:.0f} positives", asked)
    shares = {f"{one.by} {one.group}": one.high / overall for one in judged}
    worst = min(shares, key=lambda name: shares[name])
    says = f"of {len(judged)} groups {worst} is found least: at most {shares[worst]:.2f} of the recall of all"
    return Gate("groups", shares[worst] >= asked.value, shares[worst], says, asked)


def groups_kept(evidence: Evidence) -> Gate:
    """Whether some group is found far less often than by the champion, on the same test date and outcomes."""
    asked = threshold("least_recall_of_champion", evidence.on)
    least = threshold("least_positives", evidence.on).value
    if evidence.champion is None:
        return Gate("groups_kept", True, None, evidence.note or "there is no champion", asked)
    there = {(one.by, one.group): one for one in group_recalls(evidence.champion)}
    shares = {}
    for one in group_recalls(evidence.report):
        theirs = there.get((one.by, one.group))
        # Other outcomes are another question: only the same households with the outcome are compared.
        if theirs and theirs.positives == one.positives >= least and theirs.recall > 0:
            shares[f"{one.by} {one.group}"] = one.high / theirs.recall
    if not shares or last_test(evidence.champion)["as_of_date"] != last_test(evidence.report)["as_of_date"]:
        return Gate("groups_kept", True, None, "the champion was measured on other outcomes", asked)
    worst = min(shares, key=lambda name: shares[name])
    says = f"of {len(shares)} groups {worst} loses most: at most {shares[worst]:.2f} of the champion's recall"
    return Gate("groups_kept", shares[worst] >= asked.value, shares[worst], says, asked)


def stable_reasons(evidence: Evidence) -> Gate:
    """Whether the strongest reasons of listed households stay when the seed changes."""
    asked = threshold("least_overlap", evidence.on)
    found = evidence.report.get("explanations", {}).get("stability")
    if not found:
        return Gate(
            "stable_reasons", False, None, "without siblings nobody knows whether reasons are stable", asked
        )
    overlap = float(found["listed"])
    says = (
        f"three strongest reasons of {found['listed_households']} households in {found['siblings']} siblings"
    )
    return Gate("stable_reasons", overlap >= asked.value, overlap, says, asked)


def golden_rows(evidence: Evidence) -> Gate:
    """Whether the golden rows still give their scores, in this process and with its libraries."""
    asked = threshold("most_golden_gap", evidence.on)
    model, golden = evidence.bundle.model, evidence.bundle.manifest.golden
    scores = model.score(golden_frame(golden.rows, model.feature_names))
    gap = float(np.max(np.abs(scores - np.array(golden.scores))))
    return _gap("golden_rows", gap, f"{len(golden.rows)} golden rows", asked)


def additive(evidence: Evidence) -> Gate:
    """Whether base and contributions add up to the log-odds, and equal LightGBM's own."""
    asked = threshold("most_additivity_gap", evidence.on)
    model, golden = evidence.bundle.model, evidence.bundle.manifest.golden
    rows = model.matrix(golden_frame(golden.rows, model.feature_names))
    found = measure_additivity(model, mixed_rows(rows, ADDED_ROWS, seed=0))
    return _gap("additive", max(found.sum_gap, found.library_gap), f"{found.rows} made-up rows", asked)


GATES: tuple[Callable[[Evidence], Gate], ...] = (
    better,
    informative,
    calibrated,
    level,
    groups,
    groups_kept,
    stable_reasons,
    golden_rows,
    additive,
)


def run_gates(evidence: Evidence) -> tuple[Gate, ...]:
    """The answers of all gates; raises `GateError` where the report is of another form."""
    try:
        return tuple(gate(evidence) for gate in GATES)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        raise GateError("the report is not of the known form: train the model anew with `run`") from None


def _gap(name: str, gap: float, on: str, asked: Threshold) -> Gate:
    return Gate(name, gap <= asked.value, gap, f"largest difference on {on}: {gap:.1e}", asked)


def _value(found: object) -> float:
    """The value of an estimate, written with its interval or alone; not a number where it is absent."""
    if isinstance(found, dict):
        return float(found.get("value", math.nan))
    return float(found) if isinstance(found, int | float) else math.nan
