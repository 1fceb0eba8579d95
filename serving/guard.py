"""What surrounds every request: security headers, the access log, and the last catch of an error.

The log has the method, the route's template, the status and the milliseconds; an address, a query or a
body never, because they hold keys of households.
"""

from __future__ import annotations

import json
import logging
import time
import traceback
from collections.abc import Callable
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.errors import Problem

LOGGER = logging.getLogger("fangfan.serving")
CLIENT_WENT_AWAY = 499

_STATIC = "/static/"
_KEEP = "max-age=600"
"""The style sheet may be kept a while: pages are read over slow lines. Nothing else is ever kept."""

CONTENT_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # The name alone: with `no-referrer` browsers send no Origin, which signed-in requests are checked by.
    "Referrer-Policy": "strict-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

Respond = Callable[[Request, Problem], Response]


class Guard:
    """Outermost middleware. `respond` words a problem in the form the caller reads."""

    def __init__(self, app: ASGIApp, respond: Respond) -> None:
        self.app = app
        self.respond = respond

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 0

        async def guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", _KEEP if _is_static(scope) else "no-store")
            await send(message)

        try:
            await self.app(scope, receive, guarded)
        except ClientDisconnect:
            status = CLIENT_WENT_AWAY
        except Exception as error:
            _log_failure(error)
            if not status:
                response = self.respond(Request(scope), Problem("internal_error"))
                await response(scope, receive, guarded)
        finally:
            milliseconds = round((time.perf_counter() - started) * 1000, 2)
            _log("request", method=_method(scope), route=_route(scope), status=status, ms=milliseconds)


def _is_static(scope: Scope) -> bool:
    return bool(scope["path"].startswith(_STATIC))


def _method(scope: Scope) -> str:
    known = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
    return scope["method"] if scope["method"] in known else "OTHER"


def _route(scope: Scope) -> str:
    if _is_static(scope):
        return _STATIC
    return str(getattr(scope.get("route"), "path", "unmatched"))


def _log_failure(error: Exception) -> None:
    # The type and the lines of code, never the message: it may hold what was submitted.
    frames = traceback.extract_tb(error.__traceback__)[-8:]
    where = [f"{frame.filename}:{frame.lineno}" for frame in frames]
    _log("failure", logging.ERROR, error=type(error).__name__, where=where)


def _log(event: str, level: int = logging.INFO, **fields: Any) -> None:
    LOGGER.log(level, event, extra={"fields": fields})


class JsonLines(logging.Formatter):
    """One JSON object a line. Of an exception only its type is written."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
        return json.dumps(line, ensure_ascii=False)


def configure_logging() -> None:
    """Log JSON lines to standard error; for the command that runs the service."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
