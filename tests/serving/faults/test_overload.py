"""A crowd: what there is room for is answered, the rest refused at once, and health answers all the while."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio.to_thread
import httpx
import pytest

from serving.api import invocations, what_if
from serving.app import create_app
from serving.errors import Problem
from serving.settings import Settings
from serving.steps import Steps
from serving.turns import LONGEST_WAIT, Turns
from tests.serving.conftest import NAMES, Client, a_household, a_request
from tests.serving.faults.servers import running

AT_ONCE, WAITING = 2, 3
LARGE = json.dumps({
    "dataframe_split": {"columns": list(NAMES), "data": [[None] * len(NAMES)] * 200}
}).encode()
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def client(bundle_dir: Path, tmp_path: Path) -> Iterator[Client]:
    settings = Settings(
        bundle_dir, f"sqlite:///{tmp_path}/s.db", max_at_once=AT_ONCE, max_waiting=WAITING,
        max_held_bytes=3_000_000,
    )  # fmt: skip
    with Client(create_app(settings)) as made:
        assert made.app.state.champion.wait(300)
        yield made


class Blocked:
    """Stands for work that does not end until it is let."""

    def __init__(self, work: Any) -> None:
        self.work = work
        self.go = threading.Event()
        self.begun = threading.Semaphore(0)

    def __call__(self, *given: Any) -> Any:
        self._wait()
        return self.work(*given)

    def steps(self, *given: Any) -> Steps[Any]:
        """The same of work in steps, whose first does not end."""
        self._wait()
        return (yield from self.work(*given))

    def _wait(self) -> None:
        self.begun.release()
        assert self.go.wait(60)


async def until(asked: Any) -> None:
    async with asyncio.timeout(60):
        while not asked():
            await asyncio.sleep(0.005)


def check_refused(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.json()["code"]) == (503, "busy")
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["content-type"] == "application/problem+json"


def test_so_many_are_answered_so_many_wait_and_the_rest_is_refused_at_once(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = Blocked(invocations._answer)
    monkeypatch.setattr(invocations, "_answer", blocked.steps)
    turns: Turns = client.app.state.turns

    async def crowd() -> list[httpx.Response]:
        def ask() -> asyncio.Task[httpx.Response]:
            return asyncio.create_task(client._http.post("/invocations", content=LARGE, headers=JSON))

        taken = [ask() for _ in range(AT_ONCE + WAITING)]
        await until(lambda: turns.open == AT_ONCE + WAITING)
        # Nothing ends while these are refused: they wait for nobody.
        for _ in range(20):
            check_refused(await ask())
        for path in ("/health/live", "/health/ready", "/ping"):
            assert (await client._http.get(path)).status_code == 200
        assert not any(one.done() for one in taken)
        small = await client._http.post("/v1/scores", json=a_request(a_household("SMALL")))
        assert small.status_code == 200
        blocked.go.set()
        return [await one for one in taken]

    answers = client.run(crowd())
    assert [one.status_code for one in answers] == [200] * (AT_ONCE + WAITING)
    assert (turns.open, turns.held) == (0, 0)
    assert client.post("/invocations", content=LARGE, headers=JSON).status_code == 200


def test_never_more_are_worked_on_than_may_be(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = Blocked(what_if._answer)
    monkeypatch.setattr(what_if, "_answer", blocked)
    plan = {**a_request(a_household("H")), "measures": []}

    async def crowd() -> list[httpx.Response]:
        taken = [
            asyncio.create_task(client._http.post("/v1/what-if", json=plan)) for _ in range(AT_ONCE + WAITING)
        ]
        await until(lambda: client.app.state.turns.open == AT_ONCE + WAITING)
        for _ in range(AT_ONCE):
            await until(lambda: blocked.begun.acquire(blocking=False))
        await asyncio.sleep(0.5)
        assert not blocked.begun.acquire(blocking=False)
        blocked.go.set()
        return [await one for one in taken]

    assert {one.status_code for one in client.run(crowd())} == {200}


def test_bodies_that_are_held_have_a_bound_together(client: Client) -> None:
    turns: Turns = client.app.state.turns
    go = asyncio.Event()

    async def slowly() -> Any:
        yield b" " * 1_700_000
        await go.wait()
        yield LARGE

    async def crowd() -> None:
        first = asyncio.create_task(client._http.post("/invocations", content=slowly(), headers=JSON))
        await until(lambda: turns.held >= 1_700_000)
        check_refused(await client._http.post("/invocations", content=b" " * 1_500_000, headers=JSON))
        assert turns.held == 1_700_000
        assert (await client._http.post("/invocations", content=LARGE, headers=JSON)).status_code == 200
        go.set()
        assert (await first).status_code == 200

    client.run(crowd())
    assert turns.held == 0


def test_whoever_waited_too_long_in_a_crowd_is_refused() -> None:
    turns = Turns(at_once=1, most_waiting=16, most_bytes=1)
    turns.check(1, 1_000, LONGEST_WAIT)
    turns.check(1, 16, 60)
    with pytest.raises(Problem, match="busy"):
        turns.check(1, 17, LONGEST_WAIT * 1.01)


def test_short_questions_that_wait_for_a_thread_have_a_bound(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = client.app.state.store
    blocked = Blocked(store.find)
    monkeypatch.setattr(store, "find", blocked)

    async def crowd() -> list[int]:
        taken = [asyncio.create_task(client._http.get("/v1/households/NOBODY")) for _ in range(40 + WAITING)]
        for _ in range(40):
            await until(lambda: blocked.begun.acquire(blocking=False))
        threads = anyio.to_thread.current_default_thread_limiter()
        await until(lambda: threads.statistics().tasks_waiting == WAITING)
        for _ in range(10):
            check_refused(await client._http.get("/v1/households/NOBODY"))
        assert (await client._http.get("/health/ready")).status_code == 200
        blocked.go.set()
        return [(await one).status_code for one in taken]

    assert client.run(crowd()) == [404] * (40 + WAITING)


@pytest.mark.parametrize("way", ["refused", "gone"])
def test_what_ends_badly_keeps_no_turn(client: Client, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    def fail(*_: object) -> bytes:
        raise Problem("request_invalid") if way == "refused" else OSError("gone")

    monkeypatch.setattr(invocations, "_answer", fail)
    for _ in range(3 * (AT_ONCE + WAITING)):
        answer = client.post("/invocations", content=LARGE, headers=JSON)
        assert answer.status_code == (422 if way == "refused" else 500)
    assert (client.app.state.turns.open, client.app.state.turns.held) == (0, 0)


def test_a_large_body_that_finds_no_room_is_not_waited_for(client: Client) -> None:
    turns: Turns = client.app.state.turns
    with (
        running(client.app) as service,
        closing(http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)) as line,
    ):
        turns.open = AT_ONCE + WAITING
        line.putrequest("POST", "/invocations")
        for name, value in {**client.headers, **JSON, "Content-Length": str(len(LARGE))}.items():
            line.putheader(name, value)
        line.endheaders()
        answer = line.getresponse()
        # Nothing of the body was sent.
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
        assert json.loads(answer.read())["code"] == "busy"
        # Whoever sends it all the same is asked on the same line again.
        turns.open = 0
        assert line.sock is not None
        line.sock.sendall(LARGE)
        line.request("POST", "/invocations", LARGE, {**client.headers, **JSON})
        assert line.getresponse().status == 200
