"""A map of the simulated county: invented shapes for its villages and for every area around them.

Villages are cells of a crooked lattice, a township's beside each other; an area above is the outline of what
lies in it. The codes are those of the register, the names are numbers, and the place is nowhere.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from features.regions import AREA_LEVELS

MAP_FILE = "map.geojson"
_WEST, _SOUTH = 107.0, 30.0
_ACROSS, _UP = 0.030, 0.026
"""Degrees of one cell: about 2.9 km each way."""
_COLUMNS, _ROWS = 4, 3
"""Cells of a township's block; of its villages the last ones have several, where there are fewer."""
_NAMES = {2: "演示省", 4: "演示市", 6: "演示县"}

Point = tuple[float, float]
Edge = tuple[Point, Point]


def draw_map(village_codes: Iterable[str], seed: int) -> dict[str, Any]:
    """A GeoJSON FeatureCollection (RFC 7946) with a feature for each village and each area above it.

    The same codes and seed give the same map. Each feature has the properties `code` and `name`.
    """
    towns: dict[str, list[str]] = {}
    for code in sorted(set(village_codes)):
        towns.setdefault(code[:9], []).append(code)
    across = math.ceil(math.sqrt(len(towns)))
    lattice = _Lattice(across * _COLUMNS, math.ceil(len(towns) / across) * _ROWS, seed)
    cells: dict[str, list[list[Point]]] = {}
    for number, villages in enumerate(towns.values()):
        left, low = number % across * _COLUMNS, number // across * _ROWS
        # There and back, so that cells after one another touch.
        block = [
            (left + (column if row % 2 == 0 else _COLUMNS - 1 - column), low + row)
            for row in range(_ROWS)
            for column in range(_COLUMNS)
        ]
        for at, (column, row) in enumerate(block):
            village = villages[at * len(villages) // len(block)]
            for length in AREA_LEVELS:
                cells.setdefault(village[:length], []).append(lattice.cell(column, row))
    return {
        "type": "FeatureCollection",
        "features": [_feature(code, outline(rings)) for code, rings in sorted(cells.items())],
    }


def save_map(document: Mapping[str, Any], directory: Path) -> None:
    """Write the map beside what else is saved of a county."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    (directory / MAP_FILE).write_text(text, encoding="utf-8")


def outline(rings: Sequence[Sequence[Point]]) -> list[list[Point]]:
    """The closed rings around cells that share edges: an edge that two of them run along lies inside.

    Cells run counter-clockwise, and so do the rings around them; those around holes run clockwise.
    """
    edges: dict[Edge, None] = {}
    for ring in rings:
        for edge in zip(ring, [*ring[1:], ring[0]], strict=True):
            if edge[::-1] in edges:
                del edges[edge[1], edge[0]]
            else:
                edges[edge] = None
    after: dict[Point, list[Point]] = {}
    for start, end in edges:
        after.setdefault(start, []).append(end)
    made = []
    while after:
        first = next(iter(after))
        ring = [first]
        while True:
            following = after[ring[-1]].pop()
            if not after[ring[-1]]:
                del after[ring[-1]]
            ring.append(following)
            if following == first:
                break
        made.append(ring)
    return made


class _Lattice:
    """Crooked columns and rows; two cells beside each other have the same edge."""

    def __init__(self, columns: int, rows: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        shape = (columns + 1, rows + 1, 2)
        size = np.array([_ACROSS, _UP])
        grid = np.stack(np.meshgrid(np.arange(columns + 1), np.arange(rows + 1), indexing="ij"), axis=-1)
        self._nodes = (grid + rng.uniform(-0.28, 0.28, shape)) * size + np.array([_WEST, _SOUTH])
        # The middle of the edge that leads right, and of the one that leads up.
        self._right = rng.uniform(-0.1, 0.1, shape) * size
        self._up = rng.uniform(-0.1, 0.1, shape) * size

    def cell(self, column: int, row: int) -> list[Point]:
        """The points around a cell, counter-clockwise."""
        c, r = column, row
        return [
            self._node(c, r), self._middle(c, r, self._right), self._node(c + 1, r),
            self._middle(c + 1, r, self._up), self._node(c + 1, r + 1), self._middle(c, r + 1, self._right),
            self._node(c, r + 1), self._middle(c, r, self._up),
        ]  # fmt: skip

    def _node(self, column: int, row: int) -> Point:
        x, y = self._nodes[column, row]
        return round(float(x), 5), round(float(y), 5)

    def _middle(self, column: int, row: int, bends: np.ndarray) -> Point:
        beyond = (column + 1, row) if bends is self._right else (column, row + 1)
        x, y = (self._nodes[column, row] + self._nodes[beyond]) / 2 + bends[column, row]
        return round(float(x), 5), round(float(y), 5)


def _feature(code: str, rings: list[list[Point]]) -> dict[str, Any]:
    outer = [one for one in rings if _turn(one) > 0]
    holes = [one for one in rings if _turn(one) <= 0]
    polygons = [[one, *(hole for hole in holes if _surrounds(one, hole))] for one in outer]
    coordinates = [[[list(point) for point in ring] for ring in polygon] for polygon in polygons]
    geometry = (
        {"type": "Polygon", "coordinates": coordinates[0]}
        if len(coordinates) == 1
        else {"type": "MultiPolygon", "coordinates": coordinates}
    )
    return {"type": "Feature", "properties": {"code": code, "name": _name(code)}, "geometry": geometry}


def _turn(ring: Sequence[Point]) -> float:
    """Twice the area inside; below zero for a ring that runs clockwise."""
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(ring))


def _surrounds(ring: Sequence[Point], hole: Sequence[Point]) -> bool:
    xs, ys = zip(*ring, strict=True)
    return all(min(xs) <= x <= max(xs) and min(ys) <= y <= max(ys) for x, y in hole)


def _name(code: str) -> str:
    if len(code) in _NAMES:
        return _NAMES[len(code)]
    town = f"{int(code[6:9])}号镇"
    return town if len(code) == 9 else f"{town}{int(code[9:12])}村"
