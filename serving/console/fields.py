"""The fields of a short form that a page sends."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from urllib.parse import parse_qsl

from starlette.requests import Request

from serving.errors import FieldError, Problem

MOST_BYTES = 8_192
MOST_SECONDS = 10
_MOST_FIELDS = 20
_MEDIA_TYPE = "application/x-www-form-urlencoded"


async def read_fields(request: Request, names: Collection[str]) -> dict[str, str]:
    """The named fields of a form, each given once.

    Raises `Problem`: another media type (415), too large (413), too slow (408), a field that is missing,
    given twice or no text (422). No value is repeated.
    """
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != _MEDIA_TYPE:
        raise Problem("media_type_unsupported")
    body = bytearray()
    try:
        async with asyncio.timeout(MOST_SECONDS):
            async for part in request.stream():
                body += part
                if len(body) > MOST_BYTES:
                    raise Problem("body_too_large", headers={"Connection": "close"})
    except TimeoutError:
        raise Problem("body_too_slow", headers={"Connection": "close"}) from None
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS
        )
    except ValueError:
        raise Problem("form_malformed") from None
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
