"""Answers in one write are the server's own, byte for byte but for the places of headers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import h11
import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from serving.connections import SteadyProtocol

REQUEST = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"
REQUESTS = {
    "plain": REQUEST,
    "closing": REQUEST.replace(b"Host: a", b"Host: a\r\nConnection: close"),
    "old": REQUEST.replace(b"1.1", b"1.0", 1),
    "head": b"HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n",
    "waiting": REQUEST.replace(b"Host: a", b"Host: a\r\nExpect: 100-continue"),
    "pipelined": REQUEST * 2,
}
FIXED = [(b"content-type", b"application/json"), (b"x-frame-options", b"DENY")]


@dataclass
class Wire(asyncio.Transport):
    """A transport that remembers what was written."""

    writes: list[bytes] = field(default_factory=list)
    is_closed: bool = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"sockname": ("127.0.0.1", 1), "peername": ("127.0.0.1", 2)}.get(name, default)

    def write(self, data: Any) -> None:
        self.writes.append(bytes(data))

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def get_write_buffer_size(self) -> int:
        return 0


def answer_of(
    protocol: type[H11Protocol], request: bytes, messages: list[Message], *, fails: bool = False
) -> tuple[list[bytes], bool]:
    """What a server writes, and whether it closes the connection after it."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        for one in messages:
            await send(dict(one))
        if fails:
            raise RuntimeError

    async def run() -> tuple[list[bytes], bool]:
        config = uvicorn.Config(app, http=protocol, lifespan="off", log_config=None, access_log=False)
        config.load()
        state, wire = ServerState(), Wire()
        made = protocol(config, state, {}, asyncio.get_running_loop())
        made.connection_made(wire)
        made.data_received(request)
        while state.tasks:
            await asyncio.sleep(0)
        closed = wire.is_closed
        made.connection_lost(None)
        return wire.writes, closed

    return asyncio.run(run())


def read(written: bytes, method: str) -> list[Any]:
    """What a strict client makes of it: status, headers in any order, body, and how the answer ends."""
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method=method, target="/x", headers=[("host", "a")]))
    client.send(h11.EndOfMessage())
    client.receive_data(written)
    found: list[Any] = []
    while True:
        event = client.next_event()
        if isinstance(event, h11.Response):
            found.append((event.status_code, event.reason, sorted(event.headers.raw_items())))
        elif isinstance(event, h11.Data):
            found.append(bytes(event.data))
        elif not isinstance(event, h11.InformationalResponse):
            return [*found, str(event)]


def messages_of(status: int, headers: list[tuple[bytes, bytes]], *parts: bytes) -> list[Message]:
    last = len(parts) - 1
    return [
        {"type": "http.response.start", "status": status, "headers": headers},
        *(
            {"type": "http.response.body", "body": one, "more_body": at < last}
            for at, one in enumerate(parts)
        ),
    ]


@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize(
    "messages",
    [
        messages_of(200, [(b"content-length", b"5"), *FIXED], b"hello"),
        messages_of(503, [*FIXED, (b"content-length", b"0")], b""),
        messages_of(200, FIXED, b"no length"),
        messages_of(200, [(b"content-length", b"5"), (b"connection", b"close")], b"hello"),
        messages_of(200, [(b"content-length", b"6"), *FIXED], b"two", b"way"),
        messages_of(304, FIXED, b""),
    ],
    ids=["whole", "empty", "no length", "draining", "in parts", "without a body"],
)
def test_an_answer_is_the_servers_own(name: str, messages: list[Message]) -> None:
    request = REQUESTS[name]
    method = request.partition(b" ")[0].decode()
    ours, ours_closed = answer_of(SteadyProtocol, request, messages)
    theirs, theirs_closed = answer_of(H11Protocol, request, messages)
    assert read(b"".join(ours), method) == read(b"".join(theirs), method)
    assert ours_closed == theirs_closed
    assert len(b"".join(ours)) == len(b"".join(theirs))


def test_a_whole_answer_is_one_write() -> None:
    whole = messages_of(200, [(b"content-length", b"5"), *FIXED], b"hello")
    assert [len(answer_of(one, REQUEST, whole)[0]) for one in (SteadyProtocol, H11Protocol)] == [1, 3]


@given(
    st.lists(
        st.tuples(
            st.one_of(st.sampled_from([b"x-a", b"content-length", b"transfer-encoding", b"Trailer"]), st.binary(max_size=6)),
            st.one_of(st.sampled_from([b"5", b"4", b"a\r\nset-cookie: b", b"chunked", b" padded "]), st.binary(max_size=6)),
        ),
        max_size=3,
    )
)  # fmt: skip
def test_no_header_gets_past_what_the_server_refuses(headers: list[tuple[bytes, bytes]]) -> None:
    given_ = messages_of(200, [(b"content-length", b"5"), *headers], b"hello")
    ours, ours_closed = answer_of(SteadyProtocol, REQUEST, given_)
    theirs, theirs_closed = answer_of(H11Protocol, REQUEST, given_)
    assert sorted(b"".join(ours).split(b"\r\n")) == sorted(b"".join(theirs).split(b"\r\n"))
    assert ours_closed == theirs_closed


@pytest.mark.parametrize("fails", [False, True])
def test_a_head_without_a_body_goes_out_and_ends_the_connection(fails: bool) -> None:
    head = messages_of(200, [(b"content-length", b"5"), *FIXED])
    ours = answer_of(SteadyProtocol, REQUEST, head, fails=fails)
    theirs = answer_of(H11Protocol, REQUEST, head, fails=fails)
    assert read(b"".join(ours[0]), "POST")[0] == read(b"".join(theirs[0]), "POST")[0]
    assert ours[1] is theirs[1] is True
