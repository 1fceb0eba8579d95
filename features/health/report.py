"""Report: verdicts as a table for people and as plain data for programs."""

from __future__ import annotations

from rich.table import Table

from features.health.verdicts import Health, Verdict

_COLOURS = {"fine": "green", "flagged": "yellow", "blocked": "red"}


def as_json(health: Health) -> dict[str, object]:
    """The check-up as plain data: `is_healthy`, every verdict, and the feeds nobody ever delivered."""
    return {
        "as_of_date": health.as_of.isoformat(),
        "is_healthy": not health.blocked,
        "never_delivered": list(health.never_delivered),
        "verdicts": [_plain(one) for one in health.verdicts],
    }


def as_table(health: Health) -> Table:
    """One line for each fault, and one for the other months of each feed."""
    table = Table(title=f"Feed health on {health.as_of}", title_justify="left")
    for name in ("feed", "area", "period", "verdict", "reason", "rows", "share", "households"):
        table.add_column(name, justify="right" if name in ("rows", "share", "households") else "left")
    for feed in dict.fromkeys(one.feed for one in health.verdicts):
        mine = [one for one in health.verdicts if one.feed == feed]
        fine = [one for one in mine if one.state == "fine"]
        if fine:
            first, last = (edge(one.period for one in fine).strftime("%Y-%m") for edge in (min, max))
            period = first if first == last else f"{first} … {last}"
            areas = ", ".join(sorted({one.area for one in fine}))
            table.add_row(feed, areas, period, "[green]fine[/]", "", "", "", "")
        for one in mine:
            if one.state != "fine":
                table.add_row(*_cells(one))
    for feed in health.never_delivered:
        table.add_row(feed, "", "", "missing", "从未到数 · never delivered", "", "", "")
    return table


def _cells(one: Verdict) -> list[str]:
    touched = f"{len(one.households):,}" if one.households else "all"
    shown = "" if one.oddities == ("statement",) else f"{one.share:.1%}"
    return [
        one.feed,
        one.area,
        one.period.strftime("%Y-%m"),
        f"[{_COLOURS[one.state]}]{one.state}[/]",
        f"{one.text('zh')} · {one.text('en')}",
        f"{one.rows:,}" if shown else "",
        shown,
        touched,
    ]


def _plain(one: Verdict) -> dict[str, object]:
    plain: dict[str, object] = {
        "feed": one.feed,
        "area_code": one.area,
        "period": one.period.strftime("%Y-%m"),
        "verdict": one.state,
    }
    if one.reason is None:
        return plain
    return plain | {
        "reason": one.reason,
        "text": {"zh": one.text("zh"), "en": one.text("en")},
        "way_out": {"zh": one.way_out("zh"), "en": one.way_out("en")},
        "oddities": list(one.oddities),
        "rows": one.rows,
        "share": one.share,
        "usual_share": one.usual,
        "decades": one.decades,
        "households": list(one.households),
    }
