"""Cost dial: how many households are found and missed for how many visits, in counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from training.report.drawing import (
    WIDTH,
    Drawing,
    bottom_axis,
    colour,
    left_axis,
    legend,
    legend_height,
    spread,
)
from training.report.figures import FORMS, Figure, Number, Table

LEFT, HEIGHT = 64, 250


@dataclass(frozen=True)
class DialPoint:
    """Visits made, households with the outcome among them, and those not among them."""

    visits: int
    found: float
    missed: float


def cost_dial(
    title: str,
    says: str,
    points: Sequence[DialPoint],
    *,
    visits_title: str,
    found_title: str,
    missed_title: str,
    capacity: int | None = None,
    capacity_title: str = "",
) -> Figure:
    """Two curves over the number of visits; `capacity` marks how many can be made."""
    names = [found_title, missed_title]
    top = 26 + legend_height(names, LEFT)
    bottom = top + HEIGHT
    drawing = Drawing(bottom + 44, title, says)
    legend(drawing, names, LEFT, 36)
    ends = [end for one in points for end in (one.found, one.missed)]
    up = spread(ends, start=bottom, end=top, zero=True)
    along = spread([one.visits for one in points], start=LEFT, end=WIDTH - 30, zero=True)
    left_axis(drawing, up, LEFT, WIDTH - 12, f"{found_title} / {missed_title}", FORMS["count"])
    bottom_axis(drawing, along, top, bottom, visits_title, FORMS["count"])
    if capacity is not None:
        drawing.line(along(capacity), top - 2, along(capacity), bottom, "reference")
        drawing.text(along(capacity) + 4, top + 8, capacity_title, "tick")
    for at, curve in enumerate(([one.found for one in points], [one.missed for one in points])):
        places = [(along(one.visits), up(y)) for one, y in zip(points, curve, strict=True)]
        drawing.path(places, f"line {colour(at)}")
        for (x, y), one in zip(places, points, strict=True):
            drawing.mark(x, y, at, 3, f"{one.visits:,} / {curve[points.index(one)]:,.0f}")
    rows = tuple(
        (Number(one.visits, "count"), Number(one.found, "count"), Number(one.missed, "count"))
        for one in points
    )
    table = Table(title, (visits_title, found_title, missed_title), rows)
    return Figure(title, says, drawing.svg(), table)
