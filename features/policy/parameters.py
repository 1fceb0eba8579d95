"""Dated, sourced policy values, read from the YAML files beside this module.

A value is looked up for a *policy region* and a date. Regions inherit: ``CN-50`` falls back to ``CN``.
A date before the first entry is an error, never a silent default. Every entry carries its source and a
status, ``published`` or ``assumption``; surfaces that show the number show the status too.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml

from features.errors import PolicyError

DEFAULT_REGION = "CN-50"
"""Chongqing, whose system the software was first made for."""

STATUSES = ("published", "assumption")
"""What an entry may be: given by a published document, or not."""


@dataclass(frozen=True)
class PolicyValue:
    """One value in force from `effective_from` on, until the next entry of its parameter."""

    parameter: str
    region: str
    effective_from: dt.date
    value: Any
    unit: str
    status: str
    source: str

    @property
    def is_assumption(self) -> bool:
        """Whether no published document gives this number."""
        return self.status == "assumption"


def policy_value(parameter: str, region: str, on: dt.date) -> PolicyValue:
    """The value of `parameter` in force in `region` on a date.

    Raises `PolicyError` for an unknown parameter or region, and for a date before the first entry.
    """
    entries = policy_history(parameter, region)
    in_force = [entry for entry in entries if entry.effective_from <= on]
    if not in_force:
        raise PolicyError(
            f"{parameter} for {entries[0].region} is defined from {entries[0].effective_from} on; "
            "nothing is in force on the date asked for. Add an earlier, sourced entry "
            f"to policy/{parameter}.yaml."
        )
    return in_force[-1]


def policy_history(parameter: str, region: str) -> tuple[PolicyValue, ...]:
    """All entries of `parameter` for `region`, oldest first."""
    regions = _load(parameter)
    for one in region_and_above(region):
        if one in regions:
            return regions[one]
    raise PolicyError(
        f"{parameter} has no entry for the region {region}; policy/{parameter}.yaml has {', '.join(regions)}"
    )


def region_and_above(region: str) -> tuple[str, ...]:
    """A policy region and those it inherits from, nearest first: ``CN-50``, ``CN``."""
    parts = region.split("-")
    return tuple("-".join(parts[:length]) for length in range(len(parts), 0, -1))


def parameters() -> tuple[str, ...]:
    """The names of all parameters: the YAML files of this folder."""
    files = resources.files(__package__).iterdir()
    return tuple(sorted(file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml")))


def regions_of(parameter: str) -> tuple[str, ...]:
    """The regions a parameter has entries for."""
    return tuple(_load(parameter))


def title_of(parameter: str) -> tuple[str, str]:
    """What a parameter is called, in Chinese and English."""
    title = _document(parameter)["title"]
    return str(title["zh"]), str(title["en"])


@cache
def policy_version() -> str:
    """A short hash over all policy files: two runs with one version used the same numbers."""
    digest = hashlib.sha256()
    for name in (*parameters(), *_measure_files()):
        digest.update(name.encode())
        digest.update(resources.files(__package__).joinpath(f"{name}.yaml").read_bytes())
    return digest.hexdigest()[:12]


def _measure_files() -> tuple[str, ...]:
    files = resources.files(__package__).joinpath("measures").iterdir()
    return tuple(
        sorted(f"measures/{file.name.removesuffix('.yaml')}" for file in files if file.name.endswith(".yaml"))
    )


@cache
def _load(parameter: str) -> dict[str, tuple[PolicyValue, ...]]:
    if parameter not in parameters():
        raise PolicyError(f"there is no policy parameter {parameter}; there are {', '.join(parameters())}")
    document = _document(parameter)
    regions = {
        region: tuple(_entry(parameter, document["unit"], region, raw) for raw in entries)
        for region, entries in document["regions"].items()
    }
    for region, entries in regions.items():
        dates = [entry.effective_from for entry in entries]
        if dates != sorted(set(dates)):
            raise PolicyError(f"policy/{parameter}.yaml, {region}: entries stand in order of date, each once")
    return regions


def _document(parameter: str) -> dict[str, Any]:
    text = resources.files(__package__).joinpath(f"{parameter}.yaml").read_text(encoding="utf-8")
    document: dict[str, Any] = yaml.safe_load(text)
    return document


def _entry(parameter: str, unit: str, region: str, raw: dict[str, Any]) -> PolicyValue:
    missing = {"from", "value", "status", "source"} - raw.keys()
    if missing or raw["status"] not in STATUSES or not isinstance(raw["from"], dt.date):
        raise PolicyError(
            f"policy/{parameter}.yaml, {region}: every entry needs from (a date), value, "
            f"status ({' or '.join(STATUSES)}) and source"
        )
    return PolicyValue(parameter, region, raw["from"], raw["value"], unit, raw["status"], raw["source"])
