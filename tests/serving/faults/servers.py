"""A service on a real socket, in a thread of this process, and a client that says its requests byte by byte."""

from __future__ import annotations

import http.client
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from serving.connections import SteadyProtocol, SteadyServer


@dataclass
class Running:
    """A server that runs, and the headers of a caller."""

    server: uvicorn.Server
    port: int
    headers: dict[str, str] = field(default_factory=dict)

    def connect(self) -> socket.socket:
        _hear_nothing()
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def ask(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: tuple[tuple[str, str], ...] = (),
        *,
        is_chunked: bool = False,
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the answer; raises `OSError` where the connection is lost."""
        _hear_nothing()
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            connection.putrequest(method, path)
            for name, value in (*self.headers.items(), *headers):
                connection.putheader(name, value)
            if is_chunked:
                connection.putheader("Transfer-Encoding", "chunked")
                connection.endheaders()
                for at in range(0, len(body), size := max(len(body) // 7, 1)):
                    piece = body[at : at + size]
                    connection.send(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
                connection.send(b"0\r\n\r\n")
            else:
                connection.putheader("Content-Length", str(len(body)))
                connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, {one.lower(): two for one, two in answer.getheaders()}, answer.read()


def _hear_nothing() -> None:
    """Nobody listens to the server's own log, as in the service, which answers otherwise where one does: pytest
    hangs its handlers on it with each part of a test."""
    logging.getLogger("uvicorn.access").handlers = []


@contextmanager
def running(
    app: ASGIApp,
    headers: dict[str, str] | None = None,
    *,
    protocol: type[H11Protocol] = SteadyProtocol,
    **more: Any,
) -> Iterator[Running]:
    """A service that answers on a port of this machine until the block ends."""
    config = uvicorn.Config(
        app, port=0, lifespan="off", log_config=None, access_log=False, http=protocol, **more
    )
    server = SteadyServer(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 60
    while not server.started:
        assert time.monotonic() < until
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Running(server, port, headers or {})
    finally:
        server.should_exit = True
        thread.join(30)
