"""Groups and causes, and calibration: for whom the list works, and whether a score means what it says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from training.report.charts import Bar, Bin, ReliabilitySeries, bars, reliability_curve
from training.report.figures import Figure, Number, Paragraph, Table, optional, paragraph
from training.report.naming import group_name, grouping_name
from training.report.sections.measured import estimate, ours_of
from training.report.texts import words


def groups(doc: Mapping[str, Any]) -> list[Paragraph | Table | Figure]:
    """Recall at capacity in every group of the last test date, with n and intervals."""
    tests = doc.get("tests", [])
    found = tests[-1].get("groups", []) if tests else []
    if not found:
        return []
    test, names = tests[-1], words("en")["names"]
    overall = test["rankings"][ours_of(doc)]["recall"]["value"]
    parts: list[Paragraph | Table | Figure] = [
        paragraph(
            "Recall: of the households with the outcome, the share that the list reaches. Over all it is ",
            Number(overall, "share"),
            ". n is the number of households with the outcome; groups with fewer than ",
            *_small(doc),
            " are marked *: such a recall says little.",
        )
    ]
    for grouping in found:
        cells = [one for one in grouping["cells"] if one.get("recall")]
        if not cells:
            continue
        parts.append(
            bars(
                f"{names['recall']} by {grouping_name(grouping['by'], 'en')}",
                f"Test date {test['as_of_date']}; the line is the recall over all.",
                [
                    Bar(
                        _marked(grouping["by"], one),
                        one["recall"]["value"],
                        one["recall"].get("low"),
                        one["recall"].get("high"),
                        one["positives"],
                    )
                    for one in cells
                ],
                axis=names["recall"],
                reference=overall,
                reference_name="all",
            )
        )
    rows = tuple(
        (
            f"{grouping_name(grouping['by'], 'en')}: {_marked(grouping['by'], one)}",
            optional(one.get("n"), "count"),
            optional(one.get("visits"), "tally"),
            Number(one["positives"], "count"),
            Number(one["found"], "tally"),
            estimate(one.get("recall"), "share"),
        )
        for grouping in found
        for one in grouping["cells"]
    )
    columns = (
        "group",
        names["households"],
        names["visits"],
        names["positives"],
        names["found"],
        names["recall"],
    )
    return [*parts, Table(f"All groups, as of {test['as_of_date']}", columns, rows)]


def calibration(doc: Mapping[str, Any]) -> list[Paragraph | Table | Figure]:
    """Reliability curves of all test dates, with Brier score and calibration error."""
    tests, ours = doc.get("tests", []), ours_of(doc)
    series = [
        ReliabilitySeries(
            f"as of {test['as_of_date']}",
            tuple(
                Bin(
                    one["predicted"],
                    one["observed"]["value"],
                    one["observed"].get("low"),
                    one["observed"].get("high"),
                    one["households"],
                )
                for one in test["reliability"]
            ),
        )
        for test in tests
        if test.get("reliability")
    ]
    if not series:
        return []
    names = words("en")["names"]
    rows = tuple(
        (
            test["as_of_date"],
            estimate(test["rankings"][ours].get("ece"), "four"),
            estimate(test["rankings"][ours].get("brier"), "four"),
            Number(test["base_rate"], "rate"),
        )
        for test in tests
    )
    return [
        reliability_curve(
            "Reliability curve",
            "Households in bins of equal size. On the dashed line as many were identified as foretold; "
            "axes are square roots.",
            series,
            x_title="mean score",
            y_title="share newly identified",
        ),
        Table(
            "Calibration by test date",
            (names["as_of"], names["ece"], names["brier"], names["base_rate"]),
            rows,
        ),
    ]


def _marked(by: str, cell: Mapping[str, Any]) -> str:
    name = group_name(by, cell["group"], "en")
    return f"{name} *" if cell.get("is_small") else name


def _small(doc: Mapping[str, Any]) -> tuple[Any, ...]:
    least = doc.get("method", {}).get("small_cell")
    return ("a few",) if least is None else (Number(least, "count"),)
