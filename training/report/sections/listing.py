"""Lists over time, beside the champion, the cost dial: what the list means for those who visit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from training.report.charts import DialPoint, Line, Point, cost_dial, lines
from training.report.figures import Figure, Number, Paragraph, Table, optional, paragraph
from training.report.naming import ranking_name
from training.report.sections.measured import estimate, ours_of
from training.report.texts import words


def changes(doc: Mapping[str, Any]) -> list[Paragraph | Table | Figure]:
    """Who stays, leaves and enters between consecutive lists, with the Jaccard index."""
    found = doc.get("list_changes")
    if not found:
        return []
    keys = ("listed_before", "listed_after", "stay", "leave", "enter", "no_longer_in_cohort")
    rows = tuple(
        (
            f"{one['from_date']} → {one['to_date']}",
            *(optional(one.get(key), "count") for key in keys),
            estimate(one.get("jaccard"), "three"),
        )
        for one in found
    )
    columns = ("", "before", "after", "stay", "leave", "enter", "no longer in the cohort", "Jaccard")
    return [Table("Consecutive lists, in households", columns, rows)]


def churn(doc: Mapping[str, Any]) -> list[Paragraph | Table | Figure]:
    """Our list beside the champion's on each test date."""
    found, note = doc.get("churn"), doc.get("champion_note")
    said: list[Paragraph | Table | Figure] = [paragraph(str(note), tone="warning")] if note else []
    if not found:
        return said
    rows = tuple(
        (
            f"{one['as_of_date']}, {one['champion']}",
            *(optional(one.get(key), "count") for key in ("stay", "leave", "enter")),
            estimate(one.get("jaccard"), "three"),
            estimate(one["difference"].get("precision"), "signed"),
            "yes" if one.get("champion_saw_test") else "no",
        )
        for one in found
    )
    columns = ("", "stay", "leave", "enter", "Jaccard", "precision, ours minus it", "had seen the outcomes")
    return [*said, Table("Beside the champion, in households", columns, rows)]


def dial(doc: Mapping[str, Any]) -> list[Paragraph | Table | Figure]:
    """Visits against found and missed households on the last test date, in counts."""
    tests, ours = doc.get("tests", []), ours_of(doc)
    found = tests[-1].get("dial", {}) if tests else {}
    if not found:
        return []
    names, date = words("en")["names"], tests[-1]["as_of_date"]
    parts: list[Paragraph | Table | Figure] = []
    if ours in found:
        parts.append(
            cost_dial(
                f"Cost dial, as of {date}",
                "More visits find more households with the outcome; what each visit adds becomes less.",
                [
                    DialPoint(one["visits"], one["found"]["value"], one["missed"]["value"])
                    for one in found[ours]
                ],
                visits_title=names["visits"],
                found_title=names["found"],
                missed_title=names["missed"],
                capacity=tests[-1]["visits"],
                capacity_title="capacity",
            )
        )
    ordered = sorted(found.items(), key=lambda one: one[0] != ours)
    series = [
        Line(
            ranking_name(name, "en"),
            tuple(
                Point(
                    one["visits"], one["missed"]["value"], one["missed"].get("low"), one["missed"].get("high")
                )
                for one in points
            ),
        )
        for name, points in ordered
    ]
    parts.append(
        lines(
            f"{names['missed']}, as of {date}",
            "Households with the outcome that no visit reaches.",
            series,
            x_title=names["visits"],
            y_title=names["missed"],
            form="count",
            zero=True,
        )
    )
    rows = tuple(
        (
            ranking_name(name, "en"),
            Number(one["visits"], "count"),
            estimate(one["found"], "tally"),
            estimate(one["missed"], "tally"),
        )
        for name, points in ordered
        for one in points
    )
    parts.append(
        Table("Cost dial with intervals", ("", names["visits"], names["found"], names["missed"]), rows)
    )
    return parts
