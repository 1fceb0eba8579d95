"""Register record: the fields that a filing of an algorithm asks for, as far as the software knows them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

import yaml

from training.report.card import LANGUAGES
from training.report.figures import Table, paragraph
from training.report.markdown import render_markdown
from training.report.page import Language, Section
from training.report.run_page import name_of
from training.report.sections.measured import MEASURES, estimate, ours_of
from training.report.texts import words

_OPERATOR = {"operator_name": "name", "contact": "contact"}
"""Fields that the operator's settings hold."""


def register_record(doc: Mapping[str, Any]) -> dict[str, Any]:
    """The record as plain data, from the run's JSON alone.

    Each field has its text in both languages, its source (``cn``, ``eu``), who fills it in, and a value in
    both languages; ``None`` where the operator still has to give it. `metrics` are of the last test date.
    """
    given = _given(doc)
    test = doc["tests"][-1]
    ours = test["rankings"][ours_of(doc)]
    return {
        "format": 1,
        "name": name_of(doc),
        "note": {one: words(one)["record"]["note"] for one in LANGUAGES},
        "fields": [_field(one, given, doc.get("operator", {})) for one in _fields()],
        "verdict": doc["verdict"]["verdict"],
        "tested_as_of": test["as_of_date"],
        "households": test["n"],
        "positives": test["positives"],
        "metrics": {name: ours[name] for name, _ in MEASURES if name in ours},
        "trained_as_of": doc["experiment"]["train"],
        "training_rows": doc["model"]["train_rows"],
        "training_positives": doc["model"]["train_positives"],
    }


def record_markdown(record: Mapping[str, Any]) -> str:
    """The record as Markdown, Chinese first."""
    title = " / ".join(words(one)["record"]["title"].format(name=record["name"]) for one in LANGUAGES)
    return render_markdown(title, [_section(record, one) for one in LANGUAGES])


def _section(record: Mapping[str, Any], language: Language) -> Section:
    said, names = words(language), words(language)["names"]
    fields = tuple(
        (one[language], (one["value"] or {}).get(language) or said["card"]["filled"], one["source"])
        for one in record["fields"]
    )
    metrics = tuple(
        (names[name], estimate(record["metrics"][name], form))
        for name, form in MEASURES
        if name in record["metrics"]
    )
    title = said["record"]["title"].format(name=record["name"])
    return Section(
        language,
        title,
        (
            paragraph(said["record"]["note"]),
            Table("", (said["record"]["field"], said["record"]["value"], ""), fields),
            Table(f"{names['as_of']} {record['tested_as_of']}", ("", ""), metrics),
        ),
    )


def _field(field: Mapping[str, Any], given: Mapping[str, Any], operator: Mapping[str, Any]) -> dict[str, Any]:
    value = None
    if field["from"] == "software":
        value = {one: field["value"][one].format(**given) for one in LANGUAGES}
    elif operator.get(_OPERATOR.get(field["key"], "")):
        value = dict.fromkeys(LANGUAGES, operator[_OPERATOR[field["key"]]])
    return {
        "key": field["key"],
        "source": field["source"],
        "filled_in_by": field["from"],
        "zh": field["zh"],
        "en": field["en"],
        "value": value,
    }


def _given(doc: Mapping[str, Any]) -> dict[str, Any]:
    run, experiment = doc["run"], doc["experiment"]
    return {
        "version": run["version"],
        "months": experiment["horizon_months"],
        "trees": doc["model"]["trees"],
        "features": run["features_count"],
        "train": ", ".join(experiment["train"]),
        "data_sha256": run["data_sha256"],
        "feature_version": run["feature_version"],
        "policy_version": run["policy_version"],
    }


@cache
def _fields() -> tuple[dict[str, Any], ...]:
    text = resources.files("training.report.texts").joinpath("register.yaml").read_text(encoding="utf-8")
    return tuple(yaml.safe_load(text))
