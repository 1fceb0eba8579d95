"""Drawing: SVG elements in a tree, so that every text is escaped; colours are the style sheet's."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from markupsafe import Markup

from training.report.figures import Number

WIDTH = 720
SERIES_COLOURS = 6
"""How many series the style sheet tells apart by colour; marks differ as well."""

_HALF = 0.5


class Drawing:
    """A picture of `WIDTH` × `height` user units with a title and a description for screen readers."""

    def __init__(self, height: float, title: str, says: str) -> None:
        self._root = ElementTree.Element(
            "svg",
            {"viewBox": f"0 0 {WIDTH} {height:g}", "role": "img", "class": "chart", "aria-label": title},
        )
        ElementTree.SubElement(self._root, "title").text = title
        ElementTree.SubElement(self._root, "desc").text = says

    def line(self, x1: float, y1: float, x2: float, y2: float, style: str) -> None:
        """A straight line."""
        self._add("line", style, x1=x1, y1=y1, x2=x2, y2=y2)

    def path(self, points: Sequence[tuple[float, float]], style: str) -> None:
        """A line through points; nothing with fewer than two."""
        if len(points) > 1:
            element = self._add("polyline", style)
            element.set("points", " ".join(f"{x:.1f},{y:.1f}" for x, y in points))

    def area(
        self, upper: Sequence[tuple[float, float]], lower: Sequence[tuple[float, float]], style: str
    ) -> None:
        """The band between two lines."""
        element = self._add("polygon", style)
        element.set("points", " ".join(f"{x:.1f},{y:.1f}" for x, y in (*upper, *reversed(lower))))

    def box(self, x: float, y: float, width: float, height: float, style: str, hint: str = "") -> None:
        """A rectangle; `hint` shows when a pointer rests on it."""
        element = self._add("rect", style, x=x, y=y, width=max(0.0, width), height=height)
        if hint:
            ElementTree.SubElement(element, "title").text = hint

    def mark(self, x: float, y: float, series: int, radius: float = 4, hint: str = "") -> None:
        """The mark of a series: its shape tells it from others where colours do not."""
        shape, style = series % 3, f"mark {colour(series)}"
        if shape == 0:
            element = self._add("circle", style, cx=x, cy=y, r=radius)
        elif shape == 1:
            element = self._add(
                "rect", style, x=x - radius, y=y - radius, width=2 * radius, height=2 * radius
            )
        else:
            element = self._add("polygon", style)
            corners = ((x, y - 1.3 * radius), (x + 1.2 * radius, y + radius), (x - 1.2 * radius, y + radius))
            element.set("points", " ".join(f"{a:.1f},{b:.1f}" for a, b in corners))
        if hint:
            ElementTree.SubElement(element, "title").text = hint

    def dot(self, x: float, y: float, style: str) -> None:
        """A small dot."""
        self._add("circle", style, cx=x, cy=y, r=1.6)

    def text(self, x: float, y: float, said: str | Number, style: str = "", anchor: str = "start") -> None:
        """Text whose baseline begins, ends or is centred at a point."""
        element = self._add("text", style, x=x, y=y)
        element.set("text-anchor", anchor)
        element.text = str(said)
        if isinstance(said, Number):
            element.set("data-value", repr(said.value))

    def svg(self) -> Markup:
        """The picture as markup for a page."""
        # Escaped by the tree that wrote it.
        return Markup(ElementTree.tostring(self._root, encoding="unicode"))  # noqa: S704

    def _add(self, name: str, style: str, **numbers: float) -> ElementTree.Element:
        # Not-a-number would void the whole element in some browsers and be drawn at 0 in others.
        if not all(math.isfinite(value) for value in numbers.values()):
            raise ValueError(f"a {name} needs finite coordinates")
        element = ElementTree.SubElement(self._root, name)
        for key, value in numbers.items():
            element.set(key, f"{value:.1f}".removesuffix(".0"))
        if style:
            element.set("class", style)
        return element


def colour(series: int) -> str:
    """The class that colours a series."""
    return f"s{series % SERIES_COLOURS}"


@dataclass(frozen=True)
class Scale:
    """Values from `low` to `high` on pixels from `start` to `end`; values outside are kept at the edge."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        span = self.high - self.low
        part = _HALF if span <= 0 else min(1.0, max(0.0, (value - self.low) / span))
        return self.start + part * (self.end - self.start)

    def ticks(self, most: int = 6) -> list[float]:
        """Round values within the scale, at most about `most` of them."""
        span = self.high - self.low
        if span <= 0:
            return [self.low]
        raw = span / most
        size = 10.0 ** math.floor(math.log10(raw))
        step = next(size * one for one in (1, 2, 2.5, 5, 10) if size * one >= raw * (1 - 1e-9))
        first = math.ceil(self.low / step - 1e-9)
        found = itertools.takewhile(
            lambda one: one <= self.high + step * 1e-6, (step * (first + at) for at in itertools.count())
        )
        return [0.0 if abs(one) < step * 1e-6 else one for one in found]


def spread(
    values: Sequence[float], *, start: float, end: float, zero: bool = False, margin: float = 0.06
) -> Scale:
    """A scale over the finite values with a little air; `zero` keeps 0 in sight."""
    finite = [one for one in values if math.isfinite(one)] or [0.0, 1.0]
    low, high = min(finite), max(finite)
    if zero:
        low, high = min(0.0, low), max(0.0, high)
    air = (high - low) * margin or abs(high) * margin or 1.0
    return Scale(
        low if zero and low == 0 else low - air, high if zero and high == 0 else high + air, start, end
    )


def bottom_axis(
    drawing: Drawing, scale: Scale, top: float, bottom: float, title: str, write: Callable[[float], str]
) -> None:
    """Ticks with grid lines from top to bottom, their labels and the title of a horizontal axis."""
    for tick in scale.ticks():
        drawing.line(scale(tick), top, scale(tick), bottom, "grid")
        drawing.text(scale(tick), bottom + 16, write(tick), "tick", "middle")
    drawing.line(scale.start, bottom, scale.end, bottom, "axis")
    drawing.text((scale.start + scale.end) / 2, bottom + 34, title, "axis-title", "middle")


def left_axis(
    drawing: Drawing, scale: Scale, left: float, right: float, title: str, write: Callable[[float], str]
) -> None:
    """Ticks with grid lines from left to right, their labels and the title of a vertical axis, above it."""
    for tick in scale.ticks():
        drawing.line(left, scale(tick), right, scale(tick), "grid")
        drawing.text(left - 6, scale(tick) + 4, write(tick), "tick", "end")
    drawing.line(left, scale.start, left, scale.end, "axis")
    drawing.text(4, 14, title, "axis-title")


def legend(drawing: Drawing, names: Sequence[str], left: float, y: float, room: float = WIDTH - 8) -> float:
    """Marks with their names in rows; returns the height they took."""
    x, top = left, y
    for at, name in enumerate(names):
        width = 22 + text_width(name)
        if x + width > room and x > left:
            x, y = left, y + 18
        drawing.mark(x + 5, y - 4, at)
        drawing.text(x + 14, y, name, "legend")
        x += width + 10
    return y - top + 18


def legend_height(names: Sequence[str], left: float, room: float = WIDTH - 8) -> float:
    """The height `legend` will take."""
    return legend(Drawing(1, "", ""), names, left, 0.0, room)


def text_width(said: str, size: float = 12.5) -> float:
    """About how wide a text is: Chinese characters are square, Latin ones about half as wide."""
    return sum(size if ord(one) > 0x2E80 else size * 0.56 for one in said)


def label_room(labels: Sequence[str], beside: float, *, least: float = 120, most: float = 340) -> float:
    """Room on the left for the longest label and what stands `beside` it, within bounds."""
    longest = max((text_width(one) for one in labels), default=0.0)
    return min(most, max(least, longest + beside))


def shortened(said: str, room: float) -> str:
    """A text cut to about `room` user units, with an ellipsis where something is left out."""
    if text_width(said) <= room:
        return said
    while said and text_width(said) > room - 12:
        said = said[:-1]
    return said.rstrip() + "…"
