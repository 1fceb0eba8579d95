"""Promotion tables: gates and the release log, for people at a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from features.screen import show_table
from training.gates import Gate
from training.promote import Promotion
from training.release_log import Release


def print_gates(gates: Sequence[Gate]) -> None:
    """One row a gate: what was seen, what is asked for, and whether that number is an assumption."""
    table = Table(title="gates", title_justify="left")
    for name in ("gate", "passed", "seen", "asked for", "says"):
        table.add_column(name)
    for one in gates:
        asked = "–"
        if one.threshold is not None:
            mark = "" if one.threshold.status == "published" else " (assumption)"
            asked = f"{one.threshold.value:g}{mark}"
        table.add_row(
            one.name, "yes" if one.passed else "NO", _number(one.finite), asked, escape(one.says),
            style=None if one.passed else "bold red",
        )  # fmt: skip
    show_table(table)


def print_done(done: Promotion, console: Console) -> None:
    """What was changed, with the hash to keep; or that nothing was."""
    replaced = f", in place of version {done.former}" if done.former else ""
    named = f"version {done.version} ({done.release})"
    if done.entry is None:
        may = "may not" if done.failed else "could"
        said = [f"{named} {may} become champion{replaced}; nothing was changed"]
    else:
        said = [f"{named} is champion{replaced}"]
        if done.failed:
            said.append(f"in spite of: {', '.join(one.name for one in done.failed)}")
        said.append(f"entry {done.entry.number} of the release log, {done.entry.sha256}")
    for line in said:
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def print_releases(releases: Sequence[Release]) -> None:
    """The release log, oldest first."""
    table = Table(title="release log", title_justify="left")
    for name in ("no.", "when (UTC)", "who", "what", "from", "to", "release", "why", "overridden", "hash"):
        table.add_column(name)
    for one in releases:
        table.add_row(
            str(one.number), one.at, escape(one.by), one.action, one.from_version or "–", one.to_version,
            one.release, escape(one.why), ", ".join(one.overridden) or "–", one.sha256[:12],
        )  # fmt: skip
    show_table(table)


def _number(seen: float | str | None) -> str:
    if seen is None:
        return "–"
    return seen if isinstance(seen, str) else f"{seen:.4g}"
