"""An answer that is there whole goes out in one write.

The server hands every header to h11 twice and head, body and end to the network apart, which takes as long as
a household's score. Here h11 is told the status and the length alone, or nothing where it was told nothing of
the request (`serving.whole_requests`): it stays the one that knows what may be said when, and whether the
connection ends. The other headers are checked at once and written beside them.
"""

from __future__ import annotations

import re
from functools import lru_cache
from http import HTTPStatus

import h11
from starlette.types import Message
from uvicorn.protocols.http.flow_control import CLOSE_HEADER
from uvicorn.protocols.http.h11_impl import RequestResponseCycle

from serving.whole_requests import Connection

_LENGTH = b"content-length"
_FRAMING = frozenset({b"connection", b"transfer-encoding", b"trailer", b"upgrade"})
"""Headers that change how an answer is read: an answer with one of them is the server's to send."""

_NAME = re.compile(rb"[-!#$%&'*+.^_`|~0-9a-z]+")
_VALUE = re.compile(rb"[\x21-\x7e\x80-\xff](?:[\x20-\x7e\x80-\xff\t]*[\x21-\x7e\x80-\xff])?")
"""A header as RFC 9110 has it, its name in small letters as ASGI has it."""

_ALIKE = frozenset({
    b"date", b"content-type", b"cache-control", b"content-security-policy", b"x-content-type-options",
    b"x-frame-options", b"referrer-policy", b"cross-origin-opener-policy", b"cross-origin-resource-policy",
    b"permissions-policy",
})  # fmt: skip
"""Headers that are the same in most answers, whose lines are kept. Those of one caller's answer never are."""

_BODILESS = frozenset({*range(200), 204, 304})
"""Statuses of answers without a body, whatever their length says."""

_REASONS = {one.value: one.phrase.encode("ascii") for one in HTTPStatus}


class WholeAnswers:
    """Sends the answer of one request. What is not there whole is left to the server, message by message."""

    def __init__(self, cycle: RequestResponseCycle, conn: Connection) -> None:
        self.cycle = cycle
        self.conn = conn
        self._head: Message | None = None

    async def send(self, message: Message) -> None:
        """An ASGI `send`: a head waits for the first part of its body."""
        head = self._head
        if head is None and message["type"] == "http.response.start" and not self.cycle.response_started:
            self._head = message
            return
        if head is not None:
            self._head = None
            if self._send_whole(head, message):
                return
            await self.cycle.send(head)  # type: ignore[arg-type]  # as the server has it
        await self.cycle.send(message)  # type: ignore[arg-type]

    async def end(self) -> None:
        """Send a head that no body came for."""
        if self._head is not None:
            head, self._head = self._head, None
            await self.cycle.send(head)  # type: ignore[arg-type]

    def _send_whole(self, head: Message, message: Message) -> bool:
        """Whether the answer was sent; nothing was where it was not."""
        cycle = self.cycle
        if (
            message["type"] != "http.response.body"
            or message.get("more_body", False)
            or cycle.disconnected
            or cycle.flow.write_paused
            or not cycle.keep_alive
            or cycle.access_log
            or cycle.scope["method"] == "HEAD"
            or CLOSE_HEADER in cycle.scope["headers"]
        ):
            return False
        status, body = head["status"], message.get("body", b"")
        length = b"%d" % len(body)
        headers = [*cycle.default_headers, *head.get("headers", ())]
        alike = tuple([one for one in headers if one[0] in _ALIKE])
        others = [one for one in headers if one[0] not in _ALIKE and one[0] != _LENGTH]
        lines = [_kept_lines(alike), *map(_line, others)]
        has_length = len(alike) + len(others) == len(headers) - 1 and (_LENGTH, length) in headers
        if not has_length or None in lines or status not in _REASONS:
            return False
        conn, transport = self.conn, cycle.transport
        cycle.response_started = True
        cycle.waiting_for_100_continue = False
        if status not in _BODILESS and conn.answer_untold():
            first, told, end = _first_lines(status, length), body, b""
        else:
            # Its last line is empty and comes after ours.
            first = conn.send(_framed(status, length))[:-2]
            told, end = conn.send(h11.Data(data=body)), conn.send(_END)
        cycle.response_complete = True
        cycle.message_event.set()
        transport.write(b"".join((first, *lines, b"\r\n", told, end)))  # type: ignore[arg-type]  # none is None
        if conn.our_state is h11.MUST_CLOSE:
            conn.send(h11.ConnectionClosed())
            transport.close()
        cycle.on_response()
        return True


@lru_cache(maxsize=1_024)
def _framed(status: int, length: bytes) -> h11.Response:
    return h11.Response(status_code=status, headers=[(_LENGTH, length)], reason=_REASONS[status])


@lru_cache(maxsize=1_024)
def _first_lines(status: int, length: bytes) -> bytes:
    return b"HTTP/1.1 %d %b\r\ncontent-length: %b\r\n" % (status, _REASONS[status], length)


_END = h11.EndOfMessage()


def _line(header: tuple[bytes, bytes]) -> bytes | None:
    """The line of a header; `None` where it is the server's to send."""
    name, value = header
    if name in _FRAMING or not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
        return None
    return b"%b: %b\r\n" % header


@lru_cache(maxsize=64)
def _kept_lines(headers: tuple[tuple[bytes, bytes], ...]) -> bytes | None:
    """The lines of headers that are the same in most answers; `None` where one is the server's to send."""
    lines = [_line(one) for one in headers]
    return None if None in lines else b"".join(lines)  # type: ignore[arg-type]  # none is None
