"""Evidence: what the gates look at, read from a bundle and from the report its run left."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scoring.bundle import Bundle
from training.errors import GateError
from training.evaluation.comparison import OURS


@dataclass(frozen=True)
class GroupRecall:
    """One group on the last test date: how many have the outcome, how many of them are visited."""

    by: str
    group: str
    positives: int
    recall: float
    high: float


@dataclass(frozen=True)
class Evidence:
    """A bundle, its run's report and the champion's; `on` is the day of the question.

    Without a champion's report `note` says why there is none.
    """

    bundle: Bundle
    report: Mapping[str, Any]
    champion: Mapping[str, Any] | None
    on: dt.date
    note: str = ""


def verdict_of(report: Mapping[str, Any]) -> Mapping[str, Any]:
    """The evaluation's verdict; raises `GateError` for a report without one."""
    found = report.get("verdict")
    if not isinstance(found, Mapping) or not isinstance(found.get("is_better"), bool):
        raise GateError("the report has no verdict: it is not of an evaluation of this software")
    return found


def last_test(report: Mapping[str, Any]) -> Mapping[str, Any]:
    """The last test date's part of a report; raises `GateError` for a report without one."""
    tests = report.get("tests")
    if not tests:
        raise GateError("the report has no test date: the model was never measured")
    found: Mapping[str, Any] = tests[-1]
    return found


def our_numbers(report: Mapping[str, Any]) -> Mapping[str, Any]:
    """The model's own metrics on the last test date."""
    found: Mapping[str, Any] = last_test(report)["rankings"][OURS]
    return found


def group_recalls(report: Mapping[str, Any]) -> Iterator[GroupRecall]:
    """Every group with at least one positive on the last test date."""
    for grouping in last_test(report).get("groups", ()):
        for cell in grouping["cells"]:
            recall = cell.get("recall")
            if recall:
                high = recall.get("high", recall["value"])
                yield GroupRecall(grouping["by"], cell["group"], cell["positives"], recall["value"], high)
