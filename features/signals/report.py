"""The report of an intake or a mend: the same counts as one JSON object and as a table for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from features.signals.intake import Intake


def as_json(
    intakes: Mapping[str, Intake], *, silent: tuple[str, ...] = (), unjudged: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Counts of every feed: rows_in = accepted + quarantined; flagged rows are accepted ones.

    `defects` counts quarantined rows and `flags` accepted ones, by ``field: code``, the most frequent first.
    """
    said: dict[str, Any] = {
        feed: {
            "rows_in": one.rows_in,
            "accepted": len(one.accepted),
            "quarantined": len(one.quarantined),
            "flagged": one.flagged_rows,
            "defects": {f"{field}: {code}": count for (code, field), count in one.defect_counts.items()},
            "flags": {f"{field}: {code}": count for (code, field), count in one.flag_counts.items()},
        }
        for feed, one in intakes.items()
    }
    if silent:
        said["silent"] = list(silent)
    if unjudged:
        said["unjudged"] = list(unjudged)
    return said


def as_table(title: str, intakes: Mapping[str, Intake]) -> Table:
    """One line a feed, with its three most frequent defects and flags."""
    table = Table(title=title, title_justify="left")
    for name in ("feed", "rows in", "accepted", "quarantined", "flagged", "most frequent defects and flags"):
        is_text = name == "feed" or name.startswith("most")
        table.add_column(name, justify="left" if is_text else "right", no_wrap=not is_text)
    for feed, one in intakes.items():
        counts = [*list(one.defect_counts.items())[:3], *list(one.flag_counts.items())[:3]]
        said = "; ".join(f"{field} {code} ({count:,})" for (code, field), count in counts)
        numbers = (one.rows_in, len(one.accepted), len(one.quarantined), one.flagged_rows)
        table.add_row(feed, *(f"{number:,}" for number in numbers), said)
    return table
