"""Receivers on this machine: each answers, or does not, in its own way, and keeps what it was sent."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Receiver:
    """A listening socket with a way to answer; `requests` are the whole requests it was sent."""

    port: int
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/alerts?from=test"

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.requests]


def _read(connection: socket.socket) -> tuple[dict[str, str], bytes] | None:
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65_536)
        if not part:
            return None
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
    headers["request-line"] = lines[0]
    while len(body) < int(headers.get("content-length", 0)):
        body += connection.recv(65_536)
    return headers, body


Answer = Callable[[socket.socket, int], None]
"""Called with the connection and how many requests came before."""


@contextmanager
def receiving(answer: Answer) -> Iterator[Receiver]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        made = Receiver(server.getsockname()[1])

        def serve(connection: socket.socket) -> None:
            with connection:
                try:
                    found = _read(connection)
                    if found is not None:
                        made.requests.append(found)
                        answer(connection, len(made.requests) - 1)
                except OSError:
                    pass

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield made
        finally:
            # Closing alone would leave the thread that waits in `accept` to take one more.
            server.shutdown(socket.SHUT_RDWR)


def status(code: int, headers: str = "") -> Answer:
    def answer(connection: socket.socket, _: int) -> None:
        connection.sendall(f"HTTP/1.1 {code} Said\r\n{headers}Content-Length: 0\r\n\r\n".encode())

    return answer


def fails_then_takes(failures: int, code: int = 500) -> Answer:
    def answer(connection: socket.socket, before: int) -> None:
        status(code if before < failures else 204)(connection, before)

    return answer


def hangs(connection: socket.socket, _: int) -> None:
    connection.settimeout(20)
    connection.recv(1)


def drips(connection: socket.socket, _: int) -> None:
    """A byte at a time, each in time: an answer that never ends."""
    for _ in range(400):
        connection.sendall(b"H")
        time.sleep(0.05)


def continues(connection: socket.socket, _: int) -> None:
    """Always about to answer."""
    for _ in range(400):
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(0.05)


def garbage(connection: socket.socket, _: int) -> None:
    connection.sendall(b"\x00\xff\x16garbage\r\n\r\n" * 20)


def floods(connection: socket.socket, _: int) -> None:
    """A header without an end."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    for _ in range(100):
        connection.sendall(b"x" * 65_536)


def closes(connection: socket.socket, _: int) -> None:
    connection.close()
