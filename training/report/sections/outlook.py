"""Horizons and themes: what was foretold for nearer dates and for each theme, against what came."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from training.report.charts import Bar, bars, heat
from training.report.figures import Cell, Figure, Number, Paragraph, Table, optional
from training.report.plain_tables import plain_tables, title_of
from training.report.sections.measured import estimate

Parts = list[Paragraph | Table | Figure]


def horizons(doc: Mapping[str, Any]) -> Parts:
    """Foretold and observed households by horizon."""
    return _parts(doc.get("horizons"), "horizons", lambda one: f"{one['months']} months")


def themes(doc: Mapping[str, Any]) -> Parts:
    """Foretold and observed households by theme, and the theme foretold first against the verified one."""
    found = doc.get("themes")
    parts = _parts(found, "figures", lambda one: str(one["theme"]))
    for test in (found or {}).get("tests", ()):
        confusion = test.get("confusion")
        if not confusion:
            continue
        names = [str(one) for one in test["themes"]]
        parts.append(
            heat(
                f"Theme foretold first against verified theme, as of {test['as_of_date']}",
                "Rows are verified, columns foretold, in households newly identified.",
                names,
                names,
                confusion,
                form="count",
                corner="verified",
            )
        )
    return parts


def _parts(found: Mapping[str, Any] | None, key: str, name_of: Callable[[Mapping[str, Any]], str]) -> Parts:
    parts: Parts = []
    for test in (found or {}).get("tests", ()):
        named = [(name_of(one), one["figures"]) for one in test[key] if one.get("figures")]
        if not named:
            continue
        date = test["as_of_date"]
        rows = [
            bar
            for name, one in named
            for bar in (
                Bar(f"{name}, foretold", one["predicted"]),
                Bar(
                    f"{name}, observed",
                    one["observed"]["value"],
                    one["observed"].get("low"),
                    one["observed"].get("high"),
                    ours=True,
                ),
            )
        ]
        parts.append(
            bars(
                f"Foretold and observed, as of {date}",
                "Sum of the probabilities beside the households newly identified, with 95 % intervals.",
                rows,
                axis="households",
                form="two",
            )
        )
        table = tuple(_row(name, one) for name, one in named)
        columns = ("", "n identified", "foretold", "observed", "ROC-AUC", "PR-AUC", "calibration error")
        parts.append(Table(f"As of {date}", columns, table))
        rest = {name: one for name, one in test.items() if name not in {key, "confusion", "themes"}}
        parts += plain_tables(f"As of {date}", rest)
    learned = {name: one for name, one in (found or {}).items() if name != "tests"}
    for name, one in learned.items():
        parts += plain_tables(title_of(name), one)
    return parts


def _row(name: str, one: Mapping[str, Any]) -> tuple[Cell, ...]:
    return (
        name,
        optional(one.get("positives"), "count"),
        Number(one["predicted"], "two"),
        estimate(one.get("observed"), "two"),
        estimate(one.get("roc_auc"), "three"),
        estimate(one.get("pr_auc"), "three"),
        estimate(one.get("ece"), "four"),
    )
