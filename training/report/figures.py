"""Figures: numbers as they are shown, tables of them, and charts with the table behind each.

A number keeps its value beside its text (``<data value="0.8213">0.821</data>``), so that a program, and a
test, can compare every number of a page with the data it was made from.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from markupsafe import Markup

Form = Literal["count", "tally", "share", "rate", "two", "three", "four", "tiny", "times", "signed", "plain"]

FORMS: Mapping[str, Callable[[float], str]] = MappingProxyType({
    "count": lambda value: f"{value:,.0f}",
    # Expected households are whole unless ties share the last place of a list.
    "tally": lambda value: f"{value:,.1f}".removesuffix(".0"),
    "share": lambda value: f"{value:.1%}",
    "rate": lambda value: f"{value:.2%}",
    "two": lambda value: f"{value:.2f}",
    "three": lambda value: f"{value:.3f}",
    "four": lambda value: f"{value:.4f}",
    "tiny": lambda value: f"{value:.1e}",
    "times": lambda value: f"{value:.2f}×",
    "signed": lambda value: f"{value:+.3f}",
    "plain": lambda value: f"{value:,.6g}",
})
"""How a number is written: households as counts, base rates as rates, AUCs with three digits."""

ABSENT = "–"


@dataclass(frozen=True)
class Number:
    """A number with the form it is written in; one that is not finite is written as absent."""

    value: float
    form: Form = "three"

    def __str__(self) -> str:
        return FORMS[self.form](self.value) if math.isfinite(self.value) else ABSENT


Part = str | Number
Cell = Part | tuple[Part, ...]


def with_interval(value: float | None, low: float | None, high: float | None, form: Form = "three") -> Cell:
    """A value with its interval, ``0.821 [0.790, 0.850]``; without bounds the value alone."""
    if value is None:
        return ABSENT
    if low is None or high is None:
        return Number(value, form)
    return (Number(value, form), " [", Number(low, form), ", ", Number(high, form), "]")


def optional(value: float | None, form: Form = "three") -> Cell:
    """A number, or the sign for none."""
    return ABSENT if value is None else Number(value, form)


@dataclass(frozen=True)
class Table:
    """Rows of cells under named columns; the first cell of a row names it. `strong` rows are set in bold."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    strong: frozenset[int] = frozenset()
    kind: str = "table"

    def __post_init__(self) -> None:
        uneven = [at for at, row in enumerate(self.rows) if len(row) != len(self.columns)]
        if uneven:
            raise ValueError(f"table {self.title!r}: row {uneven[0]} has not one cell a column")


@dataclass(frozen=True)
class Figure:
    """A chart as inline SVG, a sentence that says what is seen, and the table of its numbers."""

    title: str
    says: str
    svg: Markup
    table: Table
    kind: str = "figure"


@dataclass(frozen=True)
class Paragraph:
    """Text with numbers in it; `tone` is ``warning`` where a reader must not miss it."""

    parts: tuple[Part, ...]
    tone: Literal["plain", "warning", "quiet"] = "plain"
    kind: str = "paragraph"


def paragraph(*parts: Part, tone: Literal["plain", "warning", "quiet"] = "plain") -> Paragraph:
    """A paragraph of text and numbers in order."""
    return Paragraph(parts, tone)
