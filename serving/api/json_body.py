"""Reading a body as strict JSON: what a lenient reader would let pass is refused with its own code.

A doubled key, NaN, 1e400 or half a surrogate pair each mean that sender and receiver would understand the
document differently, and here the document is about people.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
from typing import Any, NoReturn

from starlette.requests import Request

from serving.errors import Problem

DEEPEST = 12
_LEAST_INT, _MOST_INT = -(2**63), 2**63 - 1
_MOST_INT_DIGITS = 20

# Linear by construction: an unterminated text runs to the end instead of being tried again and again.
_TOKENS = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


async def read_body(request: Request, most_bytes: int, seconds: float) -> bytes:
    """The whole body of a JSON request.

    Raises `Problem`: another media type (415), more than `most_bytes` (413, told while it is still coming
    in), slower than `seconds` (408).
    """
    _check_headers(request)
    length = request.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and (len(length) > 18 or int(length) > most_bytes):
        raise _too_large(most_bytes)
    parts, size = [], 0
    try:
        async with asyncio.timeout(seconds):
            async for part in request.stream():
                size += len(part)
                if size > most_bytes:
                    raise _too_large(most_bytes)
                parts.append(part)
    except TimeoutError:
        raise Problem("body_too_slow", headers={"Connection": "close"}) from None
    return b"".join(parts)


def parse_json(body: bytes) -> Any:
    """One JSON document; raises `Problem` with a code that says why it is refused."""
    _check_depth(body)
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise Problem("json_not_utf8") from None
    if "\\u0000" in text:
        raise Problem("json_nul")
    try:
        document = _DECODER.decode(text)
    except (json.JSONDecodeError, RecursionError):
        raise Problem("json_malformed") from None
    if _SURROGATE.search(text):
        try:
            json.dumps(document, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError:
            raise Problem("json_lone_surrogate") from None
    return document


def _check_headers(request: Request) -> None:
    types = request.headers.getlist("content-type")
    if len(types) != 1:
        raise Problem("media_type_unsupported")
    media, *parameters = (part.strip().lower() for part in types[0].split(";"))
    if media != "application/json" or any(
        one.replace('"', "") not in ("charset=utf-8", "charset=utf8", "") for one in parameters
    ):
        raise Problem("media_type_unsupported")
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Problem("media_type_unsupported")


def _too_large(most_bytes: int) -> Problem:
    detail = f"The body is larger than {most_bytes} bytes."
    return Problem("body_too_large", detail=detail, headers={"Connection": "close"})


def _check_depth(body: bytes) -> None:
    depth = 0
    for token in _TOKENS.finditer(body):
        first = body[token.start()]
        if first in b"[{":
            depth += 1
            if depth > DEEPEST:
                raise Problem("json_too_deep")
        elif first in b"]}":
            depth -= 1


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise Problem("json_duplicate_key")
    return made


def _int(text: str) -> int:
    if len(text) > _MOST_INT_DIGITS:
        raise Problem("json_number_too_large")
    number = int(text)
    if not _LEAST_INT <= number <= _MOST_INT:
        raise Problem("json_number_too_large")
    return number


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise Problem("json_not_finite")
    return number


def _constant(_: str) -> NoReturn:
    raise Problem("json_not_finite")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_int, parse_float=_float, parse_constant=_constant
)
