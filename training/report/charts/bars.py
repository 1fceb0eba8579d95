"""Horizontal bars with intervals, and ranges over the orders of ties."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from training.report.drawing import (
    WIDTH,
    Drawing,
    Scale,
    bottom_axis,
    colour,
    label_room,
    shortened,
    spread,
    text_width,
)
from training.report.figures import FORMS, Cell, Figure, Form, Number, Table, optional

ROW = 26


@dataclass(frozen=True)
class Bar:
    """A named value, with its interval and the number of cases it rests on where they are known.

    `ours` marks the row a reader looks for first.
    """

    label: str
    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None
    ours: bool = False


@dataclass(frozen=True)
class TieRow:
    """A named number in the worst, mean and best order of tied households."""

    label: str
    worst: float
    mean: float
    best: float
    ours: bool = False


def bars(
    title: str,
    says: str,
    rows: Sequence[Bar],
    *,
    axis: str,
    form: Form = "share",
    reference: float | None = None,
    reference_name: str = "",
) -> Figure:
    """One bar a row from 0 to its value with the interval as a whisker; `reference` is a line through all."""
    ends = [end for one in rows for end in (one.value, one.low, one.high) if end is not None]
    beside = 76.0 if any(one.n is not None for one in rows) else 24.0
    drawing, scale, top, bottom = _frame(
        title, says, [one.label for one in rows], beside, ends, axis, form, reference
    )
    if reference is not None:
        drawing.line(scale(reference), top - 4, scale(reference), bottom, "reference")
        drawing.text(scale(reference), top - 8, reference_name, "tick", "middle")
    for at, one in enumerate(rows):
        y = top + at * ROW
        # The label names the row; n stands beside it, so that a wide bar on few cases is not overlooked.
        drawing.text(
            8, y + 17, shortened(one.label, scale.start - beside + 4), "label strong" if one.ours else "label"
        )
        if one.n is not None:
            drawing.text(scale.start - 12, y + 17, f"n = {one.n:,}", "tick", "end")
        start, end = sorted((scale(0.0), scale(one.value)))
        drawing.box(start, y + 5, end - start, ROW - 10, colour(0) if one.ours else "fill-plain", one.label)
        if one.low is not None and one.high is not None:
            _whisker(drawing, scale(one.low), scale(one.high), y + ROW / 2)
        written = Number(one.value, form)
        beyond = max(end, scale(one.high) if one.high is not None else end)
        drawing.text(beyond + 6, y + 17, written, "value")
    rows_of_table = tuple(
        (one.label, Number(one.value, form), optional(one.low, form), optional(one.high, form), _n(one.n))
        for one in rows
    )
    table = Table(title, ("", axis, "low", "high", "n"), rows_of_table, _strong(rows))
    return Figure(title, says, drawing.svg(), table)


def ranges(title: str, says: str, rows: Sequence[TieRow], *, axis: str, form: Form = "share") -> Figure:
    """A line a row from the worst to the best order of ties, with a mark at the mean over all orders."""
    ends = [end for one in rows for end in (one.worst, one.best)]
    drawing, scale, top, _ = _frame(title, says, [one.label for one in rows], 24.0, ends, axis, form, None)
    for at, one in enumerate(rows):
        y = top + at * ROW
        drawing.text(
            8, y + 17, shortened(one.label, scale.start - 20), "label strong" if one.ours else "label"
        )
        _whisker(drawing, scale(one.worst), scale(one.best), y + ROW / 2)
        drawing.mark(scale(one.mean), y + ROW / 2, 0 if one.ours else 1, 4.5, one.label)
        drawing.text(scale(one.best) + 10, y + 17, Number(one.mean, form), "value")
    cells = tuple(
        (one.label, Number(one.worst, form), Number(one.mean, form), Number(one.best, form)) for one in rows
    )
    table = Table(title, ("", "worst", "mean", "best"), cells, _strong(rows))
    return Figure(title, says, drawing.svg(), table)


def _frame(
    title: str,
    says: str,
    labels: Sequence[str],
    beside: float,
    ends: Sequence[float],
    axis: str,
    form: Form,
    reference: float | None,
) -> tuple[Drawing, Scale, float, float]:
    top = 26.0 if reference is not None else 8.0
    bottom = top + ROW * max(1, len(labels))
    drawing = Drawing(bottom + 42, title, says)
    # Room on the right for the longest written value.
    room = 10 + max((text_width(FORMS[form](one)) for one in ends), default=30.0)
    values = [*ends, *([] if reference is None else [reference])]
    scale = spread(values, start=label_room(labels, beside), end=WIDTH - room - 8, zero=True)
    bottom_axis(drawing, scale, top, bottom, axis, FORMS[form])
    return drawing, scale, top, bottom


def _whisker(drawing: Drawing, low: float, high: float, y: float) -> None:
    drawing.line(low, y, high, y, "whisker")
    for x in (low, high):
        drawing.line(x, y - 4, x, y + 4, "whisker")


def _n(n: int | None) -> Cell:
    return optional(n, "count")


def _strong(rows: Sequence[Bar | TieRow]) -> frozenset[int]:
    return frozenset(at for at, one in enumerate(rows) if one.ours)
