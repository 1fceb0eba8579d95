"""Steps of an answer: requests that came together take each of them side by side.

After the first of them a step's code and tables are near the processor, so that of sixteen requests that are
asked at once each takes a fifth less of its time than one after the other. What an answer needs in memory is
kept for as many as there are, within the bounds of `serving.turns`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Generator
from functools import wraps
from typing import ParamSpec, TypeVar

from serving.exchange import current_exchange

P = ParamSpec("P")
T = TypeVar("T")

Steps = Generator[None, None, T]
"""Work that yields where a step ends and returns what comes of it."""


async def next_step() -> None:
    """Wait until those who came together have come as far."""
    await asyncio.sleep(0)


async def take_steps(steps: Steps[T]) -> T:
    """What comes of the steps, each taken when the others have come as far."""
    while True:
        await next_step()
        try:
            next(steps)
        except StopIteration as ended:
            made: T = ended.value
            return made


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
