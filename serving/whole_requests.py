"""A request that is there whole and beyond doubt is read at one look.

h11 takes a head apart by a dozen expressions and moves its states for head, body and end, which takes as long
as a household's score. Here one expression finds requests that can mean only one thing. h11 is told of one
when anything else comes than its whole answer; what is not found here is h11's to read or to refuse.
"""

from __future__ import annotations

import re
from typing import Any

import h11

_MOST_HEAD_BYTES, _MOST_BYTES = 8_192, 65_536
"""Of larger requests, which are kept until they are answered, reading the head is a small part."""

_HEAD = re.compile(
    rb"(?P<method>GET|POST|PUT|PATCH|DELETE) (?P<target>/[-!$&'()*+,./0-9:;=?@A-Z_a-z~]*) HTTP/1\.1"
    rb"(?P<lines>(?:\r\n[-0-9A-Za-z]+:[\t\x20-\x7e]*)+)"
)
"""A head as RFC 9112 has it: no folded line, no letter beyond ASCII, and no end of a line but CR LF. What
proxies may refuse or drop is left: escapes in a target, signs in a name."""
_HOST = re.compile(rb"(?:[-.0-9A-Z_a-z]+|\[[.0-9:A-Fa-f]+\])(?::[0-9]{1,5})?")
_LENGTH = re.compile(rb"[0-9]{1,9}")
_MEANT_FOR_H11 = frozenset({
    b"connection", b"expect", b"http2-settings", b"keep-alive", b"proxy-connection", b"te", b"trailer",
    b"transfer-encoding", b"upgrade",
})  # fmt: skip
"""Headers that say how the message or the connection is to be read."""
_END = h11.EndOfMessage()


class _Request(h11.Request):
    """What h11 would say of a request, without looking at its parts again."""

    def __init__(self, method: bytes, target: bytes, headers: list[tuple[bytes, bytes]]) -> None:
        for name, value in (
            ("method", method), ("target", target), ("headers", headers), ("http_version", b"1.1"),
        ):  # fmt: skip
            object.__setattr__(self, name, value)


def read_whole(data: bytes) -> list[h11.Event] | None:
    """What h11 would say of the one whole request that `data` is; `None` where there is any doubt."""
    end = data.find(b"\r\n\r\n", 0, _MOST_HEAD_BYTES)
    found = _HEAD.fullmatch(data, 0, end) if end > 0 and len(data) <= _MOST_BYTES else None
    if found is None:
        return None
    host, length, headers = None, None, []
    for line in found["lines"].split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        name, value = name.lower(), value.strip(b" \t")
        if name in _MEANT_FOR_H11:
            return None
        if name == b"host":
            if host is not None or not _HOST.fullmatch(value):
                return None
            host = value
        elif name == b"content-length":
            if length is not None or not _LENGTH.fullmatch(value):
                return None
            length = int(value)
        headers.append((name, value))
    body = data[end + 4 :]
    if host is None or len(body) != (length or 0):
        return None
    request = _Request(found["method"], found["target"], headers)
    return [request, h11.Data(data=body), _END] if body else [request, _END]


class Connection(h11.Connection):
    """h11's connection of a server, which is told of a whole request only where that is needed."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._untold: bytes | None = None
        self._events: list[h11.Event] = []

    @property
    def our_state(self) -> Any:
        return super().our_state if self._untold is None else h11.SEND_RESPONSE

    @property
    def their_state(self) -> Any:
        return super().their_state if self._untold is None else h11.DONE

    def receive_data(self, data: bytes) -> None:
        is_idle = self.our_state is h11.IDLE and self.their_state is h11.IDLE
        if is_idle and self.trailing_data == (b"", False):
            events = read_whole(data)
            if events is not None:
                self._untold, self._events = data, events[::-1]
                return
        self._tell()
        super().receive_data(data)

    def next_event(self) -> Any:
        if self._events:
            return self._events.pop()
        return super().next_event() if self._untold is None else h11.NEED_DATA

    def send(self, event: h11.Event) -> Any:
        self._tell()
        return super().send(event)

    def answer_untold(self) -> bool:
        """Whether h11 has not been told of the request, and need not be: its whole answer goes out now."""
        is_untold, self._untold = self._untold is not None, None
        return is_untold

    def _tell(self) -> None:
        if self._untold is not None:
            data, self._untold = self._untold, None
            self._events.clear()
            super().receive_data(data)
            for _ in ("head", "body", "end"):
                super().next_event()
