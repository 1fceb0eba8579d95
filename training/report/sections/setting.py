"""Data and splits, areas, provenance: what a run was made from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from features.dates import horizon_end
from training.report.charts import Span, SplitRow, split_timeline
from training.report.figures import Cell, Figure, Number, Paragraph, Table, optional, paragraph
from training.report.plain_tables import cell_of, title_of
from training.report.sections.measured import estimate
from training.report.texts import words

MOST_AREAS = 40


def data(doc: Mapping[str, Any]) -> list[Paragraph | Table | Figure]:
    """Rows and positives, and the splits as a picture."""
    model, experiment = doc.get("model", {}), doc.get("experiment", {})
    names = words("en")["names"]
    parts: list[Paragraph | Table | Figure] = []
    if model:
        parts.append(
            paragraph(
                Number(model["train_rows"], "count"),
                f" {names['training_rows']}, ",
                Number(model["train_positives"], "count"),
                f" {names['positives']}; ",
                Number(model["trees"], "count"),
                " trees; horizon ",
                Number(experiment["horizon_months"], "count"),
                " months; visits: ",
                str(doc.get("method", {}).get("capacity", "")),
                ".",
            )
        )
    splits = doc.get("split", {}).get("splits", [])
    months = experiment.get("horizon_months")
    if splits and months:
        rows = [
            SplitRow(f"split {at}", _spans(one["train"], months), _spans(one["test"], months))
            for at, one in enumerate(splits, 1)
        ]
        parts.append(
            split_timeline(
                "Time splits",
                "A mark is the date whose knowledge the vectors hold, a bar the months its labels look at. "
                "Training labels end before the test's mark.",
                rows,
                train_title=names["train"],
                test_title=names["test"],
                as_of_title=names["as_of"],
                until_title="labels to",
            )
        )
    return parts


def areas(doc: Mapping[str, Any]) -> list[Paragraph | Table | Figure]:
    """Households, visits and what was found, area by area on the last test date."""
    tests = doc.get("tests", [])
    found = tests[-1].get("areas", []) if tests else []
    if not found:
        return []
    names = words("en")["names"]
    small: tuple[Paragraph, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            f"{one['area']} *" if one.get("is_small") else str(one["area"]),
            *(optional(one.get(key), "count") for key in ("households", "visits", "positives")),
            optional(one.get("found"), "tally"),
            estimate(one.get("base_rate"), "rate"),
            estimate(one.get("precision"), "share"),
            estimate(one.get("recall"), "share"),
        )
        for one in found[:MOST_AREAS]
    )
    counts = ("households", "visits", "positives", "found", "base_rate", "precision", "recall")
    columns = ("", *(names[one] for one in counts))
    table = Table(f"Visit capacity by area, as of {tests[-1]['as_of_date']}", columns, rows)
    least = doc.get("method", {}).get("small_cell")
    if least is not None and any(one.get("is_small") for one in found[:MOST_AREAS]):
        text = " households with the outcome: its numbers say little, and its intervals are Wilson's."
        small = (paragraph("* fewer than ", Number(least, "count"), text, tone="quiet"),)
    left = paragraph("The JSON has the other areas.", tone="quiet")
    return [table, *small] if len(found) <= MOST_AREAS else [table, *small, left]


def provenance(doc: Mapping[str, Any]) -> list[Paragraph | Table | Figure]:
    """Release, revision, fingerprints, libraries, and the experiment's settings."""
    run, settings = doc.get("run"), _settings(doc.get("experiment", {}))
    if not run:
        return settings
    flat = tuple((title_of(key), cell_of(key, one)) for key, one in run.items() if key != "libraries")
    libraries = tuple((name, str(version)) for name, version in run["libraries"].items())
    return [
        Table("Release", ("", ""), flat),
        Table("Libraries", ("library", "version"), libraries),
        *settings,
    ]


def _settings(experiment: Mapping[str, Any]) -> list[Paragraph | Table | Figure]:
    found = [(title_of(key), _setting(one)) for key, one in experiment.items() if _is_short(one)]
    found += [
        (title_of(f"{key} {name}"), _setting(one))
        for key, nested in experiment.items()
        if isinstance(nested, Mapping)
        for name, one in nested.items()
        if _is_short(one)
    ]
    return [Table("Settings", ("setting", "value"), tuple(found))] if found else []


def golden(doc: Mapping[str, Any]) -> list[Paragraph | Table | Figure]:
    """Scores that the made-up rows must give."""
    found = doc.get("golden")
    if not found:
        return []
    note = paragraph(
        "Made-up rows, nobody's, with the scores that every copy of this model must give; they are "
        "checked whenever the bundle is loaded."
    )
    rows = tuple((f"row {at}", Number(score, "four")) for at, score in enumerate(found["scores"], 1))
    return [note, Table("Golden scores", ("", "score"), rows)]


def _spans(dates: list[str], months: int) -> tuple[Span, ...]:
    days = [dt.date.fromisoformat(one) for one in dates]
    return tuple(Span(day, horizon_end(day, months)) for day in days)


def _setting(found: Any) -> Cell:
    # As it was written in the experiment file.
    is_number = isinstance(found, int | float) and not isinstance(found, bool)
    return Number(found, "plain") if is_number else cell_of("", found)


def _is_short(found: Any) -> bool:
    if isinstance(found, Mapping):
        return False
    if isinstance(found, list):
        return 0 < len(found) <= 12 and not any(isinstance(one, Mapping | list) for one in found)
    return True
