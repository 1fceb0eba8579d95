"""The map of areas: a GeoJSON file (RFC 7946) that the operator gives, read once and checked.

Each feature has the properties `code` (an area code, each once) and, where it is to be called something,
`name`; its geometry is a Polygon or a MultiPolygon in degrees of longitude and latitude.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from features.errors import ContractError
from features.regions import check_area_code
from serving.errors import SettingsError

MOST_BYTES = 30_000_000
MOST_AREAS = 20_000
MOST_POINTS = 2_000_000
MOST_NAME = 40
_VARIABLE = "FANGFAN_MAP_FILE"
_CRS84 = {"urn:ogc:def:crs:OGC:1.3:CRS84", "urn:ogc:def:crs:EPSG::4326", "EPSG:4326"}

Ring = tuple[tuple[float, float], ...]
"""Points as (longitude, latitude); the last one is the first."""


@dataclass(frozen=True)
class AreaShape:
    """An area of the map: polygons, each an outer ring and the holes in it."""

    code: str
    name: str | None
    polygons: tuple[tuple[Ring, ...], ...] = field(repr=False)


@dataclass(frozen=True)
class AreaMap:
    """The areas of a map by their codes; without any there is no map."""

    shapes: Mapping[str, AreaShape] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path | None) -> AreaMap:
        """The map of a file; raises `SettingsError` that says what is wrong with it and where."""
        if path is None:
            return cls()
        try:
            with path.open("rb") as file:
                content = file.read(MOST_BYTES + 1)
        except OSError:
            raise _wrong("cannot be read") from None
        if len(content) > MOST_BYTES:
            raise _wrong(f"is larger than {MOST_BYTES:,} bytes: leave out points or levels")
        try:
            document = json.loads(content, object_pairs_hook=_once, parse_constant=_no_number)
        except (ValueError, RecursionError):
            raise _wrong("is no JSON document, or names something twice") from None
        return cls(_shapes(document))

    def name(self, code: str) -> str | None:
        """How an area is called, where the map says it."""
        found = self.shapes.get(code)
        return found.name if found else None

    def parts(self, area_code: str, level: int) -> tuple[AreaShape, ...]:
        """The areas of a level inside an area, by their codes."""
        return tuple(
            self.shapes[one] for one in sorted(self.shapes) if len(one) == level and one.startswith(area_code)
        )


def _shapes(document: Any) -> dict[str, AreaShape]:
    if not isinstance(document, dict) or document.get("type") != "FeatureCollection":
        raise _wrong("is no GeoJSON FeatureCollection")
    crs = document.get("crs")
    if crs is not None:
        name = crs.get("properties") if isinstance(crs, dict) else None
        if not isinstance(name, dict) or name.get("name") not in _CRS84:
            raise _wrong("is not in degrees of longitude and latitude (crs): convert it to CRS84")
    features = document.get("features")
    if not isinstance(features, list) or len(features) > MOST_AREAS:
        raise _wrong(f"has no list of up to {MOST_AREAS:,} features")
    made: dict[str, AreaShape] = {}
    points = 0
    for number, one in enumerate(features):
        shape = _shape(one, number)
        if shape.code in made:
            raise _wrong("has an area twice", number)
        made[shape.code] = shape
        points += sum(len(ring) for polygon in shape.polygons for ring in polygon)
        if points > MOST_POINTS:
            raise _wrong(f"has more than {MOST_POINTS:,} points: simplify it")
    return made


def _shape(feature: Any, number: int) -> AreaShape:
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        raise _wrong("has something that is no Feature", number)
    properties, geometry = feature.get("properties"), feature.get("geometry")
    if not isinstance(properties, dict) or not isinstance(geometry, dict):
        raise _wrong("has a feature without properties or geometry", number)
    try:
        code = check_area_code(properties.get("code"))
    except ContractError:
        raise _wrong("has a feature whose `code` is no area code", number) from None
    name = properties.get("name")
    if name is not None and not (
        isinstance(name, str) and 0 < len(name) <= MOST_NAME and name.isprintable() and name.strip()
    ):
        raise _wrong(f"has a `name` that is not one line of up to {MOST_NAME} characters", number)
    coordinates = geometry.get("coordinates")
    match geometry.get("type"):
        case "Polygon":
            polygons = [coordinates]
        case "MultiPolygon" if isinstance(coordinates, list):
            polygons = coordinates
        case _:
            raise _wrong("has a geometry that is neither Polygon nor MultiPolygon", number)
    if not polygons:
        raise _wrong("has an empty geometry", number)
    return AreaShape(code, name, tuple(tuple(_rings(one, number)) for one in polygons))


def _rings(polygon: Any, number: int) -> Iterator[Ring]:
    if not isinstance(polygon, list) or not polygon:
        raise _wrong("has a polygon without rings", number)
    for one in polygon:
        if not isinstance(one, list) or len(one) < 4:
            raise _wrong("has a ring of fewer than four points", number)
        ring = tuple(_point(point, number) for point in one)
        if ring[0] != ring[-1]:
            raise _wrong("has a ring that is not closed", number)
        yield ring


def _point(point: Any, number: int) -> tuple[float, float]:
    if not isinstance(point, list) or not 2 <= len(point) <= 3:
        raise _wrong("has a point that is not [longitude, latitude]", number)
    for value, most in zip(point, (180, 90), strict=False):
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not math.isfinite(value) or abs(value) > most:
            raise _wrong("has a point outside of the globe", number)
    return float(point[0]), float(point[1])


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("repeated name")
    return made


def _no_number(_: str) -> NoReturn:
    raise ValueError("no number")


def _wrong(what: str, number: int | None = None) -> SettingsError:
    where = "" if number is None else f" (feature {number + 1})"
    return SettingsError(f"{_VARIABLE}: the map {what}{where}")
