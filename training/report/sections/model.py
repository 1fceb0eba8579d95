"""What moves the model, what it needs and how it was chosen: explanations, ablation, choices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from training.report.charts import Bar, Line, Point, SwarmRow, bars, lines, swarm
from training.report.figures import Figure, Number, Paragraph, Table, paragraph
from training.report.sections.measured import estimate


def explanations(doc: Mapping[str, Any]) -> list[Paragraph | Table | Figure]:
    """Mean contribution by cause family, the strongest features dot by dot, stability and additivity."""
    found = doc.get("explanations")
    if not found:
        return []
    said = "Mean size of the contribution to the calibrated log-odds over a sample of training households."
    parts: list[Paragraph | Table | Figure] = [
        paragraph(
            "Contributions say what moves the model, not what causes hardship. Sample: ",
            Number(found["households"], "count"),
            " households of the last training date.",
        ),
        bars(
            "By cause family",
            said,
            [Bar(f"{one['en']} {one['zh']}", one["strength"]) for one in found["families"]],
            axis="log-odds",
            form="three",
        ),
        swarm(
            "Strongest features",
            "A dot is a household; to the right it raises the score. Blue: low, red: high, grey: missing.",
            [
                SwarmRow(one["en"], one["strength"], tuple((value, level) for value, level in one["points"]))
                for one in found["features"]
            ],
            axis="log-odds",
            strength_title="mean size",
        ),
    ]
    stability = found.get("stability")
    if stability:
        rows = (
            (
                "households of the highest scores",
                Number(stability["listed_households"], "count"),
                Number(stability["listed"], "share"),
            ),
            (
                "households drawn at random",
                Number(stability["random_households"], "count"),
                Number(stability["random"], "share"),
            ),
        )
        parts.append(
            Table("Overlap of the three strongest reasons across seeds", ("", "households", "overlap"), rows)
        )
    gaps = found["additivity"]
    rows_of_gaps = (
        ("base + contributions against log-odds", Number(gaps["sum_gap"], "tiny")),
        ("contributions against LightGBM's own", Number(gaps["library_gap"], "tiny")),
    )
    return [*parts, Table("Largest gaps, in log-odds", ("", "gap"), rows_of_gaps)]


def ablation(doc: Mapping[str, Any]) -> list[Paragraph | Table | Figure]:
    """What the model loses without each theme."""
    found = doc.get("ablation")
    if not found:
        return []
    rows = [
        Bar(
            one["theme"],
            one["lost"]["pr_auc"]["value"],
            one["lost"]["pr_auc"].get("low"),
            one["lost"]["pr_auc"].get("high"),
        )
        for one in found
    ]
    table = Table(
        "Without each theme",
        ("theme left out", "PR-AUC without it", "precision lost", "PR-AUC lost"),
        tuple(
            (
                one["theme"],
                estimate(one.get("pr_auc"), "three"),
                estimate(one["lost"].get("precision"), "signed"),
                estimate(one["lost"].get("pr_auc"), "signed"),
            )
            for one in found
        ),
    )
    chart = bars(
        "PR-AUC lost without a theme",
        "An interval that spans zero says that the theme is not missed.",
        rows,
        axis="PR-AUC lost",
        form="signed",
    )
    return [chart, table]


def choices(doc: Mapping[str, Any]) -> list[Paragraph | Table | Figure]:
    """Regret of each candidate on past dates; none of them is a test date."""
    parts: list[Paragraph | Table | Figure] = []
    for at, one in enumerate(doc.get("choices", []), 1):
        labels = {float(place): date for place, date in enumerate(one["dates"])}
        series = [
            Line(
                each["candidate"],
                tuple(Point(float(place), value) for place, value in enumerate(each["regrets"])),
            )
            for each in one["candidates"]
        ]
        parts.append(
            paragraph(f"Split {at}: chosen by the smallest mean regret of {one['measure']}: {one['chosen']}.")
        )
        parts.append(
            lines(
                f"Regret on past dates, split {at}",
                "How far each candidate was behind the best of each date.",
                series,
                x_title="past date",
                y_title="regret",
                form="four",
                x_labels=labels,
                zero=True,
            )
        )
        rows = tuple(
            (each["candidate"], Number(each["mean_regret"], "four"), Number(each["worst_regret"], "four"))
            for each in one["candidates"]
        )
        parts.append(Table(f"Regret, split {at}", ("candidate", "mean", "worst"), rows))
    return parts
