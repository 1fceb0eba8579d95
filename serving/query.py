"""Query parameters read as strictly as bodies: each once, of its kind, and refused without being repeated."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from typing import Any

from starlette.requests import Request

from features.signals.defects import Defect
from features.signals.fields import Date
from serving.errors import FieldError, Problem

_DAY = Date(name="date", zh="日期", en="date")


async def check_names(request: Request) -> None:
    """Raise `Problem` for a name that is none of the route's documented ones: misspelt, it would be ignored.

    A route that documents none reads none, and is asked with whatever a monitor adds.
    """
    if not request.scope["query_string"]:
        return
    documented = (getattr(request.scope.get("route"), "openapi_extra", None) or {}).get("parameters", ())
    known = [one["name"] for one in documented if one["in"] == "query"]
    if known and (error := unknown_names(request.query_params, known)):
        raise Problem("request_invalid", errors=[error])


def unknown_names(query: Mapping[str, str], known: Collection[str]) -> FieldError | None:
    """The error of names that are not known, none of which is repeated; `None` where all are."""
    unknown = len(query.keys() - known)
    if not unknown:
        return None
    way_out = f"remove {unknown} name(s) nobody declared; there are {', '.join(sorted(known))}"
    return FieldError("/query", "unknown_field", way_out)


def read_text(request: Request, name: str) -> str | None:
    """A parameter, if it was given; raises `Problem` where it was given twice."""
    given = request.query_params.getlist(name)
    if len(given) > 1:
        raise refused(name, "repeated", f"give {name} once")
    return given[0] if given else None


def read_word(request: Request, name: str, words: tuple[str, ...]) -> str | None:
    """One of a fixed list of words, if one was given; raises `Problem` for any other."""
    given = read_text(request, name)
    if given is not None and given not in words:
        raise refused(name, "unknown_category", f"give one of {', '.join(words)}")
    return given


def read_day(request: Request, name: str) -> dt.date | None:
    """A date, if one was given; raises `Problem` where it is none."""
    given = read_text(request, name)
    return None if given is None else parse_day(given, f"/query/{name}")


def parse_day(given: str, pointer: str) -> dt.date:
    """A date of an address; raises `Problem` where it is none."""
    try:
        day = _DAY.parse(given)
    except Defect as defect:
        raise Problem("request_invalid", errors=[FieldError(pointer, defect.code, defect.way_out)]) from None
    assert isinstance(day, dt.date)
    return day


def read_moment(request: Request, name: str) -> dt.datetime | None:
    """A moment with its time zone, if one was given; raises `Problem` for anything else."""
    given = read_text(request, name)
    if given is None:
        return None
    try:
        moment = dt.datetime.fromisoformat(given)
        if moment.tzinfo is None:
            raise ValueError("a moment needs its time zone")
        return moment.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise refused(name, "malformed", "give a moment as 2026-11-02T02:00:00Z") from None


def read_count(request: Request, name: str, *, default: int, most: int, least: int = 1) -> int:
    """A whole number from `least` to `most`; raises `Problem` for anything else."""
    given = read_text(request, name)
    if given is None:
        return default
    is_whole = given.isascii() and given.isdigit() and len(given) <= len(str(most))
    if not (is_whole and least <= int(given) <= most):
        raise refused(name, "out_of_range", f"give a whole number from {least} to {most}")
    return int(given)


def refused(name: str, code: str, way_out: str) -> Problem:
    """The problem of one query parameter."""
    return Problem("request_invalid", errors=[FieldError(f"/query/{name}", code, way_out)])


def query_parameter(
    name: str, schema: dict[str, Any], description: str, *, example: Any = None
) -> dict[str, Any]:
    """A query parameter as OpenAPI documents it."""
    made = {"name": name, "in": "query", "required": False, "schema": schema, "description": description}
    return made if example is None else {**made, "example": example}


def count_parameter(name: str, description: str, *, default: int, most: int) -> dict[str, Any]:
    """A parameter that `read_count` reads."""
    schema = {"type": "integer", "minimum": 1, "maximum": most, "default": default}
    return query_parameter(name, schema, description)
