"""The map of an area's parts as shapes in the page: coloured by a number, linked, without a script."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from serving.map_file import AreaShape, Ring

WIDTH = 640
MOST_HEIGHT = 640
CLASSES = 5
_EDGE = 4
_FLAT = 0.6
"""Points that lie so near to the line between their neighbours are left out, in units of the drawing."""
_LABELLED = 40
_LABEL = 16


def map_view(
    shapes: Sequence[AreaShape], values: Mapping[str, float], hidden: frozenset[str]
) -> dict[str, Any] | None:
    """What the template draws: paths by area with the class of their number, and where the classes begin.

    Areas in `hidden` are kept back, those without a value have no number; `None` where nothing can be drawn.
    """
    if not shapes:
        return None
    project, height = _projection([ring for one in shapes for polygon in one.polygons for ring in polygon])
    breaks = class_breaks([values[one.code] for one in shapes if one.code in values])
    drawn = []
    for one in shapes:
        rings = [_thin([project(point) for point in ring]) for polygon in one.polygons for ring in polygon]
        kept = [ring for ring in rings if len(ring) > 2]
        if not kept:
            continue
        value = values.get(one.code)
        kind = "hidden" if one.code in hidden else "none" if value is None else f"m{class_of(value, breaks)}"
        drawn.append({
            "code": one.code, "name": one.name or one.code, "kind": kind, "value": value,
            "path": "".join(_path(ring) for ring in kept), "at": _middle(max(kept, key=_size)),
        })  # fmt: skip
    return {
        "width": WIDTH, "height": height, "areas": drawn, "breaks": breaks,
        "has_labels": len(drawn) <= _LABELLED, "label": _LABEL,
        "classes": [f"m{class_of(one, breaks)}" for one in breaks],
        "kinds": sorted({one["kind"] for one in drawn}),
    }  # fmt: skip


def class_breaks(values: Sequence[float]) -> list[float]:
    """Where each class begins, from the least on: as many areas in each as equal numbers allow."""
    distinct = sorted(set(values))
    if len(distinct) <= CLASSES:
        return distinct
    ordered = sorted(values)
    return sorted({ordered[len(ordered) * at // CLASSES] for at in range(CLASSES)})


def class_of(value: float, breaks: Sequence[float]) -> int:
    """The class of a number, spread over all colours where there are fewer classes than that."""
    at = max(0, sum(1 for one in breaks if value >= one) - 1)
    return at if len(breaks) in {1, CLASSES} else round(at * (CLASSES - 1) / (len(breaks) - 1))


def _projection(rings: Sequence[Ring]) -> tuple[Any, int]:
    """Equirectangular with the middle latitude true: good enough for a province."""
    longitudes = [point[0] for ring in rings for point in ring]
    latitudes = [point[1] for ring in rings for point in ring]
    west, east, south, north = min(longitudes), max(longitudes), min(latitudes), max(latitudes)
    squeeze = max(0.05, math.cos(math.radians((south + north) / 2)))
    across, up = max((east - west) * squeeze, 1e-9), max(north - south, 1e-9)
    scale = min((WIDTH - 2 * _EDGE) / across, (MOST_HEIGHT - 2 * _EDGE) / up)
    left = (WIDTH - across * scale) / 2

    def project(point: tuple[float, float]) -> tuple[float, float]:
        return left + (point[0] - west) * squeeze * scale, _EDGE + (north - point[1]) * scale

    return project, math.ceil(up * scale + 2 * _EDGE)


def _thin(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The points of a ring that can be told apart on the page, without the last, which is the first.

    Neighbours that share a line leave the same points of it out, as far as they meet the same points.
    """
    rounded = [(round(x, 1), round(y, 1)) for x, y in points]
    apart = [one for at, one in enumerate(rounded) if at == 0 or one != rounded[at - 1]]
    if len(apart) > 1 and apart[0] == apart[-1]:
        apart.pop()
    if len(apart) < 5:
        return apart
    kept = [apart[0]]
    for at in range(1, len(apart)):
        if _off_line(kept[-1], apart[at], apart[(at + 1) % len(apart)]) > _FLAT:
            kept.append(apart[at])
    return kept if len(kept) > 2 else apart


def _off_line(before: tuple[float, float], at: tuple[float, float], after: tuple[float, float]) -> float:
    dx, dy = after[0] - before[0], after[1] - before[1]
    length = math.hypot(dx, dy)
    if length == 0:
        return math.hypot(at[0] - before[0], at[1] - before[1])
    return abs(dx * (before[1] - at[1]) - (before[0] - at[0]) * dy) / length


def _path(ring: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in ring) + "Z"


def _size(ring: Sequence[tuple[float, float]]) -> float:
    return abs(_twice_area(ring))


def _twice_area(ring: Sequence[tuple[float, float]]) -> float:
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(ring, [*ring[1:], ring[0]], strict=True))


def _middle(ring: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The centre of gravity of a ring."""
    twice = _twice_area(ring)
    if abs(twice) < 1e-6:
        return round(sum(x for x, _ in ring) / len(ring), 1), round(sum(y for _, y in ring) / len(ring), 1)
    pairs = list(zip(ring, [*ring[1:], ring[0]], strict=True))
    x = sum((a[0] + b[0]) * (a[0] * b[1] - b[0] * a[1]) for a, b in pairs) / (3 * twice)
    y = sum((a[1] + b[1]) * (a[0] * b[1] - b[0] * a[1]) for a, b in pairs) / (3 * twice)
    return round(x, 1), round(y, 1)
