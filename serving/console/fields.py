"""The fields of a form that a page sends: a short one with each field once, or a long one as it came."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from urllib.parse import parse_qsl

from starlette.requests import Request

from serving.errors import FieldError, Problem

MOST_BYTES = 8_192
MOST_SECONDS = 10
_MOST_FIELDS = 20
_LONG_BYTES, _LONG_FIELDS = 32_768, 300
_MEDIA_TYPE = "application/x-www-form-urlencoded"


async def read_fields(request: Request, names: Collection[str]) -> dict[str, str]:
    """The named fields of a form, each given once.

    Raises `Problem`: another media type (415), too large (413), too slow (408), a field that is missing,
    given twice or no text (422). No value is repeated.
    """
    pairs = await _pairs(request, MOST_BYTES, _MOST_FIELDS)
    given = [name for name, _ in pairs]
    errors = [
        FieldError(
            f"/form/{name}", "missing" if name not in given else "repeated_part", "give the field once"
        )
        for name in names
        if given.count(name) != 1
    ]
    found = {name: value for name, value in pairs if name in names}
    errors += [
        FieldError(f"/form/{name}", "malformed", "give a text without NUL")
        for name, value in found.items()
        if "\0" in value
    ]
    if errors:
        raise Problem("request_invalid", errors=errors)
    return found


class Form:
    """A long form: what was left empty counts as not given."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            if value.strip():
                self._values.setdefault(name, []).append(value.strip())

    @property
    def names(self) -> frozenset[str]:
        """Every field that has a value."""
        return frozenset(self._values)

    def find(self, name: str) -> str | None:
        """The value of a field, `None` where it has none; raises `Problem` where it was given twice."""
        given = self._values.get(name, [])
        if len(given) > 1:
            raise Problem(
                "request_invalid",
                errors=[FieldError(f"/form/{name}", "repeated_part", "give the field once")],
            )
        return given[0] if given else None

    def all(self, name: str) -> list[str]:
        """Every value of a field, in the order of the page."""
        return list(self._values.get(name, []))


async def read_form(request: Request) -> Form:
    """A long form. Raises `Problem` as `read_fields` does, but for what is missing or given twice."""
    pairs = await _pairs(request, _LONG_BYTES, _LONG_FIELDS)
    if any("\0" in value or "\0" in name for name, value in pairs):
        raise Problem("form_malformed")
    return Form(pairs)


async def _pairs(request: Request, most_bytes: int, most_fields: int) -> list[tuple[str, str]]:
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != _MEDIA_TYPE:
        raise Problem("media_type_unsupported")
    body = bytearray()
    try:
        async with asyncio.timeout(MOST_SECONDS):
            async for part in request.stream():
                body += part
                if len(body) > most_bytes:
                    raise Problem("body_too_large", headers={"Connection": "close"})
    except TimeoutError:
        raise Problem("body_too_slow", headers={"Connection": "close"}) from None
    try:
        return parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=most_fields
        )
    except ValueError:
        raise Problem("form_malformed") from None
