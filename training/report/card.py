"""Model card: what a model is for, how well it does, for whom, and what it must not be used for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from training.report.figures import Cell, Number, Paragraph, Table, paragraph
from training.report.markdown import render_markdown
from training.report.naming import group_name, grouping_name, ranking_name
from training.report.page import Language, Page, Section, render_page
from training.report.run_page import name_of, summary, tone_of
from training.report.sections.measured import MEASURES, estimate, ours_of
from training.report.texts import words

LANGUAGES: tuple[Language, ...] = ("zh", "en")


def render_card(doc: Mapping[str, Any]) -> str:
    """The card as one HTML page, Chinese first, English below it; from the run's JSON alone."""
    chinese = words("zh")
    return render_page(
        Page(
            title=chinese["card"]["title"].format(name=name_of(doc)),
            verdict=summary(doc, "zh")[0].parts,
            tone=tone_of(doc),
            sections=tuple(section for one in LANGUAGES for section in card_sections(doc, one)),
            summary=summary(doc, "en"),
            language="zh",
            summary_language="en",
            contents_title=chinese["contents"],
            table_title=chinese["numbers"],
        )
    )


def card_markdown(doc: Mapping[str, Any]) -> str:
    """The same as Markdown."""
    title = " / ".join(words(one)["card"]["title"].format(name=name_of(doc)) for one in LANGUAGES)
    return render_markdown(title, [section for one in LANGUAGES for section in card_sections(doc, one)])


def card_sections(doc: Mapping[str, Any], language: Language) -> list[Section]:
    """The card's sections in one language."""
    said, names = words(language)["card"], words(language)["names"]
    months = doc["experiment"]["horizon_months"]

    def section(key: str, *parts: Paragraph | Table) -> Section:
        return Section(f"{key}-{language}", said[key], parts)

    def listed(key: str) -> Section:
        return section(key, *(paragraph(one) for one in said[f"{key}_list"]))

    return [
        section("purpose", paragraph(said["purpose_text"].format(months=months)), *summary(doc, language)),
        section("users", paragraph(said["users_text"])),
        section("data", paragraph(said["data_text"]), _data(doc, names)),
        section("metrics", _metrics(doc, language)),
        section("groups", paragraph(said["groups_text"]), _groups(doc, language)),
        listed("limits"),
        listed("never"),
        section("contacts", *_contacts(doc, said["filled"])),
    ]


def _data(doc: Mapping[str, Any], names: Mapping[str, str]) -> Table:
    model, experiment = doc["model"], doc["experiment"]
    rows: list[tuple[Cell, ...]] = [
        (names["train"], ", ".join(experiment["train"])),
        (names["test"], ", ".join(experiment["test"])),
        (names["training_rows"], Number(model["train_rows"], "count")),
        (names["positives"], Number(model["train_positives"], "count")),
    ]
    return Table("", ("", ""), tuple(rows))


def _metrics(doc: Mapping[str, Any], language: Language) -> Table:
    """Ours and the best baseline on every test date."""
    names, ours = words(language)["names"], ours_of(doc)
    rows: list[tuple[Cell, ...]] = []
    strong: list[int] = []
    for test in doc["tests"]:
        for name in dict.fromkeys((ours, doc["verdict"]["best_baseline"])):
            one = test["rankings"].get(name)
            if one:
                strong += [len(rows)] if name == ours else []
                row = (estimate(one.get(measure), form) for measure, form in MEASURES)
                rows.append((
                    f"{ranking_name(name, language)}, {test['as_of_date']}",
                    Number(one["n"], "count"),
                    *row,
                ))
    return Table(
        words(language)["interval_note"],
        ("", names["households"], *(names[one] for one, _ in MEASURES)),
        tuple(rows),
        frozenset(strong),
    )


def _groups(doc: Mapping[str, Any], language: Language) -> Table:
    names, test = words(language)["names"], doc["tests"][-1]
    rows = tuple(
        (
            _group(grouping["by"], cell, language),
            Number(cell["positives"], "count"),
            estimate(cell.get("recall"), "share"),
        )
        for grouping in test.get("groups", [])
        for cell in grouping["cells"]
    )
    return Table(f"{names['as_of']} {test['as_of_date']}", ("", names["positives"], names["recall"]), rows)


def _group(by: str, cell: Mapping[str, Any], language: Language) -> str:
    mark = " *" if cell.get("is_small") else ""
    return f"{grouping_name(by, language)}: {group_name(by, cell['group'], language)}{mark}"


def _contacts(doc: Mapping[str, Any], absent: str) -> tuple[Paragraph, ...]:
    operator = doc.get("operator", {})
    return tuple(paragraph(operator.get(key) or absent) for key in ("name", "contact"))
