"""The service's log: one JSON object a line, of the fields that are listed here and of nothing else.

What a line may hold is decided where it is written out, so that no caller and no library can add to it: an
event is a text of the code, a field is listed with the form that it has. Of an exception the kind and the
lines of code are written, never its message: it may hold what was submitted. Keeping and rotating is the
platform's.
"""

from __future__ import annotations

import json
import logging
import re
import time
import traceback
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

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
        line = {"at": _second(int(record.created)), "level": _kept_json(record.levelname.lower())}
        exchange = current_exchange()
        if exchange is not None:
            line["request"] = _json(exchange.number)
        if _is_own(record):
            line["event"] = _kept_json(str(record.msg))
            line |= _listed(getattr(record, "fields", {}))
        else:
            line |= {name: _json(value) for name, value in _foreign(record).items()}
        if record.exc_info and record.exc_info[0]:
            line["error"] = _json(record.exc_info[0].__name__)
            line["where"] = _json(places_of(record.exc_info[1]))
        return "{" + ", ".join([f'"{name}": {value}' for name, value in line.items()]) + "}"


_json = json.JSONEncoder(ensure_ascii=False).encode
_kept_json = lru_cache(maxsize=256)(_json)


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
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    # Without its texts, what a library says in passing is only noise.
    handler.addFilter(lambda record: _is_own(record) or record.levelno >= logging.WARNING)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # A failure to log would otherwise print the record with its arguments.
    logging.raiseExceptions = False
    # No line has them, and every record would look for them.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


def log_request(logger: logging.Logger, fields: dict[str, object]) -> None:
    """Write the line of an answered request, as `logger.info` would, which first looks for its caller."""
    if logger.isEnabledFor(logging.INFO):
        common, now = _request_record(logger.name), time.time()
        record = logging.LogRecord.__new__(logging.LogRecord)
        since = (now - common["created"]) * 1000
        record.__dict__.update(
            common, created=now, msecs=now % 1 * 1000 // 1, relativeCreated=common["relativeCreated"] + since,
            fields=fields,
        )  # fmt: skip
        logger.handle(record)


@lru_cache(maxsize=4)
def _request_record(name: str) -> dict[str, Any]:
    """What the records of answered requests have in common: one made anew takes as long as its line."""
    return logging.LogRecord(name, logging.INFO, "", 0, "request", (), None).__dict__


def _is_own(record: logging.LogRecord) -> bool:
    return record.name.partition(".")[0] == OWN


def _listed(given: Mapping[str, Any]) -> dict[str, str]:
    """The listed ones of the given fields as JSON, and how many were left out."""
    told = {}
    for name, value in given.items():
        text = _kept_told(name, value) if type(value) in _ALIKE else _told(name, value)
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


_ALIKE = {str, int}
"""Methods, routes, codes and statuses are few, and each is written all day."""
_kept_told = lru_cache(maxsize=512, typed=True)(_told)


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
