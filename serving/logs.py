"""The service's log: one JSON object a line, of the fields that are listed here and of nothing else.

What a line may hold is decided where it is written out, so that no caller and no library can add to it: an
event is a text of the code, a field is listed with the form that it has. Of an exception the kind and the
lines of code are written, never its message: it may hold what was submitted. Keeping and rotating is the
platform's.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any, TextIO

from serving.exchange import current_exchange

OWN = "fangfan"
"""Loggers whose events are texts of this code. Of others only the place in the code is written."""
MOST_FRAMES = 8
_MOST_TEXT = 300
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,79}")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:+ -]{0,79}")
_ROUTE = re.compile(r"unmatched|/[a-z0-9_/{}.-]{0,120}")
_HEX = re.compile(r"[0-9a-f-]{1,64}")
_PLACE = re.compile(r"[^\x00-\x1f\x7f]{1,200}:\d{1,6}")
_PLAIN = re.compile(rf"[^\x00-\x1f\x7f\u2028\u2029]{{1,{_MOST_TEXT}}}")


def _text(form: re.Pattern[str]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and form.fullmatch(value) is not None


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15


def _places(value: Any) -> bool:
    return isinstance(value, list) and len(value) <= MOST_FRAMES and all(map(_text(_PLACE), value))


FIELDS: dict[str, Callable[[Any], bool]] = {
    "method": _text(_NAME),
    "route": _text(_ROUTE),
    "status": _number,
    "ms": _number,
    "problem": _text(_NAME),
    "error": _text(_NAME),
    "errno": _number,
    "where": _places,
    "job": _text(_HEX),
    "purpose": _text(_NAME),
    "state": _text(_NAME),
    "pid": _number,
    "code": lambda value: _number(value) or _text(_NAME)(value),
    "pause": _number,
    "seconds": _number,
    "requests": _number,
    "rows": _number,
    "keys": _number,
    "version": _text(_WORD),
    "webhook": _text(_HEX),
    "delivery": _text(_WORD),
    "outcome": _text(_NAME),
    "attempt": _number,
    # Why a model cannot be loaded: the operator's own files, never a household's.
    "reason": _text(_PLAIN),
}
"""Every field that a line may have, and whether a value has its form."""


class JsonLines(logging.Formatter):
    """Writes a record as one JSON object. A field that is not listed, or not of its form, is left out."""

    def format(self, record: logging.LogRecord) -> str:
        if _is_own(record):
            told = {"event": _json(str(record.msg)), **_listed(getattr(record, "fields", {}))}
        else:
            told = {name: _json(value) for name, value in _foreign(record).items()}
        if record.exc_info and record.exc_info[0]:
            told["error"] = _json(record.exc_info[0].__name__)
            told["where"] = _json(places_of(record.exc_info[1]))
        return _line(record.created, record.levelname, _members(told))


class LogStream(logging.StreamHandler[TextIO]):
    """Standard error with such lines, those of answered requests among them, of which no record is made.

    Requests that are answered in one turn of the event loop are written at once behind them: writing is a
    third of what a line costs. Any other line goes out immediately, after those that wait.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonLines())
        # Without its texts, what a library says in passing is only noise.
        self.addFilter(lambda record: _is_own(record) or record.levelno >= logging.WARNING)
        self._waiting: list[str] = []

    def write_request(self, method: str, route: str, status: int, ms: float, problem: str | None) -> None:
        """Write the line of an answered request, within the event loop."""
        told = f'{_request_members(method, route, status, problem)}, "ms": {ms:.2f}'
        line = f"{_line(time.time(), 'INFO', told)}\n"
        with self.lock or nullcontext():
            # A thread that logs takes the list away and writes it.
            self._waiting.append(line)
            is_first = len(self._waiting) == 1
        if is_first:
            asyncio.get_running_loop().call_soon(self.flush)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record's line."""
        self.flush()
        super().emit(record)

    def flush(self) -> None:
        """Write what waits; it is asked for when the process ends, too."""
        with suppress(OSError, ValueError):
            # The disk is full or the stream closed: lines are lost, as those of records are.
            self._write_waiting()
            super().flush()

    def _write_waiting(self) -> None:
        with self.lock or nullcontext():
            lines, self._waiting = self._waiting, []
            if lines:
                self.stream.write("".join(lines))


_json = json.JSONEncoder(ensure_ascii=False).encode


def _line(created: float, level: str, members: str) -> str:
    """The line of a moment and its level; `members` are those of the object that it is, as JSON."""
    exchange = current_exchange()
    number = "" if exchange is None else f', "request": {encode_basestring(exchange.number)}'
    return (
        f'{{"at": {_second(int(created))}, "level": {encode_basestring(level.lower())}{number}, {members}}}'
    )


def _members(told: Mapping[str, str]) -> str:
    return ", ".join([f'"{name}": {value}' for name, value in told.items()])


@lru_cache(maxsize=512)
def _request_members(method: str, route: str, status: int, problem: str | None) -> str:
    """What many requests' lines share: methods, routes, statuses and codes are few."""
    return _members({"event": '"request"', **_listed(_request_fields(method, route, status, problem))})


def _request_fields(method: str, route: str, status: int, problem: str | None) -> dict[str, object]:
    fields: dict[str, object] = {"method": method, "route": route, "status": status}
    return fields if problem is None else {**fields, "problem": problem}


@lru_cache(maxsize=4)
def _second(seconds: int) -> str:
    """A second of the clock in local time as JSON, which many lines share."""
    return time.strftime('"%Y-%m-%dT%H:%M:%S%z"', time.localtime(seconds))


def places_of(error: BaseException | None) -> list[str]:
    """The last lines of code that an exception went through."""
    frames = traceback.extract_tb(error.__traceback__ if error else None)[-MOST_FRAMES:]
    return [f"{frame.filename}:{frame.lineno}" for frame in frames]


def configure_logging() -> None:
    """Log JSON lines to standard error; for the commands that run the service and its workers."""
    logging.basicConfig(level=logging.INFO, handlers=[LogStream()], force=True)
    # A failure to log would otherwise print the record with its arguments.
    logging.raiseExceptions = False
    # No line has them, and every record would look for them.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


def log_request(
    logger: logging.Logger, method: str, route: str, status: int, ms: float, problem: str | None
) -> None:
    """Write the line of an answered request, as `logger.info` would, which makes a record and hands it round:
    half as long again as wording and writing the line.
    """
    if logger.isEnabledFor(logging.INFO):
        stream = _only_stream(logger)
        if stream is None:
            fields = {**_request_fields(method, route, status, problem), "ms": round(ms, 2)}
            logger.info("request", extra={"fields": fields})
        else:
            stream.write_request(method, route, status, ms, problem)


def _only_stream(logger: logging.Logger) -> LogStream | None:
    """The stream, where nothing but it takes the records of a logger."""
    one = logger
    while one.parent is not None:
        if one.handlers or one.filters or not one.propagate:
            return None
        one = one.parent
    handlers = one.handlers
    if len(handlers) != 1 or type(handlers[0]) is not LogStream:
        return None
    return handlers[0] if handlers[0].level <= logging.INFO and len(handlers[0].filters) == 1 else None


def _is_own(record: logging.LogRecord) -> bool:
    return record.name.partition(".")[0] == OWN


def _listed(given: Mapping[str, Any]) -> dict[str, str]:
    """The listed ones of the given fields as JSON, and how many were left out."""
    told = {}
    for name, value in given.items():
        text = _told(name, value)
        if text is not None:
            told[name] = text
    if len(told) < len(given):
        told["dropped"] = str(len(given) - len(told))
    return told


def _told(name: str, value: Any) -> str | None:
    """The value of a field as JSON; `None` where the field is not listed or the value not of its form."""
    form = FIELDS.get(name)
    if form is None or not form(value):
        return None
    return repr(value) if type(value) is float else _json(value)


def _foreign(record: logging.LogRecord) -> dict[str, Any]:
    """A library's record: its texts may repeat what it was given, so that only the place is told."""
    line: dict[str, Any] = {"event": "library", "library": record.name[:80]}
    if not _NAME.fullmatch(line["library"]):
        line["library"] = "other"
    line["where"] = [f"{record.pathname}:{record.lineno}"]
    if isinstance(record.msg, BaseException):
        line["error"] = type(record.msg).__name__
        if isinstance(record.msg, OSError) and record.msg.errno is not None:
            line["errno"] = record.msg.errno
    return line
