"""Reading a body as strict JSON: what a lenient reader would let pass is refused with its own code.

A doubled key, NaN, 1e400 or half a surrogate pair each mean that sender and receiver would understand the
document differently, and here the document is about people.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NoReturn, TypeVar

import orjson
from pydantic_core import from_json, to_json
from starlette.requests import ClientDisconnect, Request

from serving.errors import Problem
from serving.pace import WHOLE, Pace

T = TypeVar("T")

DEEPEST = 12
_LEAST_INT, _MOST_INT = -(2**63), 2**63 - 1
_MOST_INT_DIGITS = 20

# Linear by construction: an unterminated text runs to the end instead of being tried again and again.
_TOKENS = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)
_NOT_PLAIN = object()
_NINETEEN_DIGITS = b"0" * 19
"""A number of fewer digits fits in 64 bits."""
_DIGITS_ALIKE = bytes.maketrans(b"123456789", b"0" * 9)
_NO_SHAPE = bytes(one for one in range(256) if one not in b'"[]{}')
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


async def read_body(request: Request, most_bytes: int, seconds: float) -> bytes:
    """The whole body of a JSON request.

    Raises `Problem`: another media type (415), more than `most_bytes` (413, told while it is still coming
    in), slower than `seconds` or stalling (408).
    """
    _check_headers(request)
    if tells_more(request, most_bytes):
        raise _too_large(most_bytes)
    if request.scope.get(WHOLE, False):
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        whole: bytes = message["body"]
        if len(whole) > most_bytes:
            raise _too_large(most_bytes)
        return whole
    parts, size = [], 0
    async with Pace(seconds) as pace:
        async for part in request.stream():
            size += len(part)
            if size > most_bytes:
                raise _too_large(most_bytes)
            parts.append(part)
            pace.count(len(part))
    return b"".join(parts)


async def read_document(request: Request, most_bytes: int, seconds: float) -> Any:
    """The one JSON document of a small body; raises `Problem` as `read_body` and `parse_json` do."""
    return parse_json(await read_body(request, most_bytes, seconds))


def tells_more(request: Request, most_bytes: int) -> bool:
    """Whether the head of a request already says that its body has more than `most_bytes`."""
    for name, value in request.scope["headers"]:
        if name == b"content-length":
            return value.isdigit() and (len(value) > 18 or int(value) > most_bytes)
    return False


def parse_json(body: bytes) -> Any:
    """One JSON document; raises `Problem` with a code that says why it is refused."""
    document = _parse_plain(body)
    return _parse_carefully(body) if document is _NOT_PLAIN else document


def parse_unproven(body: bytes) -> Any:
    """A document that may yet break what `parse_json` asks for, in much less time; raises `ValueError`.

    A number beyond 64 bits, which becomes a float, any depth and a doubled key are let through. Whoever reads
    it takes only values with bounds at places with names, and asks `may_repeat_a_name` in the end.
    """
    if b"\\" in body:
        raise ValueError
    return orjson.loads(body)


def read_json(body: bytes, read: Callable[[Any], T], count_names: Callable[[Any], int]) -> T:
    """What `read` makes of one JSON document; raises `Problem` as it and `parse_json` do.

    `read` takes what `parse_unproven` says, and `count_names` the names in a document that it took. Where a
    document may be wrong, it is proven first and read again.
    """
    try:
        document = parse_unproven(body)
        made = read(document)
        is_proven = not may_repeat_a_name(body, count_names(document))
    except (ValueError, OverflowError, Problem):
        is_proven = False
    return made if is_proven else read(parse_json(body))


def may_repeat_a_name(body: bytes, names: int) -> bool:
    """Whether an object of a document of so many `names` may have had one twice.

    Each has a colon behind it, also one that was lost because it came again; a text may have more of them.
    """
    return body.count(b":") != names


def dump_json(answer: Any) -> bytes:
    """An answer as JSON; raises `ValueError` where a number of it is none."""
    made = to_json(answer)
    if b"NaN" in made or b"Infinity" in made:
        # A key may be called so; a number may not be so.
        return json.dumps(answer, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    return made


def _parse_plain(body: bytes) -> Any:
    """The document, where a few looks at the whole body show that nothing can be wrong with it.

    `_NOT_PLAIN` says nothing else than that `_parse_carefully` has to look: it is the authority, and some
    fifteen times slower. Without a backslash every quote begins or ends a text, and none is lost when the
    document is written again, but those of a doubled key.
    """
    *before, _ = body.translate(_DIGITS_ALIKE).split(_NINETEEN_DIGITS)
    # Behind a point they are no whole number.
    if b"\\" in body or not all(one.endswith(b".") for one in before):
        return _NOT_PLAIN
    shape = body.translate(None, _NO_SHAPE).replace(b'""', b"")
    for _ in range(DEEPEST):
        if not shape:
            break
        # A level at a time: what is found empty becomes a mark before it is nothing.
        shape = shape.replace(b"[]", b".").replace(b"{}", b".").replace(b".", b"")
    # Not empty: nested deeper, not closed, or a text that has brackets.
    if shape:
        return _NOT_PLAIN
    try:
        document = from_json(body, allow_inf_nan=False, cache_strings="keys")
    except ValueError:
        return _NOT_PLAIN
    again = to_json(document)
    # 1e400 is read as infinity.
    is_plain = again.count(b'"') == body.count(b'"') and b"Infinity" not in again
    return document if is_plain else _NOT_PLAIN


def _parse_carefully(body: bytes) -> Any:
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
    types = []
    for name, value in request.scope["headers"]:
        if name == b"content-type":
            types.append(value)
        elif name == b"content-encoding" and value.strip().lower() != b"identity":
            raise Problem("media_type_unsupported")
    if len(types) != 1 or not _is_json(types[0]):
        raise Problem("media_type_unsupported")


@lru_cache(maxsize=64)
def _is_json(content_type: bytes) -> bool:
    media, *parameters = (part.strip().lower() for part in content_type.decode("latin-1").split(";"))
    return media == "application/json" and all(
        one.replace('"', "") in ("charset=utf-8", "charset=utf8", "") for one in parameters
    )


def _too_large(most_bytes: int) -> Problem:
    detail = f"The body is larger than {most_bytes} bytes."
    # The connection stays open: closed with a body under way, it would take the answer with it.
    return Problem("body_too_large", detail=detail)


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
