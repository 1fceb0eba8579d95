"""What scoring keeps while people, or somebody who is none, flood the sign-in.

    python -m benchmarks.sign_in [--json]

One service with keys is asked for scores over loopback, in turns with and without a flood of wrong passwords
from many addresses beside it. The ratios are of turns of one run; the flood's own client takes a core, too.
"""

from __future__ import annotations

import datetime as dt
import http.client
import json
import multiprocessing
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Annotated, Any
from urllib.parse import urlencode

import typer
from rich.console import Console
from rich.progress import track

from benchmarks.service.load import Load, Target, run_load
from benchmarks.service.model import make_model
from benchmarks.service.servers import answers, free_port, running, service_command
from serving.access import Role
from serving.api.documentation import example_request
from serving.storage import KeyStore, open_database

CONNECTIONS = 4
FLOODERS = 24
MOST_ANSWERS = 20_000


@dataclass
class Turns:
    """What turns of one kind found; `statuses` are of the flood."""

    loads: list[Load] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    @property
    def per_second(self) -> float:
        return statistics.median(one.per_second for one in self.loads)

    @property
    def p99_ms(self) -> float:
        found = sorted(latency for one in self.loads for latency in one.latencies)
        return found[int(0.99 * (len(found) - 1))] * 1_000


def main(
    rounds: Annotated[int, typer.Option(help="Turns of each kind", min=1, max=50)] = 5,
    seconds: Annotated[float, typer.Option(help="Seconds of a turn", min=0.5, max=30)] = 3.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object")] = False,
) -> None:
    """What scoring keeps while people, or somebody who is none, flood the sign-in."""
    quiet, flooded = Turns(), Turns()
    with tempfile.TemporaryDirectory() as scratch, service(Path(scratch)) as target:
        run_load(target, connections=CONNECTIONS, seconds=seconds, most_answers=MOST_ANSWERS)
        for _ in track(range(rounds), "turns", console=Console(stderr=True)):
            quiet.loads.append(load(target, seconds))
            with flood(target.port, seconds, flooded.statuses):
                flooded.loads.append(load(target, seconds))
    tried = sum(flooded.statuses.values())
    made: dict[str, Any] = {
        "quiet_rps": round(quiet.per_second, 1), "flooded_rps": round(flooded.per_second, 1),
        "kept_share": round(flooded.per_second / quiet.per_second, 3),
        "quiet_p99_ms": round(quiet.p99_ms, 1), "flooded_p99_ms": round(flooded.p99_ms, 1),
        "p99_ratio": round(flooded.p99_ms / quiet.p99_ms, 2),
        "sign_ins_tried": tried, "statuses": {str(one): n for one, n in sorted(flooded.statuses.items())},
        "rounds": rounds, "seconds": seconds,
    }  # fmt: skip
    if as_json:
        print(json.dumps(made))
    else:
        for name, value in made.items():
            print(f"{name:16} {value}")


def load(target: Target, seconds: float) -> Load:
    """One turn of scoring."""
    return run_load(target, connections=CONNECTIONS, seconds=seconds, most_answers=MOST_ANSWERS)


@contextmanager
def service(scratch: Path) -> Iterator[Target]:
    """A running service with keys, and the request that scores one household."""
    bundle, database = scratch / "bundle", scratch / "scores.db"
    make_model(bundle)
    engine = open_database(f"sqlite:///{database}")
    key, _ = KeyStore(engine).add(Role.PLATFORM, "*", "benchmark", dt.timedelta(days=1))
    engine.dispose()
    port = free_port()
    command = [one if one != "open" else "keys" for one in service_command(port, bundle, database)]
    with running(command, scratch / "log", answers(f"http://127.0.0.1:{port}/health/ready")):
        body = json.dumps(example_request()).encode()
        head = (
            f"POST /v1/scores HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {key.text}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        yield Target("scores", port, (head.encode("ascii") + body,))


@contextmanager
def flood(port: int, seconds: float, statuses: Counter[int]) -> Iterator[None]:
    """Wrong passwords from many addresses, from a process of their own, for as long as the block."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_flood, args=(port, seconds, sender))
    process.start()
    # It says that it has begun.
    receiver.recv()
    try:
        yield
    finally:
        if receiver.poll(seconds + 10):
            statuses.update(receiver.recv())
        process.join(10)
        if process.is_alive():
            process.kill()


def _flood(port: int, seconds: float, sender: Any) -> None:
    until = time.monotonic() + seconds + 0.5
    statuses: Counter[int] = Counter()

    def run(number: int) -> None:
        said = {"Origin": f"http://127.0.0.1:{port}", "Content-Type": "application/x-www-form-urlencoded"}
        tried = 0
        while time.monotonic() < until:
            # Every few tries another address of the loopback network, so that none is refused as one.
            source = f"127.{number + 1}.{tried // 100 % 250}.{tried % 250 + 1}"
            tried += 1
            fields = {"name": f"w{number}-{tried}", "password": "wrong", "code": "", "next": ""}
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10, source_address=(source, 0))
            try:
                connection.request("POST", "/sign-in", urlencode(fields), said)
                statuses[connection.getresponse().status] += 1
            except OSError:
                statuses[0] += 1
            finally:
                connection.close()

    threads = [Thread(target=run, args=(number,), daemon=True) for number in range(FLOODERS)]
    for one in threads:
        one.start()
    sender.send(True)
    for one in threads:
        one.join(seconds + 15)
    sender.send(statuses)


if __name__ == "__main__":
    typer.run(main)
