"""Run page: a run's JSON as one HTML page, from the JSON object alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from training.report.figures import Cell, Figure, Number, Paragraph, Part, Table, paragraph
from training.report.further import filled, further_sentences
from training.report.naming import ranking_name
from training.report.page import Page, Section, render_page
from training.report.plain_tables import plain_tables, title_of
from training.report.sections import (
    fairness,
    labels,
    listing,
    measured,
    model,
    outlook,
    setting,
    silence,
)
from training.report.sections.measured import estimate, ours_of
from training.report.texts import words

Parts = list[Paragraph | Table | Figure]
Builder = Callable[[Mapping[str, Any]], Parts]

BUILDERS: tuple[tuple[str, Builder], ...] = (
    ("data", setting.data),
    ("models", measured.models),
    ("dates", measured.dates),
    ("areas", setting.areas),
    ("groups", fairness.groups),
    ("calibration", fairness.calibration),
    ("lists", listing.changes),
    ("churn", listing.churn),
    ("dial", listing.dial),
    ("ablation", model.ablation),
    ("choices", model.choices),
    ("horizons", outlook.horizons),
    ("themes", outlook.themes),
    ("label_quality", labels.label_quality),
    ("silent_feeds", silence.silent_feeds),
    ("explanations", model.explanations),
    ("golden", setting.golden),
    ("provenance", setting.provenance),
)
"""Sections with charts of their own, in the order of the page."""

PLAIN = ("tuning", "certainty")
"""Keys of the JSON that are shown as tables, before what moves the model."""

DRAWN = {
    "format", "verdict", "experiment", "split", "model", "method", "tests", "pooled", "list_changes", "churn",
    "ablation", "choices", "explanations", "golden", "run", "operator", "horizons", "themes", "label_quality",
    "silent_feeds", "champion_note",
}  # fmt: skip
"""Keys of the JSON that the builders read; any other key is shown as tables, so that nothing is dropped."""


def render_report(doc: Mapping[str, Any]) -> str:
    """The page of a run; sections that the JSON does not have are left out."""
    sections = [_section(key, build(doc)) for key, build in BUILDERS]
    plain = [_section(key, [*plain_tables(title_of(key), doc[key])]) for key in PLAIN if doc.get(key)]
    others = sorted(set(doc) - DRAWN - set(PLAIN))
    more = _section("more", [table for key in others for table in plain_tables(title_of(key), doc[key])])
    at = [key for key, _ in BUILDERS].index("explanations")
    found = [*sections[:at], *plain, *sections[at:], more]
    english = words("en")
    return render_page(
        Page(
            title=english["report"].format(name=name_of(doc)),
            verdict=(str(doc["verdict"]["sentence"]),),
            tone=tone_of(doc),
            summary=summary(doc, "zh"),
            sections=tuple(one for one in found if one is not None),
            contents_title=english["contents"],
            table_title=english["numbers"],
            footer=(english["summary"]["use"],),
        )
    )


def name_of(doc: Mapping[str, Any]) -> str:
    """What the run is called: its release, else its experiment."""
    return str(doc.get("run", {}).get("version") or doc.get("experiment", {}).get("name", ""))


def tone_of(doc: Mapping[str, Any]) -> Literal["good", "bad"]:
    """How the verdict is set."""
    return "good" if doc["verdict"]["is_better"] is True else "bad"


def summary(doc: Mapping[str, Any], language: str) -> tuple[Paragraph, ...]:
    """What the run found, in a few sentences."""
    said = words(language)["summary"]
    verdict = doc["verdict"]
    sentence = said["verdict"][verdict["verdict"]].format(
        baseline=ranking_name(verdict["best_baseline"], language)
    )
    found = [paragraph(sentence, tone="plain" if verdict["is_better"] else "warning")]
    level = [name for name, word in verdict.get("words", {}).items() if word != "better"]
    if level:
        names = said["name_separator"].join(ranking_name(name, language) for name in level)
        found.append(paragraph(said["not_beaten"].format(names=names)))
    if doc.get("tests") and doc.get("model"):
        test, trained = doc["tests"][-1], doc["model"]
        ours = test["rankings"][ours_of(doc)]
        counts = (trained["train_rows"], trained["train_positives"], test["n"], test["positives"])
        found.append(
            paragraph(
                *filled(said["data"], [Number(one, "count") for one in counts], date=test["as_of_date"])
            )
        )
        cells: tuple[Cell, ...] = (
            Number(test["visits"], "count"),
            estimate(ours["recall"], "share"),
            estimate(ours["precision"], "share"),
            estimate(ours["lift"], "times"),
        )
        parts: list[Part] = []
        for text, cell in zip(said["list"], cells, strict=True):
            parts += [text, *(cell if isinstance(cell, tuple) else (cell,))]
        found.append(paragraph(*parts, said["end"]))
    found += further_sentences(doc, language)
    return (*found, paragraph(said["use"], tone="quiet"))


def _section(key: str, parts: Parts) -> Section | None:
    if not parts:
        return None
    return Section(key, words("en")["sections"][key], tuple(parts), words("zh")["sections"][key])
