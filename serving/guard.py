"""What surrounds every request: its number, headers, metrics, the access log, the last catch of an error.

The log has the method, the route's template, the status and the milliseconds; an address, a query or a
body never, because they hold keys of households.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.access.route import DirectRoutes
from serving.connections import ARRIVAL
from serving.drain import READINESS, Drain
from serving.errors import Problem
from serving.exchange import Exchange, exchange_of
from serving.logs import log_request, places_of
from serving.metrics.meters import Meters
from serving.turns import Turns

LOGGER = logging.getLogger("fangfan.serving")
CLIENT_WENT_AWAY = 499
NUMBER = "X-Request-Id"
"""The header that tells the number of the request; the log has the same."""

ALWAYS = READINESS | {"/health/live", "/v2/health/live", "/metrics"}
"""Addresses that are answered in a crowd as well: what watches the service has to see it."""
_STATIC = "/static/"
_KEEP = b"max-age=600"
"""Style sheet and scripts may be kept a while: pages are read over slow lines. Nothing else is ever kept."""

CONTENT_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; "
    "worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
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

# Encoded once: they go out with every answer.
_CACHE, _NUMBER = b"cache-control", NUMBER.lower().encode("ascii")
_FIXED = [(name.lower().encode("ascii"), value.encode("ascii")) for name, value in HEADERS.items()]
_OWN = frozenset({name for name, _ in _FIXED} | {_NUMBER})

Respond = Callable[[Request, Problem], Response]


class Guard:
    """Around the whole service. `respond` words a problem in the form the caller reads; `direct` are the
    routes that are answered from here.
    """

    def __init__(
        self,
        app: ASGIApp,
        respond: Respond,
        meters: Meters,
        drain: Drain,
        turns: Turns,
        direct: DirectRoutes,
    ) -> None:
        self.app = app
        self.respond = respond
        self.meters = meters
        self.drain = drain
        self.turns = turns
        self.direct = direct
        self._open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        with exchange_of(_header(scope, b"traceparent")) as exchange, self.meters.in_flight():
            self._open += 1
            try:
                # Files of a form are written to the disk as they come.
                types = _header(scope, b"content-type")
                is_held = not (types and types[0].startswith("multipart/"))
                await self._answer(exchange, is_held, scope, receive, send)
            finally:
                self._open -= 1

    def _check(self, scope: Scope, started: float) -> None:
        if "\x00" in scope["path"] or b"%00" in scope["query_string"]:
            # PostgreSQL fails at it, and no key, code or date has one.
            raise Problem("request_malformed")
        if self.drain.is_begun and scope["path"] in READINESS:
            raise Problem("draining", headers={"Retry-After": "5"})
        if scope["path"] not in ALWAYS:
            arrived, taken = scope.get(ARRIVAL, (started, 0))
            self.turns.check(self._open, taken, started - arrived)

    async def _answer(
        self, exchange: Exchange, is_held: bool, scope: Scope, receive: Receive, send: Send
    ) -> None:
        started = time.perf_counter()
        status = held = 0

        async def counted() -> Message:
            nonlocal held
            message = await receive()
            size = len(message.get("body", b""))
            exchange.bytes_in += size
            if is_held and size:
                held += size
                self.turns.hold(size)
            return message

        async def guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [one for one in message.get("headers", ()) if one[0] not in _OWN]
                if _CACHE not in dict(headers):
                    headers.append((_CACHE, _KEEP if _is_static(scope) else b"no-store"))
                headers += _FIXED
                headers.append((_NUMBER, exchange.number.encode("ascii")))
                if self.drain.is_begun:
                    headers = [one for one in headers if one[0] != b"connection"]
                    headers.append((b"connection", b"close"))
                message["headers"] = headers
            else:
                exchange.bytes_out += len(message.get("body", b""))
            await send(message)

        try:
            self._check(scope, started)
            direct = self.direct.find(scope)
            if direct is None:
                await self.app(scope, counted, guarded)
            else:
                await self.direct.answer(direct, scope, counted, guarded)
        except Problem as problem:
            response = self.respond(Request(scope), problem)
            await response(scope, receive, guarded)
        except ClientDisconnect:
            status = CLIENT_WENT_AWAY
        except Exception as error:
            failed = {"error": type(error).__name__, "where": places_of(error)}
            LOGGER.error("failure", extra={"fields": failed})
            if not status:
                response = self.respond(Request(scope), Problem("internal_error"))
                await response(scope, receive, guarded)
        finally:
            self.turns.let_go(held)
            seconds = time.perf_counter() - started
            method, route = _method(scope), _route(scope)
            self.meters.record(exchange, method, route, status, seconds)
            log_request(LOGGER, method, route, status, seconds * 1000, exchange.problem)


def _header(scope: Scope, wanted: bytes) -> list[str]:
    return [value.decode("latin-1") for name, value in scope["headers"] if name == wanted]


def _is_static(scope: Scope) -> bool:
    return bool(scope["path"].startswith(_STATIC))


def _method(scope: Scope) -> str:
    known = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
    return scope["method"] if scope["method"] in known else "OTHER"


def _route(scope: Scope) -> str:
    if _is_static(scope):
        return _STATIC
    if scope["path"] in READINESS:
        return str(scope["path"])
    return str(getattr(scope.get("route"), "path", "unmatched"))
