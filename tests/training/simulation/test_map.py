"""The simulated county's map: closed shapes that cover one another from the village up, the same for a seed."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from serving.map_file import AreaMap
from training.simulation.map import draw_map, outline, save_map


def villages(towns: int, last: int) -> list[str]:
    return [
        f"500299{town:03}{at:03}"
        for town in range(1, towns + 1)
        for at in range(1, (last if town == towns else 12) + 1)
    ]


def area(polygons: Any) -> float:
    """The shoelace formula, holes taken away."""
    total = 0.0
    for polygon in polygons:
        sizes = [abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(ring))) / 2 for ring in polygon]
        total += sizes[0] - sum(sizes[1:])
    return total


@pytest.mark.parametrize(("towns", "last"), [(1, 1), (1, 5), (4, 12), (5, 7), (21, 10)])
def test_areas_cover_exactly_what_lies_in_them(tmp_path: Path, towns: int, last: int) -> None:
    codes = villages(towns, last)
    save_map(draw_map(codes, 7), tmp_path)
    # What the service takes is the oracle of the form: closed rings, codes, each once.
    found = AreaMap.load(tmp_path / "map.geojson")
    above = {code[:length] for code in codes for length in (2, 4, 6, 9)}
    assert set(found.shapes) == above | set(codes)
    assert len({one.name for one in found.shapes.values()}) == len(found.shapes)
    for code in above:
        level = next(length for length in (4, 6, 9, 12) if length > len(code))
        parts = sum(area(one.polygons) for one in found.parts(code, level))
        assert area(found.shapes[code].polygons) == pytest.approx(parts, rel=1e-9)


def test_the_same_seed_draws_the_same(tmp_path: Path) -> None:
    first, again, other = (json.dumps(draw_map(villages(3, 4), seed)) for seed in (1, 1, 2))
    assert first == again != other


def test_an_outline_has_the_edges_that_nobody_shares() -> None:
    square = [
        [(float(x), float(y)), (x + 1.0, float(y)), (x + 1.0, y + 1.0), (float(x), y + 1.0)]
        for x in range(3)
        for y in range(3)
    ]
    (whole,) = outline(square)
    assert len(whole) - 1 == 12
    around = [one for one in square if one[0] != (1.0, 1.0)]
    rings = outline(around)
    assert sorted(len(ring) - 1 for ring in rings) == [4, 12]
    assert all(ring[0] == ring[-1] for ring in rings)
