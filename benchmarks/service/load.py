"""Load on one address: a few connections that each send the same request again as soon as it is answered.

The client knows as much of HTTP as these answers need: a status line, a length, a body. It is measured
beside the servers, so that nobody has to believe that it is not what is slow.
"""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass
from itertools import cycle

HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class LoadError(Exception):
    """A server that answered with anything but 200, or closed the connection."""


@dataclass(frozen=True)
class Target:
    """Requests that are sent in turns: where they go and all of their bytes."""

    name: str
    port: int
    requests: tuple[bytes, ...]

    @classmethod
    def post(cls, name: str, port: int, path: str, *bodies: bytes) -> Target:
        """POSTs of JSON on a connection that stays open.

        With many bodies a server is not measured by what it remembers of one.
        """
        heads = [
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
            for body in bodies
        ]
        made = [head.encode("ascii") + body for head, body in zip(heads, bodies, strict=True)]
        return cls(name, port, tuple(made))


@dataclass(frozen=True)
class Load:
    """What one run found; `client_seconds` is the client's processor time, `latencies` are seconds."""

    answers: int
    seconds: float
    client_seconds: float
    latencies: list[float]

    @property
    def per_second(self) -> float:
        return self.answers / self.seconds

    @property
    def client_share(self) -> float:
        """The part of one core that the client took: near 1 it would be the bottleneck."""
        return self.client_seconds / self.seconds


def run_load(target: Target, *, connections: int, seconds: float, most_answers: int) -> Load:
    """Load a target until the seconds have passed or so many answers have come.

    Raises `LoadError` for an answer that is not 200.
    """
    return asyncio.run(_run(target, connections, seconds, most_answers))


async def _run(target: Target, connections: int, seconds: float, most_answers: int) -> Load:
    loop = asyncio.get_running_loop()
    run = _Run(target, loop.create_future(), most_answers)
    opened = [
        await loop.create_connection(lambda: _Connection(run), "127.0.0.1", target.port)
        for _ in range(connections)
    ]
    used, started = time.process_time(), time.perf_counter()
    for _, connection in opened:
        connection.send()
    timer = loop.call_later(seconds, run.stop)
    try:
        await run.ended
    finally:
        timer.cancel()
        took = time.perf_counter() - started
        for transport, _ in opened:
            transport.abort()
    return Load(len(run.latencies), took, time.process_time() - used, run.latencies)


class _Run:
    """What the connections of one run share."""

    def __init__(self, target: Target, ended: asyncio.Future[None], most_answers: int) -> None:
        self.target = target
        self.ended = ended
        self.most_answers = most_answers
        self.requests = cycle(target.requests)
        self.latencies: list[float] = []

    def note(self, latency: float) -> None:
        self.latencies.append(latency)
        if len(self.latencies) >= self.most_answers:
            self.stop()

    def stop(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)

    def fail(self, reason: str) -> None:
        if not self.ended.done():
            self.ended.set_exception(LoadError(f"{self.target.name}: {reason}"))


class _Connection(asyncio.Protocol):
    def __init__(self, run: _Run) -> None:
        self.run = run
        self.buffer = bytearray()
        self.wanted = 0
        self.sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def send(self) -> None:
        self.buffer.clear()
        self.wanted = 0
        self.sent_at = time.perf_counter()
        self.transport.write(next(self.run.requests))

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if not self.wanted:
            end = self.buffer.find(HEAD_END)
            if end < 0:
                return
            length = _LENGTH.search(self.buffer, 0, end)
            if not self.buffer.startswith(b"HTTP/1.1 200 ") or length is None:
                self.run.fail(f"answered {bytes(self.buffer[:64])!r}")
                return
            self.wanted = end + len(HEAD_END) + int(length[1])
        if len(self.buffer) >= self.wanted and not self.run.ended.done():
            self.run.note(time.perf_counter() - self.sent_at)
            self.send()

    def connection_lost(self, error: Exception | None) -> None:
        self.run.fail("closed the connection")
