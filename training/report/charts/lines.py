"""Lines with intervals: one number of several models or groups along an axis, as over test dates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from training.report.drawing import (
    WIDTH,
    Drawing,
    Scale,
    bottom_axis,
    colour,
    left_axis,
    legend,
    legend_height,
    spread,
)
from training.report.figures import ABSENT, FORMS, Cell, Figure, Form, Number, Table, with_interval

LEFT, HEIGHT = 64, 240


@dataclass(frozen=True)
class Point:
    """A value at x, with its interval where one is known."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Line:
    """A named series of points in the order of x."""

    name: str
    points: tuple[Point, ...]


def lines(
    title: str,
    says: str,
    series: Sequence[Line],
    *,
    x_title: str,
    y_title: str,
    form: Form = "three",
    x_form: Form = "count",
    x_labels: Mapping[float, str] | None = None,
    zero: bool = False,
) -> Figure:
    """Lines with whiskers; `x_labels` names the places of an axis that is no number, as of dates."""
    points = [point for one in series for point in one.points]
    ends = [end for one in points for end in (one.y, one.low, one.high) if end is not None]
    names = [one.name for one in series]
    top = 26 + legend_height(names, LEFT)
    bottom = top + HEIGHT
    drawing = Drawing(bottom + 44, title, says)
    legend(drawing, names, LEFT, 36)
    up = spread(ends, start=bottom, end=top, zero=zero)
    along = spread([one.x for one in points], start=LEFT + 8, end=WIDTH - 30)
    left_axis(drawing, up, LEFT, WIDTH - 12, y_title, FORMS[form])
    if x_labels is None:
        bottom_axis(drawing, along, top, bottom, x_title, FORMS[x_form])
    else:
        _named_axis(drawing, along, bottom, x_title, x_labels)
    for at, one in enumerate(series):
        shift = (at - (len(series) - 1) / 2) * 5 if x_labels is not None else 0.0
        drawing.path([(along(point.x) + shift, up(point.y)) for point in one.points], f"line {colour(at)}")
        for point in one.points:
            x = along(point.x) + shift
            if point.low is not None and point.high is not None:
                drawing.line(x, up(point.low), x, up(point.high), f"whisker {colour(at)}")
            drawing.mark(x, up(point.y), at, 4, f"{one.name}: {FORMS[form](point.y)}")
    return Figure(title, says, drawing.svg(), _table(title, series, x_title, form, x_form, x_labels))


def _named_axis(
    drawing: Drawing, along: Scale, bottom: float, title: str, labels: Mapping[float, str]
) -> None:
    for x, label in labels.items():
        drawing.line(along(x), bottom, along(x), bottom + 5, "axis")
        drawing.text(along(x), bottom + 18, label, "tick", "middle")
    drawing.line(along.start, bottom, along.end, bottom, "axis")
    drawing.text((along.start + along.end) / 2, bottom + 36, title, "axis-title", "middle")


def _table(
    title: str,
    series: Sequence[Line],
    x_title: str,
    form: Form,
    x_form: Form,
    x_labels: Mapping[float, str] | None,
) -> Table:
    places = sorted({point.x for one in series for point in one.points})
    at = [{point.x: point for point in one.points} for one in series]

    def row(x: float) -> tuple[Cell, ...]:
        name: Cell = Number(x, x_form) if x_labels is None else x_labels[x]
        found = [points.get(x) for points in at]
        return (
            name,
            *(ABSENT if one is None else with_interval(one.y, one.low, one.high, form) for one in found),
        )

    return Table(title, (x_title, *(one.name for one in series)), tuple(row(x) for x in places))
