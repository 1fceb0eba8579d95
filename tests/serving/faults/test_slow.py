"""Connections that stall are cut off, those that are only slow are not, and health answers all the while."""

from __future__ import annotations

import json
import select
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.types import Receive, Scope, Send

from serving import connections, pace, turns
from serving.app import create_app
from serving.errors import PROBLEM_TYPE
from serving.settings import Settings
from tests.serving.conftest import Client, a_household, a_request
from tests.serving.faults.servers import Running, running

STALL = 1.5
"""Seconds, of ten in service: what is tested is that it ends, not when."""
JSON = "Content-Type: application/json\r\n"
MANY = 150


@pytest.fixture(scope="module")
def service(bundle_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("slow")
    app = create_app(Settings(bundle_dir, f"sqlite:///{folder}/s.db"))
    with Client(app) as client:
        assert app.state.champion.wait(300)
        with running(app) as one:
            yield replace(one, headers=client.headers)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "STALL_SECONDS", STALL)


def said(service: Running) -> str:
    return "".join(f"{name}: {value}\r\n" for name, value in service.headers.items())


def read_all(connection: socket.socket, seconds: float = 60) -> bytes:
    """What comes until the other side ends it."""
    connection.settimeout(seconds)
    content = b""
    with suppress(ConnectionResetError):
        while piece := connection.recv(65_536):
            content += piece
    return content


def drip(connection: socket.socket, piece: bytes, seconds: float = 60) -> bytes:
    """Send a piece again and again until the other side ends it, and answer what it said."""
    until, content = time.monotonic() + seconds, b""
    with suppress(ConnectionError):
        while time.monotonic() < until:
            connection.sendall(piece)
            if select.select([connection], [], [], 0.1)[0]:
                found = connection.recv(65_536)
                content += found
                if not found:
                    return content
    assert time.monotonic() < until
    return content


def nothing(service: Running) -> bytes:
    return b""


def half_a_head(service: Running) -> bytes:
    return b"GET /health/live HTTP/1.1\r\nHost: x\r\nX-A: "


def half_a_body(service: Running) -> bytes:
    return f"POST /v1/scores HTTP/1.1\r\nHost: x\r\n{said(service)}{JSON}Content-Length: 90000\r\n\r\n{{".encode()


def body_for_nobody(service: Running) -> bytes:
    return f"POST /v1/scores HTTP/1.1\r\nHost: x\r\n{JSON}Content-Length: 90000\r\n\r\n{{".encode()


def half_a_form(service: Running) -> bytes:
    kind = "Content-Type: multipart/form-data; boundary=x\r\n"
    head = f"POST /v1/jobs HTTP/1.1\r\nHost: x\r\n{said(service)}{kind}Transfer-Encoding: chunked\r\n\r\n"
    return f"{head}5\r\n--x\r\n\r\n".encode()


BEGINNINGS: dict[Callable[[Running], bytes], bytes] = {
    nothing: b"", half_a_head: b"a", half_a_body: b" ", body_for_nobody: b" ", half_a_form: b"1\r\nx\r\n"
}  # fmt: skip


@pytest.mark.parametrize("begin", BEGINNINGS)
@pytest.mark.parametrize("drips", [False, True])
@pytest.mark.usefixtures("hasty")
def test_a_peer_that_stalls_is_cut_off(
    service: Running, begin: Callable[[Running], bytes], drips: bool
) -> None:
    piece = BEGINNINGS[begin]
    if drips and not piece:
        pytest.skip("nothing has no next piece")
    with service.connect() as connection:
        connection.sendall(begin(service))
        told = drip(connection, piece) if drips else read_all(connection)
    if begin in {half_a_body, half_a_form}:
        assert told.startswith(b"HTTP/1.1 408 ")
        assert b'"body_too_slow"' in told
    if begin is body_for_nobody:
        assert told.startswith(b"HTTP/1.1 401 ")


@pytest.mark.usefixtures("hasty")
def test_a_reader_that_takes_nothing_is_cut_off_and_one_that_is_slow_is_not() -> None:
    whole = b"x" * 40_000_000
    ended: list[bool] = []

    async def large(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200,
                    "headers": [(b"content-length", str(len(whole)).encode())]})  # fmt: skip
        for at in range(0, len(whole), 100_000):
            await send({"type": "http.response.body", "body": whole[at : at + 100_000], "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        ended.append(True)

    with running(large) as one, one.connect() as still, one.connect() as slow:
        for connection in (still, slow):
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        taken, size = 0, 200_000
        for _ in range(int(3 * STALL / 0.05)):
            taken += len(slow.recv(size))
            time.sleep(0.05)
        # It has taken some for much longer than a stall may last, and gets the rest as well.
        taken += len(read_all(slow))
        assert taken > len(whole)
        assert len(read_all(still)) < len(whole)
        assert not one.server.server_state.connections
    assert len(ended) == 2


@pytest.mark.usefixtures("hasty")
def test_a_body_that_is_slow_but_comes_is_taken(service: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "LEAST_BYTES", 300)
    body = json.dumps(a_request(a_household("SLOW"))).encode()
    size = len(body) // 25 + 1
    head = f"POST /v1/scores HTTP/1.1\r\nHost: x\r\n{said(service)}{JSON}Content-Length: {len(body)}\r\n\r\n"
    assert size > 50
    with service.connect() as connection:
        connection.sendall(head.encode())
        for at in range(0, len(body), size):
            connection.sendall(body[at : at + size])
            time.sleep(0.1)
        assert connection.recv(100).startswith(b"HTTP/1.1 200 ")


async def small(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


def test_a_connection_that_asks_no_more_is_ended() -> None:
    """Orderly, some time after the answer; one that goes on asking, or has begun to, stays."""
    ask = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    with running(small, timeout_keep_alive=3) as one, ExitStack() as stack:
        idle, busy, begun, behind = (stack.enter_context(one.connect()) for _ in range(4))
        for connection in (idle, busy, begun):
            connection.sendall(ask)
            assert connection.recv(1000).endswith(b"ok")
        # Both of these came at once: the second is no silence after the first.
        behind.sendall(ask + ask)
        begun.sendall(ask[:20])
        # An end, not a break, which would be an error here. The busy one asks ten times in its time, and then on.
        until = time.monotonic() + 60
        while not select.select([idle], [], [], 0.3)[0]:
            assert time.monotonic() < until
            busy.sendall(ask)
            assert busy.recv(1000).endswith(b"ok")
        assert idle.recv(1000) == b""
        assert read_all(behind).count(b"200 OK") == 2
        busy.sendall(ask)
        assert busy.recv(1000).endswith(b"ok")
        begun.sendall(ask[20:])
        assert begun.recv(1000).endswith(b"ok")
        assert busy.recv(1000) == begun.recv(1000) == b""


@pytest.mark.usefixtures("hasty")
def test_many_of_them_keep_nobody_out(service: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    # On a busy machine whoever comes while so many are there may have waited too long to be looked at.
    monkeypatch.setattr(turns, "LONGEST_WAIT", 60)
    with ExitStack() as stack:
        opened = []
        for number in range(MANY):
            begin = list(BEGINNINGS)[number % len(BEGINNINGS)]
            connection = stack.enter_context(service.connect())
            connection.sendall(begin(service))
            opened.append(connection)
        assert service.ask("GET", "/health/ready")[0] == 200
        body = json.dumps(a_request(a_household("BESIDE"))).encode()
        assert service.ask("POST", "/v1/scores", body, (("Content-Type", "application/json"),))[0] == 200
        for connection in opened:
            read_all(connection)
        assert service.ask("GET", "/health/ready")[0] == 200


def test_beyond_the_bound_whoever_waited_longest_makes_room(
    service: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MOST_CONNECTIONS", 10)
    with ExitStack() as stack:
        opened = [stack.enter_context(service.connect()) for _ in range(30)]
        for connection in opened[:20]:
            assert read_all(connection) == b""
        assert service.ask("GET", "/health/live")[0] == 200


def test_what_is_no_http_is_a_problem(service: Running) -> None:
    for sent in (b"NONSENSE MARKER\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00", b"GET /\xff HTTP/1.1\r\n\r\n",
                 b"POST /v1/scores HTTP/1.1\r\nHost: x\r\nContent-Length: MARKER\r\n\r\n", b"A: " + b"x" * 100_000,
                 b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
                 b"POST /v1/scores HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: MARKER\r\n\r\n"):  # fmt: skip
        with service.connect() as connection:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            told = read_all(connection)
        assert told.startswith(b"HTTP/1.1 400 "), (sent[:60], told)
        assert PROBLEM_TYPE.encode() in told
        assert b'"request_malformed"' in told
        assert b"MARKER" not in told
