"""Horizons and themes: what was foretold for nearer dates and for each theme, against what came."""

from __future__ import annotations

import calendar
from collections.abc import Mapping, Sequence
from typing import Any

from training.report.charts import Bar, IntervalRow, bars, heat, intervals
from training.report.figures import Cell, Figure, Number, Paragraph, Part, Table, optional, paragraph
from training.report.further import filled
from training.report.naming import feature_name, theme_name
from training.report.plain_tables import plain_tables, title_of
from training.report.sections.measured import estimate
from training.report.texts import section_words, words

Parts = list[Paragraph | Table | Figure]
Named = Sequence[tuple[str, Mapping[str, Any]]]

READ = {"tests", "learned", "shares", "covariates", "season"}
"""Keys of the sections that are drawn; any other is shown as a table."""


def horizons(doc: Mapping[str, Any]) -> Parts:
    """Foretold and observed households by horizon, and whether the timing model is worth having."""
    found = doc.get("horizons")
    if not found:
        return []
    said = section_words("outlook")
    named = [
        (f"{one['months']} {said['months']}, {test['as_of_date']}", {"n": test.get("n"), **one["figures"]})
        for test in found.get("tests", ())
        for one in test["horizons"]
        if one.get("figures")
    ]
    shares = [Bar(f"{months} {said['months']}", value) for months, value in found.get("shares", {}).items()]
    return [
        paragraph(said["horizons"]),
        *_foretold(named),
        *_shares(shares, said["shares_by_horizon"]),
        *_season(found.get("season")),
        *_worth(found),
        *_rest(found),
    ]


def themes(doc: Mapping[str, Any]) -> Parts:
    """Foretold and observed households by theme, and the theme foretold first against the verified one."""
    found = doc.get("themes")
    if not found:
        return []
    said = section_words("outlook")
    tests = found.get("tests", ())
    named = [
        (f"{theme_name(one['theme'], 'en')}, {test['as_of_date']}", one["figures"])
        for test in tests
        for one in test["figures"]
        if one.get("figures")
    ]
    shares = [Bar(theme_name(theme, "en"), value) for theme, value in found.get("shares", {}).items()]
    parts: Parts = [paragraph(said["themes"]), *_foretold(named)]
    parts += _among([(test["as_of_date"], one) for test in tests for one in test["figures"]])
    for test in tests:
        parts += _confusion(test)
    return [*parts, *_shares(shares, said["shares_by_theme"]), *_worth(found), *_rest(found)]


def _foretold(named: Named) -> Parts:
    """One chart and one table over all dates, with what lies outside its interval said in words."""
    if not named:
        return []
    said, names = section_words("outlook"), words("en")["names"]
    chart = intervals(
        said["foretold_title"],
        said["foretold_says"],
        [
            IntervalRow(
                name,
                one["observed"]["value"],
                one["observed"].get("low"),
                one["observed"].get("high"),
                one["predicted"],
            )
            for name, one in named
        ],
        axis=names["households"],
        value_title=said["observed"],
        other_title=said["foretold"],
        form="tally",
    )
    has_n = any(one.get("n") is not None for _, one in named)
    rows = tuple(
        (
            name,
            *((optional(one.get("n"), "count"),) if has_n else ()),
            optional(one.get("positives"), "count"),
            estimate(one.get("ratio"), "two"),
            estimate(one.get("roc_auc"), "three"),
            estimate(one.get("pr_auc"), "three"),
            estimate(one.get("ece"), "four"),
        )
        for name, one in named
    )
    n_title = (names["households"],) if has_n else ()
    columns = (
        "", *n_title, said["identified"], said["ratio"], names["roc_auc"], names["pr_auc"], names["ece"],
    )  # fmt: skip
    return [_outside(named), chart, Table(said["ranked_title"], columns, rows)]


def _outside(named: Named) -> Paragraph:
    said = section_words("outlook")
    bounded = [(name, one) for name, one in named if "high" in one["observed"]]
    more = [name for name, one in bounded if one["predicted"] > one["observed"]["high"]]
    fewer = [name for name, one in bounded if one["predicted"] < one["observed"]["low"]]
    if not more and not fewer:
        return paragraph(said["all_inside"])
    told = [
        said[key].format(names="; ".join(names))
        for key, names in (("too_many", more), ("too_few", fewer))
        if names
    ]
    return paragraph(" ".join(told), tone="warning")


def _shares(rows: Sequence[Bar], says: str) -> Parts:
    said = section_words("outlook")
    return [bars(said["shares_title"], says, rows, axis=said["share"])] if rows else []


def _season(tried: Mapping[str, Any] | None) -> Parts:
    """In which months identifications come, or that it cannot be told."""
    if not tried:
        return []
    said = section_words("outlook")
    numbers = [
        Number(tried["identified"], "count"),
        Number(tried["months"], "count"),
        Number(tried["gain"], "two"),
    ]
    kept = tried.get("season")
    parts: Parts = [
        paragraph(*filled(said["season"], numbers), said["season_kept" if kept else "season_not_kept"])
    ]
    if kept:
        rows = [
            Bar(name, value) for name, value in zip(calendar.month_name[1:], kept["by_month"], strict=True)
        ]
        parts.append(
            bars(
                said["season_title"], said["season_says"], rows, axis=said["season_axis"], form="two",
                reference=1.0, reference_name=said["season_mean"],
            )
        )  # fmt: skip
    return parts


def _parts(cell: Cell) -> tuple[Part, ...]:
    return cell if isinstance(cell, tuple) else (cell,)


def _worth(found: Mapping[str, Any]) -> Parts:
    """Whether the lines on covariates beat the overall shares: where they were chosen, and out of time."""
    said = section_words("outlook")
    parts: Parts = []
    learned = found.get("learned")
    if learned and "loss_of_lines" not in learned:
        parts.append(
            paragraph(
                *filled(
                    said["too_few_rows"],
                    [Number(learned["rows"], "count"), Number(learned["households"], "count")],
                )
            )
        )
    elif learned:
        parts.append(
            paragraph(
                *filled(
                    said["learned"],
                    [
                        Number(learned["rows"], "count"),
                        Number(learned["households"], "count"),
                        Number(learned["loss_of_lines"], "four"),
                        Number(learned["loss_of_shares"], "four"),
                        Number(learned["standard_error"], "four"),
                    ],
                ),
                said["kept"] if learned["is_kept"] else said["not_kept"],
            )
        )
    gained = [
        (test["as_of_date"], test["against_shares"])
        for test in found.get("tests", ())
        if "against_shares" in test
    ]
    if gained:
        rows = [
            IntervalRow(
                f"{date}: {said[_judged(one['gain'])]}",
                one["gain"]["value"],
                one["gain"].get("low"),
                one["gain"].get("high"),
            )
            for date, one in gained
        ]
        parts.append(
            intervals(
                said["gain_title"], said["gain_says"], rows, axis=said["gain"], value_title=said["gain"],
                form="signed", reference=0.0,
            )
        )  # fmt: skip
        cells = tuple(
            (
                date,
                Number(one["identified"], "count"),
                Number(one["loss"], "four"),
                Number(one["loss_of_shares"], "four"),
            )
            for date, one in gained
        )
        parts.append(
            Table(said["loss_title"], ("", said["identified"], said["loss"], said["loss_of_shares"]), cells)
        )
    read = found.get("covariates")
    if read:
        listed = tuple((feature_name(name, "en"), name) for name in read)
        parts.append(Table(said["covariates"], ("", said["code"]), listed))
    return parts


def _judged(gain: Mapping[str, Any]) -> str:
    if gain.get("low", 0.0) > 0:
        return "helped"
    return "harmed" if gain.get("high", 0.0) < 0 else "not_told"


def _among(named: Sequence[tuple[str, Mapping[str, Any]]]) -> Parts:
    """How the share of a theme ranks the identified alone: whose theme it is, not who is identified."""
    said = section_words("outlook")
    rows = [
        IntervalRow(
            f"{theme_name(one['theme'], 'en')}, {date}",
            one["auc_among_identified"]["value"],
            one["auc_among_identified"].get("low"),
            one["auc_among_identified"].get("high"),
            n=one["figures"]["positives"],
        )
        for date, one in named
        if one.get("auc_among_identified")
    ]
    if not rows:
        return []
    axis = words("en")["names"]["roc_auc"]
    return [
        intervals(
            said["among_title"],
            said["among_says"],
            rows,
            axis=axis,
            value_title=axis,
            zero=False,
            reference=0.5,
        )
    ]


def _confusion(test: Mapping[str, Any]) -> Parts:
    said, confusion = section_words("outlook"), test.get("confusion")
    if not confusion:
        return []
    names = [theme_name(one, "en") for one in test["themes"]]
    parts: Parts = [
        heat(
            said["confusion_title"].format(date=test["as_of_date"]), said["confusion_says"], names, names,
            confusion, form="count", corner=said["verified"],
        )
    ]  # fmt: skip
    hit, commonest = test.get("hit_share"), test.get("hit_share_of_commonest")
    if hit and commonest is not None:
        is_clear = hit.get("low", 0.0) > commonest["value"]
        parts.append(
            paragraph(
                said["hit"][0].format(date=test["as_of_date"]),
                *_parts(estimate(hit, "share")),
                said["hit"][1],
                *_parts(estimate(commonest, "share")),
                said["hit_clear"] if is_clear else said["hit_level"],
                tone="plain" if is_clear else "warning",
            )
        )
    return parts


def _rest(found: Mapping[str, Any]) -> Parts:
    return [
        table for key, one in found.items() if key not in READ for table in plain_tables(title_of(key), one)
    ]
