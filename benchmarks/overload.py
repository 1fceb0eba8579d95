"""What a service keeps in a crowd: goodput, refusals, and health beside connections that stall.

    python -m benchmarks.overload [--json]

One service over loopback is asked for scores of a hundred households by as many callers as saturate it, then
by twice and five times as many, who wait as long as Retry-After says. Then connections that stall are opened
and health is asked beside them. Shares are of one run; the callers take a core, too.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import statistics
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from benchmarks.service.model import make_model
from benchmarks.service.servers import answers, free_port, running, service_command
from serving.api.documentation import example_request
from serving.settings import Settings

HOUSEHOLDS = 100
HEAD_END = b"\r\n\r\n"


def saturating() -> int:
    """As many callers as are answered and wait without one being refused."""
    settings = Settings(None, "sqlite:///none")
    return settings.max_at_once + settings.max_waiting // 4


@dataclass
class Crowd:
    """What callers of one number were answered; latencies in seconds by status."""

    callers: int
    seconds: float
    statuses: Counter[int] = field(default_factory=Counter)
    latencies: dict[int, list[float]] = field(default_factory=dict)
    without_retry_after: int = 0

    @property
    def goodput(self) -> float:
        return self.statuses[200] / self.seconds

    def p99_ms(self, status: int) -> float | None:
        return p99_ms(self.latencies.get(status, []))


def p99_ms(latencies: list[float]) -> float | None:
    """The 99th percentile of seconds, in milliseconds; `None` of none."""
    found = sorted(latencies)
    return round(found[int(0.99 * (len(found) - 1))] * 1_000, 1) if found else None


def large_request() -> bytes:
    """A request of many households."""
    made = example_request()
    one = made["households"][0]
    made["households"] = [{**one, "household_id": f"B{n}"} for n in range(HOUSEHOLDS)]
    return json.dumps(made).encode()


async def ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
) -> tuple[int, bytes]:
    """Status and head of one answer."""
    writer.write(request)
    await writer.drain()
    head = await reader.readuntil(HEAD_END)
    length = next(int(one[15:]) for one in head.lower().split(b"\r\n") if one.startswith(b"content-length:"))
    await reader.readexactly(length)
    return int(head.split(b" ", 2)[1]), head.lower()


async def crowd(port: int, request: bytes, callers: int, seconds: float) -> Crowd:
    """So many callers, each with its own connection, for so long."""
    made = Crowd(callers, seconds)
    until = time.perf_counter() + seconds

    async def call() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.perf_counter() < until:
            began = time.perf_counter()
            status, head = await ask(reader, writer, request)
            ended = time.perf_counter()
            if ended < until:
                made.statuses[status] += 1
            made.latencies.setdefault(status, []).append(ended - began)
            if status != 200:
                made.without_retry_after += b"retry-after: 1\r\n" not in head
                await asyncio.sleep(1)
        writer.close()

    await asyncio.gather(*(call() for _ in range(callers)))
    return made


async def health(port: int, seconds: float) -> list[float]:
    """How long each of many questions for health took, on connections of their own."""
    request = b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    found, until = [], time.perf_counter() + seconds
    while time.perf_counter() < until:
        began = time.perf_counter()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        status, _ = await ask(reader, writer, request)
        writer.close()
        assert status == 200
        found.append(time.perf_counter() - began)
        await asyncio.sleep(0.01)
    return found


async def recovery(port: int, request: bytes, quiet_ms: float, most_seconds: float = 30) -> float | None:
    """Seconds until three answers in a row come as fast as twice the quiet median; `None` if never."""
    began, row = time.perf_counter(), 0
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while time.perf_counter() - began < most_seconds:
        asked = time.perf_counter()
        status, _ = await ask(reader, writer, request)
        is_quick = status == 200 and (time.perf_counter() - asked) * 1_000 <= 2 * quiet_ms
        row = row + 1 if is_quick else 0
        if row == 3:
            writer.close()
            return round(asked - began, 2)
    writer.close()
    return None


BEGINNINGS = (
    b"GET /health/live HTTP/1.1\r\nHost: x\r\nX-A: ",
    b"POST /v1/scores HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9000\r\n\r\n{",
    b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 20,
    b"",
)
"""Half a head, half a body, many questions whose answers nobody reads, nothing at all."""
DRIPS = (b"a", b" ", b"\r\n", b"")
UNREAD = 2


async def stall(port: int, connections: int) -> dict[str, Any]:
    """Health beside so many connections that stall, and how long the last of them was kept."""
    opened, ends = [], []
    began = time.perf_counter()
    for number in range(connections):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=4_096)
        writer.write(BEGINNINGS[number % len(BEGINNINGS)])
        opened.append((number, reader, writer))

    async def drip(number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        kind = number % len(BEGINNINGS)
        with contextlib.suppress(ConnectionError):
            while time.perf_counter() - began < 60 and not writer.transport.is_closing():
                writer.write(DRIPS[kind])
                if kind == UNREAD:
                    await asyncio.sleep(1)
                    continue
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(1):
                        if not await reader.read(4_096):
                            break
        ends.append(time.perf_counter() - began)
        writer.transport.abort()

    drips = [asyncio.create_task(drip(*one)) for one in opened]
    asked = await health(port, 8.0)
    await asyncio.gather(*drips)
    return {
        "connections": connections,
        "health_p99_ms": p99_ms(asked),
        "last_closed_seconds": round(max(ends), 1),
    }


def main(
    seconds: Annotated[float, typer.Option(help="Seconds of each crowd", min=2, max=60)] = 8.0,
    connections: Annotated[int, typer.Option(help="Connections that stall", min=4, max=700)] = 500,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object")] = False,
) -> None:
    """What a service keeps in a crowd: goodput, refusals, and health beside connections that stall."""
    console = Console(stderr=True)
    body = large_request()
    with tempfile.TemporaryDirectory() as scratch:
        bundle, port = Path(scratch) / "bundle", free_port()
        make_model(bundle)
        command = service_command(port, bundle, Path(scratch) / "scores.db")
        with running(command, Path(scratch) / "log", answers(f"http://127.0.0.1:{port}/health/ready")):
            head = (
                f"POST /v1/scores HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n"
            )
            made = asyncio.run(measure(port, head.encode() + body, seconds, connections, console))
    if as_json:
        print(json.dumps(made))
    else:
        for name, value in made.items():
            print(f"{name:12} {value}")


async def measure(
    port: int, request: bytes, seconds: float, connections: int, console: Console
) -> dict[str, Any]:
    """The whole run."""
    callers = saturating()
    await crowd(port, request, callers, 2)
    alone = await crowd(port, request, 1, seconds / 2)
    quiet_ms = statistics.median(alone.latencies[200]) * 1_000
    made: dict[str, Any] = {"households": HOUSEHOLDS, "quiet_ms": round(quiet_ms, 1)}
    first = 0.0
    for times in (1, 2, 5):
        console.print(f"{times} × {callers} callers")
        beside = asyncio.create_task(health(port, seconds))
        found = await crowd(port, request, times * callers, seconds)
        first = first or found.goodput
        made[f"{times}x"] = {
            "callers": found.callers, "goodput_rps": round(found.goodput, 1),
            "goodput_share": round(found.goodput / first, 3), "statuses": dict(found.statuses),
            "refused_p99_ms": found.p99_ms(503), "answered_p99_ms": found.p99_ms(200),
            "without_retry_after": found.without_retry_after, "health_p99_ms": p99_ms(await beside),
        }  # fmt: skip
    made["recovery_seconds"] = await recovery(port, request, quiet_ms)
    console.print(f"{connections} connections that stall")
    made["stalled"] = await stall(port, connections)
    return made


if __name__ == "__main__":
    typer.run(main)
