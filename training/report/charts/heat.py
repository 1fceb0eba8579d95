"""Heat table: a number for every pair of a row and a column, shaded by its size."""

from __future__ import annotations

import math
from collections.abc import Sequence

from training.report.drawing import WIDTH, Drawing, shortened
from training.report.figures import FORMS, Figure, Form, Number, Table, optional

LABEL_ROOM, ROW, HEAD = 200, 28, 30
SHADES = 8


def heat(
    title: str,
    says: str,
    rows: Sequence[str],
    columns: Sequence[str],
    values: Sequence[Sequence[float | None]],
    *,
    form: Form = "share",
    corner: str = "",
) -> Figure:
    """Cells shaded from low to high, with their numbers; `None` and what is not finite stay empty."""
    drawing = Drawing(HEAD + ROW * len(rows) + 8, title, says)
    finite = [one for row in values for one in row if one is not None and math.isfinite(one)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    width = (WIDTH - LABEL_ROOM - 8) / max(1, len(columns))
    for at, name in enumerate(columns):
        middle = LABEL_ROOM + (at + 0.5) * width
        drawing.text(middle, 19, shortened(name, width - 4), "tick", "middle")
    for down, (name, row) in enumerate(zip(rows, values, strict=True)):
        y = HEAD + down * ROW
        drawing.text(8, y + 18, shortened(name, LABEL_ROOM - 16), "label")
        for at, one in enumerate(row):
            if one is None or not math.isfinite(one):
                continue
            part = 0.5 if high == low else (one - low) / (high - low)
            shade = min(SHADES - 1, int(part * SHADES))
            left = LABEL_ROOM + at * width
            hint = f"{name}, {columns[at]}: {FORMS[form](one)}"
            drawing.box(left + 1, y + 1, width - 2, ROW - 2, f"h{shade}", hint)
            drawing.text(left + width / 2, y + 18, Number(one, form), f"value on-h{shade}", "middle")
    cells = tuple(
        (name, *(optional(one, form) for one in row)) for name, row in zip(rows, values, strict=True)
    )
    return Figure(title, says, drawing.svg(), Table(title, (corner, *columns), cells))
