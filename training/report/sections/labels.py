"""Quality of the labels: how late, how incomplete and how disturbed they are, chart by chart.

What each number does and does not say: docs/explanation/what-the-label-is.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from training.report.charts import Bar, IntervalRow, bars, intervals
from training.report.figures import Cell, Figure, Number, Paragraph, Table, optional, paragraph
from training.report.plain_tables import plain_tables, title_of
from training.report.sections.measured import estimate
from training.report.texts import section_words, words

Parts = list[Paragraph | Table | Figure]
Dated = Sequence[tuple[str, Mapping[str, Any]]]

DELAYS = ("delay_since_onset", "delay_since_lead")
QUARTILES = ("quarter", "median", "three_quarters")
VERSIONS = ("plain", "censored", "weighted")


def label_quality(doc: Mapping[str, Any]) -> Parts:
    """Delay, channels, help before the outcome, missed households, and the score against random visits."""
    found = doc.get("label_quality")
    if not found:
        return []
    tests = found.get("tests", ())
    parts: Parts = [paragraph(section_words("labels")["intro"])]
    parts += _delays(tests)
    parts += _channels(tests)
    parts += _helped(_dated(tests, "helped"))
    parts += _missed(_dated(tests, "missed"))
    parts += _at_random(_dated(tests, "at_random"), doc.get("method", {}).get("small_cell", 0))
    for key, one in found.items():
        if key != "tests":
            parts += plain_tables(title_of(key), one)
    return parts


def _dated(tests: Sequence[Mapping[str, Any]], key: str) -> Dated:
    return [(test["as_of_date"], test[key]) for test in tests if test.get(key)]


def _delays(tests: Sequence[Mapping[str, Any]]) -> Parts:
    said = section_words("labels")
    named = [(f"{said[key]}, {date}", one) for key in DELAYS for date, one in _dated(tests, key)]
    known = [
        IntervalRow(
            name,
            one["median"]["value"],
            one["quarter"]["value"],
            one["three_quarters"]["value"],
            n=one["known"],
        )
        for name, one in named
        if "median" in one
    ]
    if not named:
        return []
    rows = tuple(
        (
            name,
            Number(one["identified"], "count"),
            Number(one["known"], "count"),
            *(estimate(one.get(key), "tally") for key in QUARTILES),
        )
        for name, one in named
    )
    columns = ("", said["identified"], said["known"], *(said[key] for key in QUARTILES))
    table = Table(said["known_title"], columns, rows)
    if not known:
        return [paragraph(said["no_delay"], tone="quiet"), table]
    chart = intervals(
        said["delay_title"], said["delay_says"], known, axis=said["days"], value_title=said["median"],
        n_title=said["known"], form="tally",
    )  # fmt: skip
    return [chart, table]


def _channels(tests: Sequence[Mapping[str, Any]]) -> Parts:
    said = section_words("labels")
    named = [
        (f"{said['channels'].get(one['channel'], one['channel'])}, {date}", one)
        for date, channels in ((test["as_of_date"], test.get("channels", ())) for test in tests)
        for one in channels
    ]
    if not named:
        return []
    recall = words("en")["names"]["recall"]
    rows = [
        Bar(
            f"{name} *" if one.get("is_small") else name,
            one["recall"]["value"],
            one["recall"].get("low"),
            one["recall"].get("high"),
            one["identified"],
        )
        for name, one in named
    ]
    shares = tuple(
        (name, Number(one["identified"], "count"), estimate(one["share"], "share")) for name, one in named
    )
    return [
        bars(said["channel_title"], said["channel_says"], rows, axis=recall),
        Table(said["channel_shares"], ("", said["identified"], said["channel_share"]), shares),
    ]


def _helped(dated: Dated) -> Parts:
    if not dated:
        return []
    said, names = section_words("labels"), words("en")["names"]
    counts = tuple(
        (
            date,
            *(
                optional(one.get(key), "count")
                for key in ("helped", "before_outcome", "before_identification")
            ),
        )
        for date, one in dated
    )
    versions = [(f"{said[key]}, {date}", one[key]) for date, one in dated for key in VERSIONS if one.get(key)]
    chart = intervals(
        said["version_title"],
        said["version_says"],
        [
            IntervalRow(
                name,
                one["precision"]["value"],
                one["precision"].get("low"),
                one["precision"].get("high"),
                n=one["positives"],
            )
            for name, one in versions
        ],
        axis=names["precision"],
        value_title=names["precision"],
        n_title=names["positives"],
        form="share",
    )
    columns = ("", said["helped"], said["before_outcome"], said["before_identification"])
    return [
        paragraph(said["helped_intro"]),
        Table(said["helped_title"], columns, counts),
        chart,
        _versions(said["version_table"], versions),
    ]


def _missed(dated: Dated) -> Parts:
    if not dated:
        return []
    said, names = section_words("labels"), words("en")["names"]
    rows = [
        IntervalRow(f"{said[key]}, {date}", one[key]["value"], one[key].get("low"), one[key].get("high"))
        for date, one in dated
        for key in ("undetected", "missed")
        if one.get(key)
    ]
    chart = intervals(
        said["missed_title"], said["missed_says"], rows, axis=names["households"],
        value_title=said["estimated"],
        form="tally",
    )  # fmt: skip
    table = tuple(
        (
            f"{one['first_on']} → {one['last_on']}",
            *(optional(one.get(key), "count") for key in ("visits", "met", "found", "population")),
            optional(one.get("grace_months"), "count"),
        )
        for _, one in dated
    )
    columns = (
        "",
        said["random_visits"],
        said["met"],
        said["in_difficulty"],
        said["population"],
        said["grace"],
    )
    return [chart, Table(said["visits_title"], columns, table)]


def _at_random(dated: Dated, small_cell: int) -> Parts:
    if not dated:
        return []
    said = section_words("labels")
    named = [(date, one["figures"]) for date, one in dated if one.get("figures")]
    few = [one for _, one in named if one["positives"] < small_cell]
    parts: Parts = [_versions(said["random_title"], named), paragraph(said["random_says"])]
    return [*parts, paragraph(said["few"], tone="warning")] if few else parts


def _versions(title: str, named: Dated) -> Table:
    names = words("en")["names"]

    def row(name: str, one: Mapping[str, Any]) -> tuple[Cell, ...]:
        return (
            name,
            optional(one.get("n"), "count"),
            optional(one.get("positives"), "count"),
            optional(one.get("weight"), "count"),
            estimate(one.get("base_rate"), "rate"),
            estimate(one.get("roc_auc"), "three"),
            estimate(one.get("precision"), "three"),
            estimate(one.get("recall"), "three"),
            estimate(one.get("ece"), "four"),
        )

    measures = ("base_rate", "roc_auc", "precision", "recall", "ece")
    weight = section_words("labels")["stands_for"]
    columns = ("", names["households"], names["positives"], weight, *(names[one] for one in measures))
    return Table(title, columns, tuple(row(name, one) for name, one in named))
