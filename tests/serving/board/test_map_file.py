"""The operator's map: what is taken, and that whatever else is refused by what is wrong with it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.console.map_view import CLASSES, class_breaks, class_of, map_view
from serving.errors import SettingsError
from serving.map_file import MOST_BYTES, AreaMap, AreaShape

SQUARE = [[107.0, 30.0], [107.1, 30.0], [107.1, 30.1], [107.0, 30.1], [107.0, 30.0]]
SOUND: dict[str, Any] = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "properties": {"code": "500999", "name": "某县"},
            "geometry": {"type": "Polygon", "coordinates": [SQUARE]},
        }
    ],
}


def write(folder: Path, document: Any) -> Path:
    path = folder / "map.geojson"
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return path


def test_a_sound_map_is_taken(tmp_path: Path) -> None:
    found = AreaMap.load(write(tmp_path, SOUND))
    assert (found.name("500999"), found.name("500998")) == ("某县", None)
    assert [one.code for one in found.parts("5009", 6)] == ["500999"]
    assert found.parts("51", 6) == ()
    assert AreaMap.load(None).shapes == {}


def first(document: Any) -> Any:
    return document["features"][0]


BROKEN: dict[str, Callable[[Any], Any]] = {
    "a list": lambda one: [one],
    "no collection": lambda one: {**one, "type": "Topology"},
    "no features": lambda one: {**one, "features": {}},
    "another projection": lambda one: {**one, "crs": {"type": "name", "properties": {"name": "EPSG:3857"}}},
    "a crs that is a text": lambda one: {**one, "crs": "EPSG:4326"},
    "twice": lambda one: {**one, "features": one["features"] * 2},
    "no feature": lambda one: {**one, "features": [1]},
    "no code": lambda one: first(one)["properties"].pop("code") and one,
    "a code of no level": lambda one: first(one)["properties"].update(code="50099") or one,
    "a code that is a number": lambda one: first(one)["properties"].update(code=500999) or one,
    "markup as code": lambda one: first(one)["properties"].update(code="<b>abc") or one,
    "a long name": lambda one: first(one)["properties"].update(name="x" * 41) or one,
    "a name of two lines": lambda one: first(one)["properties"].update(name="a\nb") or one,
    "no geometry": lambda one: first(one).update(geometry=None) or one,
    "a line": lambda one: first(one)["geometry"].update(type="LineString") or one,
    "an empty multipolygon": lambda one: (
        first(one)["geometry"].update(type="MultiPolygon", coordinates=[]) or one
    ),
    "no rings": lambda one: first(one)["geometry"].update(coordinates=[]) or one,
    "an open ring": lambda one: first(one)["geometry"]["coordinates"][0].pop() and one,
    "three points": lambda one: first(one)["geometry"].update(coordinates=[SQUARE[:2] + SQUARE[:1]]) or one,
    "metres": lambda one: first(one)["geometry"].update(coordinates=[[[9e6, 3e6]] * 4]) or one,
    "texts": lambda one: first(one)["geometry"].update(coordinates=[[["107", "30"]] * 4]) or one,
    "true": lambda one: first(one)["geometry"].update(coordinates=[[[True, True]] * 4]) or one,
    "one number": lambda one: first(one)["geometry"].update(coordinates=[[[107]] * 4]) or one,
}


@pytest.mark.parametrize("kind", BROKEN)
def test_what_is_wrong_is_refused(tmp_path: Path, kind: str) -> None:
    document = BROKEN[kind](copy.deepcopy(SOUND))
    with pytest.raises(SettingsError, match=r"^FANGFAN_MAP_FILE: the map "):
        AreaMap.load(write(tmp_path, document))


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[" * 100_000, '{"type": "FeatureCollection", "type": "FeatureCollection", "features": []}',
        json.dumps(SOUND).replace("107.1", "NaN"), json.dumps(SOUND).replace("107.1", "1e999"),
    ],
)  # fmt: skip
def test_what_is_no_document_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match="FANGFAN_MAP_FILE"):
        AreaMap.load(write(tmp_path, text))


def test_a_file_that_is_too_large_or_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        AreaMap.load(tmp_path / "nowhere.geojson")
    large = tmp_path / "large.geojson"
    with large.open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(SettingsError, match="larger than"):
        AreaMap.load(large)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=60))
def test_classes_keep_the_order_and_use_every_colour(values: list[float]) -> None:
    breaks = class_breaks(values)
    assert breaks == sorted(set(breaks))
    assert breaks[0] == min(values)
    classes = [class_of(one, breaks) for one in sorted(values)]
    assert classes == sorted(classes)
    assert set(classes) <= set(range(CLASSES))
    if len(set(values)) >= CLASSES and len(values) == len(set(values)):
        assert len(set(classes)) == CLASSES


def test_what_is_drawn_lies_inside_and_hidden_areas_have_no_number() -> None:
    rings = [
        tuple((107 + x + dx, 30 + y + dy) for dx, dy in ((0, 0), (1, 0), (1, 1), (0, 1), (0, 0)))
        for x in range(3) for y in range(2)
    ]  # fmt: skip
    shapes = [AreaShape(f"50{at:04}", None, ((ring,),)) for at, ring in enumerate(rings)]
    values = {one.code: float(at) for at, one in enumerate(shapes) if at != 4}
    view = map_view(shapes, values, frozenset({"500005"}))
    assert view is not None
    kinds = {one["code"]: one["kind"] for one in view["areas"]}
    assert (kinds["500005"], kinds["500004"], kinds["500000"]) == ("hidden", "none", "m0")
    for one in view["areas"]:
        points = [tuple(map(float, pair.split())) for pair in one["path"][1:-1].split("L")]
        assert all(0 <= x <= view["width"] and 0 <= y <= view["height"] for x, y in points)
    assert map_view([], {}, frozenset()) is None
