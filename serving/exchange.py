"""One request and its answer: its number, and what the log and the metrics are told of it.

The number is the trace id of a W3C `traceparent` header (https://www.w3.org/TR/trace-context/), or made here.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-[0-9a-f]{2}")
_NOTHING = re.compile(r"0+")
_LONG_NUMBER = re.compile(r"[0-9]{15}")
"""Hexadecimal can spell the number of an ID card; of random trace ids 1 in 60 has so many digits in a row."""


@dataclass(slots=True)
class Exchange:
    """What is known of one request; `scoring_seconds` is the time that went into working out scores."""

    number: str
    problem: str | None = None
    scoring_seconds: float | None = None
    bytes_in: int = 0
    bytes_out: int = 0


_CURRENT: ContextVar[Exchange | None] = ContextVar("exchange", default=None)


class exchange_of:  # noqa: N801  # it stands after `with` as a function does, which costs three times as much
    """The exchange of a request with these `traceparent` headers, current while its answer is made."""

    __slots__ = ("_made", "_token")

    def __init__(self, traceparents: Sequence[str]) -> None:
        self._made = Exchange(accepted_number(traceparents) or os.urandom(16).hex())

    def __enter__(self) -> Exchange:
        self._token = _CURRENT.set(self._made)
        return self._made

    def __exit__(self, *_: object) -> None:
        _CURRENT.reset(self._token)


def current_exchange() -> Exchange | None:
    """The exchange whose answer is being made here; `None` outside of any."""
    return _CURRENT.get()


def accepted_number(traceparents: Sequence[str]) -> str | None:
    """The trace id of one sound `traceparent`; `None` where there is none that may stand in a log."""
    if len(traceparents) != 1:
        return None
    found = _TRACEPARENT.fullmatch(traceparents[0])
    if found is None or _NOTHING.fullmatch(found["trace"]) or _NOTHING.fullmatch(found["span"]):
        return None
    return None if _LONG_NUMBER.search(found["trace"]) else found["trace"]


def timed(make: Callable[P, T]) -> Callable[P, T]:
    """A function whose time counts as scoring in the exchange that it is called in."""

    @wraps(make)
    def measured(*args: P.args, **kwargs: P.kwargs) -> T:
        exchange = _CURRENT.get()
        if exchange is None:
            return make(*args, **kwargs)
        started = time.perf_counter()
        try:
            return make(*args, **kwargs)
        finally:
            spent = time.perf_counter() - started
            exchange.scoring_seconds = spent + (exchange.scoring_seconds or 0.0)

    return measured
