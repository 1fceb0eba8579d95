"""Silent feeds: what is left of the scores of a test date when one feed has fallen silent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from training.report.charts import IntervalRow, intervals
from training.report.figures import Cell, Figure, Form, Number, Paragraph, Part, Table, paragraph
from training.report.naming import feed_name
from training.report.sections.measured import count, estimate
from training.report.texts import section_words, words

MEASURES: tuple[tuple[str, Form], ...] = (
    ("predicted", "rate"),
    ("ratio", "two"),
    ("moved", "times"),
    ("roc_auc", "three"),
    ("precision", "share"),
    ("ece", "four"),
)
"""What is shown of each, and how it is written."""


def silent_feeds(doc: Mapping[str, Any]) -> list[Paragraph | Table | Figure]:
    """Mean score ÷ observed share with each feed silent, whether it is level, and every number as a table."""
    found = doc.get("silent_feeds")
    if not found:
        return []
    said, names = section_words("silence"), words("en")["names"]

    def name_of(one: Mapping[str, Any]) -> str:
        return feed_name(one["feed"], "en") if one.get("feed") else str(said["none"])

    whole, heads = found[0], {**said, **names}
    off = [name_of(one) for one in found if not one["is_level"]]
    told = said["not_level"].format(names="; ".join(off)) if off else said["level"]
    rows = [
        IntervalRow(name_of(one), one["ratio"]["value"], one["ratio"].get("low"), one["ratio"].get("high"))
        for one in found
    ]
    table = Table(
        said["table"],
        ("", said["features"], *(heads[key] for key, _ in MEASURES)),
        tuple(
            (
                name_of(one),
                Number(one["features"], "count"),
                *(estimate(one.get(key), form) for key, form in MEASURES),
            )
            for one in found
        ),
        frozenset({0}),
    )
    return [
        paragraph(
            said["intro"],
            *count(whole, "n"),
            f" {names['households']}, ",
            *count(whole, "positives"),
            f" {names['positives']}, ",
            *count(whole, "visits"),
            f" {names['visits']}; {said['observed']} ",
            *_parts(estimate(whole["observed"], "rate")),
            ".",
        ),
        paragraph(told, tone="warning" if off else "plain"),
        intervals(
            said["title"], said["says"], rows, axis=said["ratio"], value_title=said["ratio"], form="two",
            reference=1.0,
        ),
        table,
    ]  # fmt: skip


def _parts(cell: Cell) -> tuple[Part, ...]:
    return cell if isinstance(cell, tuple) else (cell,)
