"""On a real socket the service's connections say what the server's own say, and applications are asked the same."""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from serving.connections import SteadyProtocol
from serving.whole_requests import Connection
from tests.serving.faults.servers import Running, running

LARGE = b"L" * 4_000_000
"""More than the buffers of a connection hold, so that the next answer has to wait."""
HEAD = re.compile(rb"HTTP/1\.1 \d{3} [^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n")
TOLD = ("method", "path", "raw_path", "query_string", "headers", "http_version", "scheme", "root_path")


def start(status: int, length: int | None, *more: tuple[bytes, bytes]) -> Message:
    lengths = [] if length is None else [(b"content-length", b"%d" % length)]
    return {"type": "http.response.start", "status": status, "headers": [*lengths, *more]}


def part(body: bytes, *, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}


ANSWERS: dict[str, list[Message | type[Exception]]] = {
    "/": [start(200, 5), part(b"hello")],
    "/large": [start(200, len(LARGE)), part(LARGE)],
    "/parts": [start(200, None), part(b"two", more=True), part(b"way")],
    "/204": [start(204, None), part(b"")],
    "/304": [start(304, 0), part(b"")],
    "/last": [start(200, 4, (b"connection", b"close")), part(b"last")],
    "/fails": [RuntimeError],
    "/fails-within": [start(200, 5), part(b"he", more=True), RuntimeError],
    "/fails-after": [start(200, 5), part(b"hello"), RuntimeError],
    "/twice": [start(200, 5), part(b"hello"), start(200, 5), part(b"again")],
    "/short": [start(200, 9), part(b"short")],
    "/none": [],
}


@dataclass
class Application:
    """It answers as its path says, once it has the body, and remembers what it was asked."""

    asked: list[Any] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        self.asked.append(([scope[one] for one in TOLD], body))
        if scope["query_string"] == b"slow":
            await asyncio.sleep(0.05)
        for one in ANSWERS.get(scope["path"], ANSWERS["/"]):
            if isinstance(one, type):
                raise one
            await send(dict(one))


def get(path: str, *lines: bytes, method: str = "GET") -> bytes:
    return (
        f"{method} {path} HTTP/1.1\r\nHost: a\r\n".encode()
        + b"".join(b"%b\r\n" % one for one in lines)
        + b"\r\n"
    )


def post(path: str, body: bytes = b"{}", *lines: bytes) -> bytes:
    return get(path, b"Content-Length: %d" % len(body), *lines, method="POST") + body


LAST = get("/end", b"Connection: close")
"""Every conversation ends with it, where it did not end before."""
NONSENSE = b"NONSENSE\r\n\r\n"
"""It ends one too. What came after would not be read, and make the end a reset that cuts a large answer."""
CONVERSATIONS = {
    **{f"{path} alone": [get(path)] for path in ANSWERS},
    **{f"{path} in a row": [post(path) + get("/b") + post("/c")] for path in ANSWERS},
    **{f"{path} while another is answered": [post("/?slow"), get(path), post("/c")] for path in ANSWERS},
    **{f"{path} of HEAD": [get(path, method="HEAD")] for path in ANSWERS},
    **{f"{path} waited for": [get(path, b"Expect: 100-continue", b"Content-Length: 2"), b"{}"] for path in ANSWERS},
    **{f"{path} and nonsense": [get(path), NONSENSE] for path in ANSWERS},
    "large twice": [get("/large") + get("/large"), post("/large")],
    "waited for, and there": [post("/", b"{}", b"Expect: 100-continue"), get("/b")],
    "a length and more": [post("/") + b"x"],
    "a body that comes later": [post("/")[:-2], b"{", b"}"],
    "a head that comes later": [get("/b")[:9], get("/b")[9:]],
    "a body that is a request": [post("/b", get("/c"))],
    "chunks": [get("/", b"Transfer-Encoding: chunked", method="POST") + b"2\r\n{}\r\n0\r\n\r\n"],
    "an upgrade": [get("/", b"Connection: Upgrade", b"Upgrade: h2c")],
    **{f"line {one!r}"[:60]: [get("/b"), get("/c", *one)] for one in (
        [b"X:"], [b"X: \xe4"], [b"X: \x01"], [b"X: \x00"], [b"X : 1"], [b" X: 1"], [b"X_Y: 1"], [b"x: 1", b"X: 2"],
        [b"Transfer-Encoding: chunked"], [b"transfer-encoding: identity"], [b"Transfer-Encoding : chunked"],
        [b"Connection: CLOSE"], [b"Content-Type: a", b"content-type: b"], [b"Authorization: a", b"Authorization: b"],
        [b"X-Forwarded-For: 1", b"X-Forwarded-For: 2"], [b"Host: b"], [b"X: " + b"a" * 8_100], [b"X: " + b"a" * 20_000],
        [b"a:"] * 2_000, *([b"Content-Length: " + one] for one in (
            b"0", b"00", b"+0", b"0, 0", b"0, 1", b"0" * 9, b"0" * 10, b"0" * 21, b"", b"0\r\nContent-Length: 0",
        )),
    )},
    **{f"target {one}": [get(one), get("/c")] for one in (
        "*", "http://b/c", "/a#b", "/%00", "//b", "/a b", "/\x7f", "/%ff", "/?a?b", "/{x}", "a", "",
    )},
}  # fmt: skip


Asked = list[tuple[Running, Application]]


@pytest.fixture(scope="module")
def both() -> Iterator[Asked]:
    """The server's own connections and ours, each with an application of its own."""
    with ExitStack() as stack:
        applications = [(H11Protocol, Application()), (SteadyProtocol, Application())]
        yield [(stack.enter_context(running(app, protocol=one)), app) for one, app in applications]


def without_order(answers: bytes) -> bytes:
    """Answers with the lines of each head in order and without the date; a refusal's words are our own."""
    answered, refused, _ = answers.partition(b"HTTP/1.1 400 ")

    def ordered(head: re.Match[bytes]) -> bytes:
        first, *lines = head[0].split(b"\r\n")
        return b"\r\n".join([first, *sorted(one for one in lines if not one.startswith(b"date:"))])

    return HEAD.sub(ordered, answered) + refused


def say(server: Running, pieces: list[bytes]) -> bytes:
    """What comes back until the connection ends; each piece is a segment of its own."""
    received = bytearray()
    with server.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for one in pieces:
                connection.sendall(one)
                time.sleep(0.005)
            while piece := connection.recv(1 << 20):
                received += piece
        except ConnectionError:
            # Bytes that nobody read make the end a reset.
            pass
    return bytes(received)


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_a_conversation_is_the_servers_own(both: Asked, name: str) -> None:
    told: list[Any] = []
    pieces = CONVERSATIONS[name]
    # On a busy machine two segments may come as one, which is another conversation.
    for _ in range(3):
        told = []
        for server, application in both:
            application.asked.clear()
            answers = say(server, pieces if pieces[-1] is NONSENSE else [*pieces, LAST])
            told.append((without_order(answers), list(application.asked)))
        if told[0] == told[1]:
            break
    assert told[0] == told[1]


def test_what_is_compared_is_read_at_one_look(both: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    answer_untold, untold = Connection.answer_untold, list[bool]()

    def watched(connection: Connection) -> bool:
        untold.append(answer_untold(connection))
        return untold[-1]

    monkeypatch.setattr(Connection, "answer_untold", watched)
    say(both[1][0], [get("/"), post("/"), LAST])
    assert untold == [True, True]
