"""Thresholds of the gates, read from the YAML beside this module: dated, sourced, assumptions marked."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml

from features.policy.parameters import STATUSES
from training.errors import GateError

_FILE = "thresholds.yaml"


@dataclass(frozen=True)
class Threshold:
    """A number a gate asks for, in force from a date on."""

    name: str
    title: str
    effective_from: dt.date
    value: float
    status: str
    source: str


def threshold(name: str, on: dt.date) -> Threshold:
    """The threshold in force on a date; raises `GateError` for a date before its first entry."""
    in_force = [one for one in thresholds()[name] if one.effective_from <= on]
    if not in_force:
        raise GateError(f"the gate's threshold {name} is not defined on {on}")
    return in_force[-1]


@cache
def thresholds() -> dict[str, tuple[Threshold, ...]]:
    """All entries by name, oldest first; raises `GateError` for an entry without date, status or source."""
    text = resources.files(__package__).joinpath(_FILE).read_text(encoding="utf-8")
    document: dict[str, Any] = yaml.safe_load(text)
    found = {
        name: tuple(_entry(name, one["title"], raw) for raw in one["entries"])
        for name, one in document.items()
    }
    for name, entries in found.items():
        dates = [one.effective_from for one in entries]
        if dates != sorted(set(dates)):
            raise GateError(f"{_FILE}, {name}: entries stand in order of date, each once")
    return found


def _entry(name: str, title: str, raw: dict[str, Any]) -> Threshold:
    known = {"from", "value", "status", "source"}
    if set(raw) != known or raw["status"] not in STATUSES or not isinstance(raw["from"], dt.date):
        raise GateError(f"{_FILE}, {name}: every entry needs from (a date), value, status and source")
    return Threshold(name, title, raw["from"], float(raw["value"]), raw["status"], raw["source"])
