"""Model and baselines: every ranking's numbers with intervals, on each test date and over all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from training.report.charts import Bar, Line, Point, TieRow, bars, lines, ranges
from training.report.figures import (
    ABSENT,
    Cell,
    Figure,
    Form,
    Paragraph,
    Table,
    optional,
    paragraph,
    with_interval,
)
from training.report.naming import ranking_name
from training.report.texts import words

MEASURES: tuple[tuple[str, Form], ...] = (
    ("roc_auc", "three"),
    ("pr_auc", "three"),
    ("precision", "three"),
    ("recall", "three"),
    ("lift", "times"),
    ("brier", "four"),
    ("ece", "four"),
)
"""What is shown of a ranking, and how it is written."""

LINED = ("ours", "champion", "logistic regression", "LightGBM defaults", "points card", "lowest income first")
"""Rankings that are drawn over test dates; all stand in the tables."""


def models(doc: Mapping[str, Any]) -> list[Paragraph | Table | Figure]:
    """The last test date's table, precision with intervals, ranges over ties, and differences to ours."""
    if not doc.get("tests"):
        return []
    test, ours = doc["tests"][-1], ours_of(doc)
    names = words("en")["names"]
    rankings = by_precision(test["rankings"])
    title = f"Out of time, as of {test['as_of_date']}"
    parts: list[Paragraph | Table | Figure] = [
        paragraph(
            f"Last test date {test['as_of_date']}: ",
            *count(test, "n"),
            " households, ",
            *count(test, "positives"),
            f" {names['positives']}, ",
            *count(test, "visits"),
            " visits. ",
            words("en")["interval_note"],
        ),
        _table(title, rankings, ours),
        bars(
            f"{names['precision']}, as of {test['as_of_date']}",
            "Share of visits that reach a household with the outcome, with 95 % intervals.",
            [
                Bar(
                    ranking_name(name, "en"),
                    one["precision"]["value"],
                    one["precision"].get("low"),
                    one["precision"].get("high"),
                    ours=name == ours,
                )
                for name, one in rankings.items()
            ],
            axis=names["precision"],
            form="rate",
        ),
        ranges(
            f"Range over the orders of ties, as of {test['as_of_date']}",
            "Where many share the last place of a list, chance decides who is visited: worst and best order.",
            [
                TieRow(
                    ranking_name(name, "en"),
                    one["precision"]["worst"],
                    one["precision"]["value"],
                    one["precision"]["best"],
                    ours=name == ours,
                )
                for name, one in rankings.items()
                if "worst" in one["precision"]
            ],
            axis=names["precision"],
            form="rate",
        ),
    ]
    gained = doc.get("verdict", {}).get("differences")
    if gained:
        rows = tuple(
            (
                ranking_name(name, "en"),
                estimate(one.get("precision"), "signed"),
                estimate(one.get("pr_auc"), "signed"),
            )
            for name, one in gained.items()
        )
        columns = ("ours minus", names["precision"], names["pr_auc"])
        parts.append(Table("Differences on the same households, over all test dates", columns, rows))
    return parts


def dates(doc: Mapping[str, Any]) -> list[Paragraph | Table | Figure]:
    """A table a test date, and lines over them where there are several."""
    tests, ours = doc.get("tests", []), ours_of(doc)
    if len(tests) < 2:
        return []
    labels = {float(at): test["as_of_date"] for at, test in enumerate(tests)}
    parts: list[Paragraph | Table | Figure] = []
    for measure, form in (("roc_auc", "three"), ("precision", "rate")):
        series = [
            Line(ranking_name(name, "en"), tuple(_points(tests, name, measure)))
            for name in dict.fromkeys((ours, *LINED))
            if any(name in test["rankings"] for test in tests)
        ]
        title = words("en")["names"][measure]
        parts.append(
            lines(
                f"{title} by test date",
                "With 95 % intervals.",
                series,
                x_title="test date",
                y_title=title,
                form="rate" if form == "rate" else "three",
                x_labels=labels,
            )
        )
    for test in tests[:-1]:
        parts.append(_table(f"Out of time, as of {test['as_of_date']}", by_precision(test["rankings"]), ours))
    pooled = doc.get("pooled")
    if pooled:
        parts.append(_table("Over all test dates", by_precision(pooled), ours))
    return parts


def ours_of(doc: Mapping[str, Any]) -> str:
    """What the model itself is called among the rankings."""
    return str(doc.get("method", {}).get("ours", "ours"))


def estimate(found: Any, form: Form) -> Cell:
    """An estimate ``{value, low, high}`` as a cell."""
    return ABSENT if not found else with_interval(found["value"], found.get("low"), found.get("high"), form)


def count(found: Mapping[str, Any], key: str) -> tuple[Any, ...]:
    """A count as a part of a paragraph."""
    cell = optional(found.get(key), "count")
    return cell if isinstance(cell, tuple) else (cell,)


def by_precision(rankings: Mapping[str, Any]) -> dict[str, Any]:
    """Rankings, the highest precision first."""
    return dict(sorted(rankings.items(), key=lambda one: -one[1]["precision"]["value"]))


def _table(title: str, rankings: Mapping[str, Any], ours: str) -> Table:
    names = words("en")["names"]
    rows = tuple(
        (
            ranking_name(name, "en"),
            optional(one.get("n", one.get("positives")), "count"),
            *(estimate(one.get(measure), form) for measure, form in MEASURES),
        )
        for name, one in rankings.items()
    )
    strong = frozenset(at for at, name in enumerate(rankings) if name == ours)
    has_n = all("n" in one for one in rankings.values())
    columns = ("", "n" if has_n else names["positives"], *(names[one] for one, _ in MEASURES))
    return Table(title, columns, rows, strong)


def _points(tests: Any, name: str, measure: str) -> list[Point]:
    found = []
    for at, test in enumerate(tests):
        one = test["rankings"].get(name, {}).get(measure)
        if one:
            found.append(Point(float(at), one["value"], one.get("low"), one.get("high")))
    return found
