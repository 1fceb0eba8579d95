"""Requests that are read at one look are those that h11 reads, and nothing that h11 reads otherwise or refuses."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from serving.connections import SteadyProtocol
from serving.whole_requests import Connection, read_whole
from tests.serving.operations.test_whole_answers import Wire

POST = (
    b"POST /v1/a~b?c=d HTTP/1.1\r\nHost: a:1\r\nContent-Length: 2\r\nX-Empty:\r\nX-Spaced: \t b  c \r\n\r\n{}"
)
GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
EMPTY = POST.replace(b": 2", b": 0")[:-2]
PIECES = [
    b"", b"\r", b"\n", b"\r\n", b"\r\n\r\n", b" ", b"\t", b":", b"\x00", b"\x0b", b"\x7f", b"\x80", b"\xff", b"0", b"1", b"2",
    b"2, 2", b"+2", b"HEAD", b"CONNECT", b"post", b"HTTP/1.0", b"HTTP/2.0", b"*", b"http://b/", b"Host: b\r\n", b"Host : b\r\n",
    b"Content-Length: 2\r\n", b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"transfer-encoding: identity\r\n",
    b"Connection: close\r\n", b"Connection: keep-alive\r\n", b"Upgrade: websocket\r\n", b"Expect: 100-continue\r\n", b" folded\r\n",
    b"X-A: \xc3\xa9\r\n", b"X-A: \x01\r\n", b"X_A: 1\r\n", POST, GET,
]  # fmt: skip

mutated = st.builds(
    lambda base, cuts: _cut(base, cuts),
    st.sampled_from([POST, GET, EMPTY]),
    st.lists(
        st.tuples(st.integers(0, 120), st.sampled_from([0, 0, 1, 2, 8]), st.sampled_from(PIECES)), max_size=3
    ),
)


def _cut(data: bytes, cuts: list[tuple[int, int, bytes]]) -> bytes:
    for at, length, piece in cuts:
        data = data[:at] + piece + data[at + length :]
    return data


def said(events: list[Any]) -> list[Any]:
    """Events by what they say: a body is one, in however many parts it comes."""
    head, *rest = events
    body = b"".join(bytes(one.data) for one in rest if isinstance(one, h11.Data))
    headers = [tuple(one) for one in head.headers]
    return [head.method, head.target, head.http_version, headers, body, type(events[-1])]


def events_of(data: bytes) -> tuple[list[Any], h11.Connection]:
    """What h11 says of some bytes; raises `h11.RemoteProtocolError`."""
    connection, found = h11.Connection(h11.SERVER), list[Any]()
    connection.receive_data(data)
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA or event is h11.PAUSED:
            return found, connection
        found.append(event)


def check(data: bytes) -> bool:
    """Whether bytes were taken for a whole request; h11 then says the same, and waits for its answer."""
    found = read_whole(data)
    if found is None:
        return False
    wanted, connection = events_of(data)
    assert said(found) == said(wanted)
    assert (connection.our_state, connection.their_state) == (h11.SEND_RESPONSE, h11.DONE)
    assert connection.trailing_data == (b"", False)
    assert not connection.they_are_waiting_for_100_continue
    return True


@pytest.mark.parametrize("data", [POST, GET, EMPTY, POST.replace(b"Host: a:1", b"HOST:a")])
def test_a_plain_request_is_taken(data: bytes) -> None:
    assert check(data)


@given(mutated)
def test_what_is_taken_is_what_h11_reads(data: bytes) -> None:
    check(data)


@pytest.mark.parametrize("piece", [
    b"Host: b\r\n", b"Content-Length: 2\r\n", b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n", b"Te: trailers\r\n",
    b"Connection: keep-alive\r\n", b"Upgrade: h2c\r\n", b"Expect: 100-continue\r\n", b" folded\r\n", b"X : 1\r\n", b"X: \x00\r\n",
    b"X: \xff\r\n", b"X_Y: 1\r\n", b"Content_Length: 2\r\n", b"X#: 1\r\n", b"X: 1\n", b"X: 1\rY: 2\r\n", b"X\r\n", b": 1\r\n", b"X: " + b"a" * 9_000 + b"\r\n",
])  # fmt: skip
def test_a_head_with_any_of_these_is_left(piece: bytes) -> None:
    at = POST.index(b"X-Empty")
    assert read_whole(POST[:at] + piece + POST[at:]) is None


@pytest.mark.parametrize("host", [b"a_b", b"127.0.0.1:8000", b"[::1]", b"[2001:DB8::1]:443"])
def test_a_host_is_taken(host: bytes) -> None:
    assert check(POST.replace(b"a:1", host))


@pytest.mark.parametrize(
    "host",
    [b"", b"a b", b"a/b", b"a, b", b"u@a", b":80", b"a:", b"a:x", b"a:123456", b"a#b", b"[::1", b"[x]"],
)
def test_a_host_that_a_proxy_would_refuse_is_left(host: bytes) -> None:
    assert read_whole(POST.replace(b"a:1", host)) is None


@pytest.mark.parametrize("target", [b"/", b"//b", b"/?", b"/a??b", b"/;a=b", b"/~!$&'()*+,=:@-._"])
def test_a_target_is_taken(target: bytes) -> None:
    assert check(GET.replace(b"/", target, 1))


@pytest.mark.parametrize("letter", [*b' \t\v"#%<>[\\]^`{|}\x7f\x80\xff\x00'])
def test_a_target_with_a_letter_beside_the_plain_ones_is_left(letter: int) -> None:
    assert read_whole(GET.replace(b"/", b"/a%c00" % letter, 1)) is None


@pytest.mark.parametrize("data", [
    POST[:-1], POST + b"x", POST.replace(b": 2", b": 70000")[:-2] + b" " * 70_000, POST * 2, b"\r\n" + POST, GET + b"x", POST.replace(b": 2", b": +2"), POST.replace(b": 2", b": 2, 2"),
    POST.replace(b": 2", b": 0x2"), POST.replace(b": 2", b": -0"), POST.replace(b": 2", b": \xb2"), POST.replace(b": 2", b": " + b"0" * 30 + b"2"),
    POST.replace(b"HTTP/1.1", b"HTTP/1.0"), POST.replace(b"POST", b"HEAD"), POST.replace(b"POST", b"CONNECT"), POST.replace(b"POST", b"post"),
    POST.replace(b" /", b" http://a/"), POST.replace(b" /", b"  /"), GET.replace(b"host: a\r\n", b""), GET.replace(b"\r\n", b"\n"), b"",
])  # fmt: skip
def test_any_other_message_is_left(data: bytes) -> None:
    assert read_whole(data) is None


Heard = tuple[list[Any], list[bytes], bool, bool]


def heard(protocol: type[H11Protocol], pieces: list[bytes], status: int, *, is_in_parts: bool) -> Heard:
    """The requests that an application is given, the lines that it answers, whether one is refused, and whether
    the connection ends.
    """
    asked: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        told = ("method", "path", "raw_path", "query_string", "headers", "http_version")
        asked.append(([scope[one] for one in told], body))
        answer = b"" if status in (204, 304) else b"answer"
        length = (b"content-length", b"%d" % len(answer))
        await send({"type": "http.response.start", "status": status, "headers": [length]})
        if is_in_parts:
            await send({"type": "http.response.body", "body": answer[:2], "more_body": True})
        await send({"type": "http.response.body", "body": answer[2 * is_in_parts :]})

    async def run() -> Heard:
        config = uvicorn.Config(app, http=protocol, lifespan="off", log_config=None, access_log=False)
        config.load()
        state, wire = ServerState(), Wire()
        made = protocol(config, state, {}, asyncio.get_running_loop())
        made.connection_made(wire)
        for one in pieces:
            if wire.is_closed:
                break
            if one:
                made.data_received(one)
            else:
                for _ in range(9):
                    await asyncio.sleep(0)
        for _ in range(20):
            await asyncio.sleep(0)
        closed = wire.is_closed
        made.connection_lost(None)
        for _ in range(9):
            await asyncio.sleep(0)
        # The words of a refusal are our own, and so is the order of headers.
        answered, refused, _ = b"".join(wire.writes).partition(b"HTTP/1.1 400 ")
        return asked, sorted(answered.split(b"\r\n")), bool(refused), closed

    return asyncio.run(run())


@given(
    st.lists(st.sampled_from([POST, GET, EMPTY, POST[:40], POST[40:], b"", b"", POST + GET, b"GET"]), max_size=6),
    st.sampled_from([200, 204, 404, 304]),
    st.booleans(),
)  # fmt: skip
def test_a_connection_hears_and_answers_as_the_servers_own(
    pieces: list[bytes], status: int, is_in_parts: bool
) -> None:
    ours = heard(SteadyProtocol, pieces, status, is_in_parts=is_in_parts)
    theirs = heard(H11Protocol, pieces, status, is_in_parts=is_in_parts)
    assert ours == theirs


def test_h11_hears_of_a_request_that_is_answered_otherwise() -> None:
    connection = Connection(h11.SERVER)
    connection.receive_data(POST)
    assert said([connection.next_event() for _ in range(3)]) == said(events_of(POST)[0])
    assert (connection.our_state, connection.their_state) == (h11.SEND_RESPONSE, h11.DONE)
    written = connection.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
    assert written.startswith(b"HTTP/1.1 200 ")
    assert connection.our_state is h11.SEND_BODY
    assert not connection.answer_untold()
