"""Steps of an answer: requests that came together take each of them side by side.

After the first of them a step's code and tables are near the processor, so that of sixteen requests that are
asked at once each takes a sixth less of its time than one after the other. What an answer needs in memory is
kept for as many as there are, within the bounds of `serving.turns`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Generator, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar

from serving.exchange import current_exchange

P = ParamSpec("P")
T = TypeVar("T")

Steps = Generator[None, None, T]
"""Work that yields where a step ends and returns what comes of it."""


Wait = Callable[[], Awaitable[None]]
"""What a request waits for between two steps."""

MOST_ABREAST, MOST_BYTES = 64, 800_000
"""Together they are answered in less time than one of a crowd may wait (`serving.turns`): whoever waits here
was taken, and a crowd would be taken before it is refused."""


class Abreast:
    """Who goes side by side in a process. Others take their steps in one turn of the event loop."""

    def __init__(self, most: int = MOST_ABREAST, most_bytes: int = MOST_BYTES) -> None:
        self.most = most
        self.most_bytes = most_bytes
        self.count = 0
        self.bytes = 0

    @contextmanager
    def join(self, size: int) -> Iterator[Wait]:
        """Go with the others, within ``with``, with a body of so many bytes; gives what is waited for between
        steps, which is nothing for one too many.
        """
        if self.count >= self.most or self.bytes + size > self.most_bytes:
            yield go_on
            return
        self.count += 1
        self.bytes += size
        try:
            yield next_step
        finally:
            self.count -= 1
            self.bytes -= size


async def next_step() -> None:
    """Wait until those who came together have come as far."""
    await asyncio.sleep(0)


async def go_on() -> None:
    """Wait for nobody."""


async def take_steps(steps: Steps[T], wait: Wait) -> T:
    """What comes of the steps: the first is taken at once, each other one after `wait`."""
    while True:
        try:
            next(steps)
        except StopIteration as ended:
            made: T = ended.value
            return made
        await wait()


def take_all(steps: Steps[T]) -> T:
    """The same at once."""
    while True:
        try:
            next(steps)
        except StopIteration as ended:
            made: T = ended.value
            return made


def timed_steps(make: Callable[P, Steps[T]]) -> Callable[P, Steps[T]]:
    """Steps whose time counts as scoring in the exchange that they are taken in, without what is between."""

    @wraps(make)
    def measured(*args: P.args, **kwargs: P.kwargs) -> Steps[T]:
        steps, exchange = make(*args, **kwargs), current_exchange()
        while True:
            started = time.perf_counter()
            try:
                next(steps)
            except StopIteration as ended:
                made: T = ended.value
                return made
            finally:
                if exchange is not None:
                    spent = time.perf_counter() - started
                    exchange.scoring_seconds = spent + (exchange.scoring_seconds or 0.0)
            yield

    return measured
