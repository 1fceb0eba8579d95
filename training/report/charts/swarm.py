"""Swarm: the contributions of the strongest features, a dot a household, coloured by the feature's value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from training.report.drawing import WIDTH, Drawing, bottom_axis, shortened, spread
from training.report.figures import FORMS, Figure, Number, Table

LABEL_ROOM, ROW, STEP = 250, 30, 2.2
LEVELS = 5


@dataclass(frozen=True)
class SwarmRow:
    """A feature with (contribution, level) pairs: the level is the place of its value, 0 low to 1 high.

    A missing value has no level. `strength` is the mean size of all its contributions.
    """

    label: str
    strength: float
    points: tuple[tuple[float, float | None], ...]


def swarm(title: str, says: str, rows: Sequence[SwarmRow], *, axis: str, strength_title: str) -> Figure:
    """One row a feature; dots that would cover each other are moved apart, up and down."""
    top = 8.0
    bottom = top + ROW * max(1, len(rows))
    drawing = Drawing(bottom + 42, title, says)
    along = spread([x for one in rows for x, _ in one.points], start=LABEL_ROOM, end=WIDTH - 12, zero=True)
    bottom_axis(drawing, along, top, bottom, axis, FORMS["two"])
    drawing.line(along(0.0), top, along(0.0), bottom, "axis")
    for at, one in enumerate(rows):
        middle = top + (at + 0.5) * ROW
        drawing.text(8, middle + 4, shortened(one.label, LABEL_ROOM - 16), "label")
        taken: dict[int, int] = {}
        for value, level in one.points:
            x = along(value)
            cell = round(x / (1.5 * STEP))
            count = taken[cell] = taken.get(cell, -1) + 1
            # Alternately above and below, and never into the next row.
            offset = min((count + 1) // 2 * STEP, ROW / 2 - 2) * (1 if count % 2 else -1)
            style = "v-none" if level is None else f"v{min(LEVELS - 1, int(level * LEVELS))}"
            drawing.dot(x, middle + offset, style)
    cells = tuple((one.label, Number(one.strength, "four")) for one in rows)
    return Figure(title, says, drawing.svg(), Table(title, ("", strength_title), cells))
