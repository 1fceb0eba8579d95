"""Files of a run: the report, its JSON, the model card and the register record, side by side."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scoring.bundle import Manifest
from scoring.registry import REPORT
from training.errors import DataError
from training.explanations import Explanations
from training.report.card import card_markdown, render_card
from training.report.record import record_markdown, register_record
from training.report.run_page import render_report

RENDERED = ("report.html", "model_card.html", "model_card.md", "algorithm_record.json", "algorithm_record.md")
"""What is made from the report's JSON alone, and can be made again."""

MOST_BYTES = 2_000_000
"""Largest page: it is sent by mail and opened on old machines."""


@dataclass(frozen=True)
class Operator:
    """Who runs the system, as cards and records name them; empty where nobody said so."""

    name: str = ""
    contact: str = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Operator:
        """From ``FANGFAN_OPERATOR`` and ``FANGFAN_CONTACT``."""
        found = os.environ if environment is None else environment
        return cls(found.get("FANGFAN_OPERATOR", ""), found.get("FANGFAN_CONTACT", ""))


def report_json(
    evaluation: Mapping[str, Any], manifest: Manifest, explanations: Explanations, operator: Operator
) -> dict[str, Any]:
    """The evaluation's JSON with what the release adds: provenance, explanations, golden scores, operator."""
    made_from = manifest.provenance
    run = {
        "version": manifest.version,
        "created_at": manifest.created_at,
        "region": manifest.region,
        "label": manifest.label,
        "git_revision": made_from.git_revision,
        "data_sha256": made_from.data_sha256,
        "feature_version": manifest.feature_version,
        "policy_version": manifest.policy_version,
        "features_count": len(manifest.features),
        "seed": made_from.seed,
        "libraries": made_from.libraries,
    }
    named = {"name": operator.name, "contact": operator.contact}
    return {
        **evaluation,
        "run": run,
        "explanations": explanations.as_json(),
        "golden": {"rows": len(manifest.golden.rows), "scores": manifest.golden.scores},
        "operator": {key: value for key, value in named.items() if value},
    }


def write_report(doc: Mapping[str, Any], folder: Path) -> Path:
    """Write ``report.json`` and everything made from it into a folder; returns the JSON's path."""
    path = folder / REPORT
    write_whole(path, _json(doc))
    render_files(folder)
    return path


def render_files(folder: Path) -> tuple[Path, ...]:
    """Make page, card and record of a run's folder anew from its ``report.json``.

    Raises `DataError` where that is absent or not of this software.
    """
    doc = read_report(folder)
    try:
        record = register_record(doc)
        texts = (
            render_report(doc),
            render_card(doc),
            card_markdown(doc),
            _json(record),
            record_markdown(record),
        )
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise DataError(f"{REPORT} is not of the known form, at {error}") from None
    for name, text in zip(RENDERED, texts, strict=True):
        write_whole(folder / name, text)
    return tuple(folder / name for name in RENDERED)


def read_report(folder: Path) -> dict[str, Any]:
    """The report's JSON of a run's folder; raises `DataError` where there is none."""
    path = folder / REPORT
    if not path.is_file():
        raise DataError(f"{folder} holds no {REPORT}: give the folder of a run, beside its bundle")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise DataError(f"{REPORT} is not JSON") from None
    if not isinstance(found, dict) or not isinstance(found.get("verdict"), dict):
        raise DataError(f"{REPORT} is not the report of a run")
    return found


def _json(found: Any) -> str:
    return json.dumps(found, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def write_whole(path: Path, text: str) -> None:
    """Write a file so that nobody ever reads half of it: where the disk is full, the old one stays."""
    fresh = path.with_name(f".{path.name}-new")
    try:
        fresh.write_text(text, encoding="utf-8", newline="\n")
        os.replace(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)
