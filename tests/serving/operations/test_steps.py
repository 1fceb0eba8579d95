"""Steps: taken side by side, each request's own, and the same answers as one after the other."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from features import FEATURES
from serving.api.inference import MODEL
from serving.around import Around
from serving.exchange import exchange_of
from serving.steps import Abreast, Steps, next_step, take_all, take_steps, timed_steps
from serving.storage.recent import Recent
from tests.serving.conftest import NAMES, Client, a_household, a_request

INFER = f"/v2/models/{MODEL}/infer"


def test_who_came_together_goes_side_by_side() -> None:
    seen: list[str] = []

    def work(name: str) -> Steps[str]:
        for step in "abc":
            seen.append(f"{step}{name}")
            yield
        return name * 2

    async def answer() -> list[str]:
        return await asyncio.gather(*(take_steps(work(name), next_step) for name in "123"))

    assert asyncio.run(answer()) == ["11", "22", "33"]
    assert seen == ["a1", "a2", "a3", "b1", "b2", "b3", "c1", "c2", "c3"]
    seen.clear()
    assert take_all(work("4")) == "44"
    assert seen == ["a4", "b4", "c4"]


def test_what_goes_wrong_in_a_step_is_told_to_its_own() -> None:
    ended: list[str] = []

    def work(name: str, at: int) -> Steps[str]:
        try:
            for step in range(3):
                if step == at:
                    raise ValueError(name)
                yield
            return name
        finally:
            ended.append(name)

    async def answer() -> list[object]:
        waiting = asyncio.ensure_future(take_steps(work("gone", 9), next_step))
        found = asyncio.gather(
            *(take_steps(work(str(at), at), next_step) for at in range(4)), return_exceptions=True
        )
        await next_step()
        await next_step()
        # Somebody who goes away between two steps.
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        return [*await found]

    found = asyncio.run(answer())
    assert [repr(one) for one in found] == ["ValueError('0')", "ValueError('1')", "ValueError('2')", "'3'"]
    assert sorted(ended) == ["0", "1", "2", "3", "gone"]


@pytest.mark.parametrize("take", ["side by side", "at once"])
def test_only_an_exchange_s_own_steps_count_as_its_time(take: str, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(time, "perf_counter", lambda: now)

    @timed_steps
    def work(seconds: float, fails: bool) -> Steps[None]:
        nonlocal now
        for _ in range(3):
            now += seconds
            yield
        now += seconds
        if fails:
            raise ValueError

    async def answer(seconds: float, fails: bool) -> float | None:
        with exchange_of([]) as exchange:
            steps = work(seconds, fails)
            try:
                if take == "at once":
                    take_all(steps)
                else:
                    await take_steps(steps, next_step)
            except ValueError:
                assert fails
            return exchange.scoring_seconds

    async def answer_all() -> list[float | None]:
        return [*await asyncio.gather(answer(1.0, False), answer(16.0, True), answer(256.0, False))]

    assert asyncio.run(answer_all()) == [4.0, 64.0, 1024.0]
    # Outside of any request nobody is told.
    assert take_all(work(1.0, False)) is None


def test_one_too_many_waits_for_nobody() -> None:
    """Whoever waits was taken: a crowd has to be refused before."""
    abreast, seen = Abreast(most=2, most_bytes=100), list[str]()

    async def answer(name: str, size: int) -> None:
        with abreast.join(size) as wait:
            for step in "ab":
                await wait()
                seen.append(f"{step}{name}")

    async def answer_all(*sizes: int) -> list[str]:
        seen.clear()
        await asyncio.gather(*(answer(str(at), size) for at, size in enumerate(sizes)))
        assert (abreast.count, abreast.bytes) == (0, 0)
        return seen

    assert asyncio.run(answer_all(50, 50, 0)) == ["a2", "b2", "a0", "a1", "b0", "b1"]
    assert asyncio.run(answer_all(60, 50, 40)) == ["a1", "b1", "a0", "a2", "b0", "b2"]
    assert asyncio.run(answer_all(101, 1)) == ["a0", "b0", "a1", "b1"]

    async def fail() -> None:
        with abreast.join(7):
            raise ValueError("gone")

    with pytest.raises(ValueError, match="gone"):
        asyncio.run(fail())
    assert (abreast.count, abreast.bytes) == (0, 0)


@pytest.mark.parametrize("query", ["", "?fields=score,reasons"])
def test_what_is_looked_up_is_asked_in_the_turn_in_which_it_is_known(
    client: Client, query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is remembered may be forgotten in the next turn: then the event loop would ask the database."""
    asked = signals(random.Random(3))
    client.post(f"/v1/scores{query}", json=asked)
    turns: list[int] = []
    now = 0

    def count_turns(loop: asyncio.AbstractEventLoop) -> None:
        nonlocal now
        now += 1
        if now < 10_000:
            loop.call_soon(count_turns, loop)

    def noted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **more: Any) -> Any:
            turns.append(now)
            return function(*given, **more)

        return call

    monkeypatch.setattr(Around, "knows", noted(Around.knows))
    monkeypatch.setattr(Recent, "find", noted(Recent.find))

    async def ask() -> httpx.Response:
        nonlocal now
        count_turns(asyncio.get_running_loop())
        answer = await client._http.post(f"/v1/scores{query}", json=asked)
        now = 10_000
        return answer

    assert client.run(ask()).status_code == 200
    assert len(turns) >= 2
    assert len(set(turns)) == 1


def vector(rng: random.Random) -> list[float | None]:
    return [rng.choice((None, *FEATURES[one].limits, rng.uniform(*FEATURES[one].limits))) for one in NAMES]


def tensors(rng: random.Random) -> dict[str, Any]:
    tensor = {"name": "vectors", "shape": [1, len(NAMES)], "datatype": "FP64", "data": vector(rng)}
    return {"inputs": [tensor], "parameters": {"reasons": 4}}


def signals(rng: random.Random) -> dict[str, Any]:
    return a_request(a_household(f"H{rng.randrange(10**6)}", self_paid=rng.randrange(60_000)))


def instances(rng: random.Random) -> dict[str, Any]:
    return {"instances": [dict(zip(NAMES, vector(rng), strict=True))], "params": {"reasons": 2}}


MAKERS = {
    INFER: tensors,
    "/v1/scores": signals,
    "/v1/scores?fields=score,reasons": signals,
    "/invocations": instances,
}


@pytest.mark.parametrize("path", MAKERS)
def test_side_by_side_each_gets_what_it_gets_alone(client: Client, path: str) -> None:
    rng = random.Random(7)
    asked = [MAKERS[path](rng) for _ in range(24)]
    asked[5] = {"wrong": True}
    asked[11] = {**asked[11], "inputs": [], "households": [], "instances": []}
    alone = [client.post(path, json=one) for one in asked]

    async def ask_together() -> list[httpx.Response]:
        return await asyncio.gather(*(client._http.post(path, json=one) for one in asked))

    together = client.run(ask_together())
    assert [one.status_code for one in alone].count(200) == 22
    assert [(one.status_code, one.content) for one in together] == [
        (one.status_code, one.content) for one in alone
    ]
    assert len({one.content for one in together if one.status_code == 200}) == 22
    assert len({one.headers["x-request-id"] for one in together}) == 24
