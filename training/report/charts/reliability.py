"""Reliability curve: what was foretold against what came, for bins of equally many households."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from training.report.drawing import WIDTH, Drawing, Scale, colour, legend, legend_height
from training.report.figures import Figure, Number, Table, optional

LEFT, SIDE = 64, 380
TICKS = (0.0, 0.001, 0.003, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0)
LEAST_GAP = 34


@dataclass(frozen=True)
class Bin:
    """Mean probability and observed share of one bin, with an interval of the share where it is known."""

    predicted: float
    observed: float
    low: float | None = None
    high: float | None = None
    households: int | None = None


@dataclass(frozen=True)
class ReliabilitySeries:
    """The bins of one model or date, in the order of their probability."""

    name: str
    bins: tuple[Bin, ...]


def reliability_curve(
    title: str, says: str, series: Sequence[ReliabilitySeries], *, x_title: str, y_title: str
) -> Figure:
    """Observed share over mean probability; on the diagonal they agree.

    Both axes are square roots: at a base rate under 1 % nine bins of ten would lie in one corner.
    """
    names = [one.name for one in series]
    top = 26 + legend_height(names, LEFT)
    bottom = top + SIDE
    drawing = Drawing(bottom + 44, title, says)
    legend(drawing, names, LEFT, 36)
    bins = [one for each in series for one in each.bins]
    ends = [end for one in bins for end in (one.predicted, one.observed, one.high) if end is not None]
    most = math.sqrt(max(ends, default=1.0) or 1.0) * 1.04
    across, up = Scale(0, most, LEFT, WIDTH - 20), Scale(0, most, bottom, top)
    for tick in _ticks(most):
        x, y = across(math.sqrt(tick)), up(math.sqrt(tick))
        drawing.line(x, top, x, bottom, "grid")
        drawing.line(LEFT, y, WIDTH - 20, y, "grid")
        drawing.text(x, bottom + 16, _percent(tick), "tick", "middle")
        drawing.text(LEFT - 6, y + 4, _percent(tick), "tick", "end")
    drawing.line(across(0), up(0), across(most), up(most), "reference")
    drawing.text(4, 14, y_title, "axis-title")
    drawing.text((LEFT + WIDTH) / 2, bottom + 36, x_title, "axis-title", "middle")
    for at, each in enumerate(series):
        places = [(across(math.sqrt(one.predicted)), up(math.sqrt(one.observed))) for one in each.bins]
        drawing.path(places, f"line {colour(at)}")
        for one, (x, y) in zip(each.bins, places, strict=True):
            if one.low is not None and one.high is not None:
                ends_of = (up(math.sqrt(max(0.0, one.low))), up(math.sqrt(one.high)))
                drawing.line(x, *(ends_of[0], x, ends_of[1]), f"whisker {colour(at)}")
            drawing.mark(x, y, at, 4, f"{each.name}: {one.predicted:.2%} → {one.observed:.2%}")
    rows = tuple(
        (
            each.name,
            Number(one.predicted, "rate"),
            Number(one.observed, "rate"),
            optional(one.low, "rate"),
            optional(one.high, "rate"),
            optional(one.households, "count"),
        )
        for each in series
        for one in each.bins
    )
    columns = ("", x_title, y_title, "low", "high", "n")
    return Figure(title, says, drawing.svg(), Table(title, columns, rows))


def _ticks(most: float) -> list[float]:
    found: list[float] = []
    for one in TICKS:
        far = not found or (math.sqrt(one) - math.sqrt(found[-1])) / most * SIDE >= LEAST_GAP
        if math.sqrt(one) <= most and far:
            found.append(one)
    return found


def _percent(value: float) -> str:
    return f"{value:.1%}".replace(".0%", "%")
