"""Intervals: values as marks with whiskers, one a row, beside a second mark where something was foretold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from training.report.drawing import (
    WIDTH,
    Drawing,
    bottom_axis,
    label_room,
    legend,
    legend_height,
    shortened,
    spread,
    text_width,
)
from training.report.figures import FORMS, Cell, Figure, Form, Number, Table, optional, with_interval

ROW = 26


@dataclass(frozen=True)
class IntervalRow:
    """A named value with the ends of its interval; `other` is what it is held against, `n` its cases."""

    label: str
    value: float
    low: float | None = None
    high: float | None = None
    other: float | None = None
    n: int | None = None


def intervals(
    title: str,
    says: str,
    rows: Sequence[IntervalRow],
    *,
    axis: str,
    value_title: str,
    other_title: str = "",
    n_title: str = "n",
    form: Form = "three",
    zero: bool = True,
    reference: float | None = None,
) -> Figure:
    """A mark a row with its whisker, a second one for an `other`; a dashed line at `reference`."""
    has_other = any(one.other is not None for one in rows)
    beside = 76.0 if any(one.n is not None for one in rows) else 24.0
    left = label_room([one.label for one in rows], beside)
    names = (value_title, other_title) if has_other else ()
    top = 12.0 + (legend_height(names, left) if names else 0.0)
    bottom = top + ROW * max(1, len(rows))
    drawing = Drawing(bottom + 42, title, says)
    if names:
        legend(drawing, names, left, 16)
    ends = [end for one in rows for end in (one.value, one.low, one.high, one.other) if end is not None]
    # Room on the right for the longest written value.
    room = 18 + max((text_width(FORMS[form](one)) for one in ends), default=30.0)
    kept = [*ends, *([] if reference is None else [reference])]
    along = spread(kept, start=left, end=WIDTH - room, zero=zero)
    bottom_axis(drawing, along, top, bottom, axis, FORMS[form])
    if reference is not None:
        drawing.line(along(reference), top, along(reference), bottom, "reference")
    for at, one in enumerate(rows):
        y = top + (at + 0.5) * ROW
        drawing.text(8, y + 4, shortened(one.label, left - beside + 4), "label")
        if one.n is not None:
            drawing.text(left - 12, y + 4, f"n = {one.n:,}", "tick", "end")
        furthest = along(one.value)
        if one.low is not None and one.high is not None:
            furthest = max(furthest, along(one.high))
            drawing.line(along(one.low), y, along(one.high), y, "whisker s0")
            for end in (one.low, one.high):
                drawing.line(along(end), y - 4, along(end), y + 4, "whisker s0")
        if one.other is not None:
            furthest = max(furthest, along(one.other))
            drawing.mark(along(one.other), y, 1, 4.5, f"{other_title}: {FORMS[form](one.other)}")
        drawing.mark(along(one.value), y, 0, 4.5, f"{value_title}: {FORMS[form](one.value)}")
        drawing.text(furthest + 10, y + 4, Number(one.value, form), "value")
    return Figure(title, says, drawing.svg(), _table(title, rows, value_title, other_title, n_title, form))


def _table(
    title: str, rows: Sequence[IntervalRow], value_title: str, other_title: str, n_title: str, form: Form
) -> Table:
    has_other = any(one.other is not None for one in rows)
    has_n = any(one.n is not None for one in rows)

    def row(one: IntervalRow) -> tuple[Cell, ...]:
        others = (optional(one.other, form),) if has_other else ()
        counts = (optional(one.n, "count"),) if has_n else ()
        return (one.label, *counts, *others, with_interval(one.value, one.low, one.high, form))

    columns = ("", *((n_title,) if has_n else ()), *((other_title,) if has_other else ()), value_title)
    return Table(title, columns, tuple(row(one) for one in rows))
