"""Vectors in a request: read strictly into a matrix, whichever protocol they came by.

Every feature of the model has to be named, none twice and no other. `null` is a missing value; leaving a
feature out is an error, because silence is not the same as missing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
from sqlalchemy.exc import SQLAlchemyError

from features import FEATURES
from scoring import ScoringError
from scoring.bundle import read_manifest
from scoring.limits import find_outside
from scoring.reasons import MOST_RISK_REASONS
from serving.errors import FieldError, Problem
from serving.models.service_models import ServiceModels

Floats = npt.NDArray[np.float64]

_NUMBERS = {int, float, type(None)}


_SHOWN = {"illness_self_paid_yuan_12m": 23000, "composition_members_count": 4}


def example_vector(models: ServiceModels) -> dict[str, int | None]:
    """A whole vector of the model in service, mostly of missing values; of all features where none is read.

    A part of a vector would be refused, and so be no example.
    """
    names: Iterable[str] = FEATURES
    with contextlib.suppress(ScoringError, SQLAlchemyError):
        pick = models.state().current
        if pick is not None:
            names = [one.name for one in read_manifest(models.folder(pick)).features]
    return {name: _SHOWN.get(name) for name in names}


def refuse(pointer: str, code: str, way_out: str) -> NoReturn:
    """Raise the problem of a request with one error."""
    raise Problem("request_invalid", errors=[FieldError(pointer, code, way_out)])


def read_object(given: Any, pointer: str, allowed: Sequence[str]) -> dict[str, Any]:
    """An object without unknown names."""
    if not isinstance(given, dict):
        refuse(pointer, "wrong_type", "give a JSON object")
    unknown = len(given.keys() - allowed)
    if unknown:
        way_out = f"remove {unknown} name(s) nobody declared; there are {', '.join(allowed)}"
        refuse(pointer, "unknown_field", way_out)
    return given


def read_list(given: Any, pointer: str) -> list[Any]:
    """A JSON array."""
    if not isinstance(given, list):
        refuse(pointer, "wrong_type", "give a JSON array")
    return given


def read_reasons(given: Any, pointer: str) -> int:
    """How many reasons are asked for; none if nothing is said."""
    if given is None:
        return 0
    if type(given) is not int or not 0 <= given <= MOST_RISK_REASONS:
        refuse(pointer, "out_of_range", f"give a whole number from 0 to {MOST_RISK_REASONS}")
    return given


def read_rows(
    rows: list[Any], width: int, most: int, pointer: str, names: Sequence[str] | None = None
) -> Floats:
    """Rows of `width` numbers each as a matrix (n, width), NaN where null; `names` if they came by name."""
    check_count(len(rows), most, pointer)
    for number, row in enumerate(rows):
        if len(read_list(row, f"{pointer}/{number}")) != width:
            refuse(f"{pointer}/{number}", "wrong_shape", f"give {width} values, one for each column")
        check_numbers(row, f"{pointer}/{number}", names)
    return np.array(rows, dtype=np.float64)


def check_count(count: int, most: int, pointer: str) -> None:
    """Raise the problem of too few or too many vectors."""
    if not 1 <= count <= most:
        refuse(pointer, "wrong_number", f"give from 1 to {most} vectors in one request")


def check_numbers(values: list[Any], pointer: str, names: Sequence[str] | None = None) -> None:
    """Raise the problem of a value that is neither a number nor null, at its name where it has one."""
    if not set(map(type, values)) <= _NUMBERS:
        place = next(at for at, one in enumerate(values) if type(one) not in _NUMBERS)
        at = place if names is None else names[place]
        refuse(f"{pointer}/{at}", "wrong_type", "give a number, or null for a missing value")


def check_limits(matrix: Floats, features: tuple[str, ...], place: Callable[[int, int], str]) -> None:
    """Raise the problem of a value beyond the least or the greatest that signals can give its feature.

    `matrix` (n, features) has the columns of `features`; `place` is the pointer of a row and a column.
    """
    outside = find_outside(matrix, features)
    if outside is not None:
        row, column = outside
        low, high = FEATURES[features[column]].limits
        way_out = f"{features[column]} is a number from {low:,.0f} to {high:,.0f}, or null"
        refuse(place(row, column), "out_of_range", way_out)


def places_of(names: Sequence[Any], features: Sequence[str], pointer: str) -> list[int]:
    """Where each of the features stands among the names given; these are all of them, each once."""
    found: dict[str, int] = {}
    for at, name in enumerate(names):
        if not isinstance(name, str):
            refuse(f"{pointer}/{at}", "wrong_type", "give the name of a feature")
        if name in found:
            refuse(f"{pointer}/{at}", "repeated_field", "give each feature once")
        found[name] = at
    unknown = len(found.keys() - set(features))
    if unknown:
        way_out = f"remove {unknown} name(s) that the model does not read; GET /v1/model lists what it reads"
        refuse(pointer, "unknown_field", way_out)
    missing = [one for one in features if one not in found]
    if missing:
        refuse(pointer, "missing", f"give {', '.join(missing[:10])} too; null where there is no value")
    return [found[one] for one in features]
