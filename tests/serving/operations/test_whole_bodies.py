"""A body that came with its head is read without a timer, and every other one still has its bound."""

from __future__ import annotations

import asyncio

import pytest
import uvicorn
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from serving.api.json_body import read_body
from serving.connections import SteadyProtocol
from serving.errors import Problem
from serving.pace import WHOLE
from tests.serving.operations.test_whole_answers import Wire

BODY = b'{"a":1}'
HEAD = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
LENGTH = HEAD + b"Content-Length: 7\r\n\r\n"
HEADS = {
    "length": (LENGTH, BODY),
    "waiting": (HEAD + b"Expect: 100-continue\r\nContent-Length: 7\r\n\r\n", BODY),
    "chunks": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b'3\r\n{"a\r\n4\r\n":1}\r\n0\r\n\r\n'),
}

Read = tuple[bool, bytes | Exception]
"""Whether the body was said to be whole, and what reading it came to."""


def read(*pieces: bytes, most_bytes: int = 100, seconds: float = 60, is_lost: bool = False) -> Read:
    """What reading the body comes to where the pieces come one after the other, each when none is left."""
    found: list[Read] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body: bytes | Exception = await read_body(Request(scope, receive), most_bytes, seconds)
        except (Problem, ClientDisconnect) as error:
            body = error
        found.append((scope[WHOLE], body))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def run() -> None:
        config = uvicorn.Config(app, http=SteadyProtocol, lifespan="off", log_config=None, access_log=False)
        config.load()
        state, wire = ServerState(), Wire()
        made = SteadyProtocol(config, state, {}, asyncio.get_running_loop())
        made.connection_made(wire)
        for one in pieces:
            made.data_received(one)
            if not is_lost:
                for _ in range(5):
                    await asyncio.sleep(0)
        if is_lost:
            made.connection_lost(None)
        while state.tasks:
            await asyncio.sleep(0.001)

    asyncio.run(run())
    (one,) = found
    return one


@pytest.mark.parametrize("name", HEADS)
def test_a_body_is_the_same_wherever_the_network_cuts_it(name: str) -> None:
    head, body = HEADS[name]
    request = head + body
    for cut in range(1, len(request)):
        # Cut within the head, the second piece brings the body whole.
        assert read(request[:cut], request[cut:]) == (cut < len(head), BODY), cut
    assert read(request) == (True, BODY)


@pytest.mark.parametrize("name", HEADS)
def test_a_body_that_is_not_whole_has_its_bound(name: str) -> None:
    head, body = HEADS[name]
    for cut in range(len(body)):
        is_whole, told = read(head + body[:cut], seconds=0.01)
        assert not is_whole
        assert isinstance(told, Problem)
        assert told.code == "body_too_slow"


def test_a_whole_body_is_bounded_in_size_and_gone_with_its_connection() -> None:
    head, body = HEADS["chunks"]
    for request in (LENGTH + BODY, head + body):
        is_whole, told = read(request, most_bytes=6)
        assert is_whole
        assert isinstance(told, Problem)
        assert told.code == "body_too_large"
        assert read(request, most_bytes=7) == (True, BODY)
        is_whole, told = read(request, is_lost=True)
        assert is_whole
        assert isinstance(told, ClientDisconnect)
