"""Split timeline: as-of dates of training and test with the months their labels look ahead."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from training.report.drawing import WIDTH, Drawing, Scale, colour, legend, shortened
from training.report.figures import Figure, Table

LABEL_ROOM, ROW = 130, 16


@dataclass(frozen=True)
class Span:
    """An as-of date and the last day its labels look at."""

    as_of: dt.date
    until: dt.date


@dataclass(frozen=True)
class SplitRow:
    """One split: what it trains on and what it tests on."""

    name: str
    train: tuple[Span, ...]
    test: tuple[Span, ...]


def split_timeline(
    title: str,
    says: str,
    splits: Sequence[SplitRow],
    *,
    train_title: str,
    test_title: str,
    as_of_title: str,
    until_title: str,
    outcomes_until: dt.date | None = None,
    outcomes_title: str = "",
) -> Figure:
    """A mark at each as-of date, a bar over its labels' months; training ends before a test's mark."""
    spans = [span for one in splits for span in (*one.train, *one.test)]
    ends = [day for span in spans for day in (span.as_of, span.until)]
    ends += [] if outcomes_until is None else [outcomes_until]
    first, last = min(ends), max(ends)
    along = Scale(first.toordinal() - 20, last.toordinal() + 20, LABEL_ROOM, WIDTH - 16)
    top = 40.0
    bottom = top + sum(ROW * (len(one.train) + len(one.test)) + 12 for one in splits)
    drawing = Drawing(bottom + 30, title, says)
    legend(drawing, (train_title, test_title), LABEL_ROOM, 16)
    for year in range(first.year, last.year + 2):
        day = dt.date(year, 1, 1)
        if along.low <= day.toordinal() <= along.high:
            x = along(day.toordinal())
            drawing.line(x, top - 6, x, bottom, "grid")
            drawing.text(x, bottom + 16, day.isoformat(), "tick", "middle")
    if outcomes_until is not None:
        x = along(outcomes_until.toordinal())
        drawing.line(x, top - 6, x, bottom, "reference")
        drawing.text(x, top - 10, outcomes_title, "tick", "end")
    y = top
    for one in splits:
        drawing.text(8, y + 12, shortened(one.name, LABEL_ROOM - 16), "label")
        for series, part in enumerate((one.train, one.test)):
            for span in part:
                start, end = along(span.as_of.toordinal()), along(span.until.toordinal())
                hint = f"{span.as_of} → {span.until}"
                drawing.box(start, y + 4, end - start, ROW - 8, f"{colour(series)} light", hint)
                drawing.mark(start, y + ROW / 2, series, 4, hint)
                y += ROW
        y += 12
    rows = tuple(
        (one.name, kind, span.as_of.isoformat(), span.until.isoformat())
        for one in splits
        for kind, part in ((train_title, one.train), (test_title, one.test))
        for span in part
    )
    return Figure(title, says, drawing.svg(), Table(title, ("", "", as_of_title, until_title), rows))
