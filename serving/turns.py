"""What is worked on at once and what waits, within bounds: beyond them a request is refused at once.

Without them every request of a crowd is taken and none is answered in time. The bounds are those of one
process, and health is asked past them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

import anyio.to_thread
from anyio import CapacityLimiter

from serving.errors import Problem
from serving.steps import Abreast

P = ParamSpec("P")
T = TypeVar("T")

LONGEST_WAIT = 0.05
"""Seconds that a request may have waited for the server to look at it."""
RETRY_SECONDS = "1"
_THREADS = 40
"""Of the framework's own pool, in which short questions to the database are asked."""


class Turns:
    """At most `at_once` large requests are worked on, `most_waiting` wait for their turn, and as many short
    ones for a thread; bodies that are held in memory have `most_bytes` together.
    """

    def __init__(self, at_once: int, most_waiting: int, most_bytes: int) -> None:
        self.most_waiting = most_waiting
        self.most_bytes = most_bytes
        self.open = 0
        """Large requests that are worked on or wait."""
        self.held = 0
        """Bytes of bodies."""
        self.abreast = Abreast()
        """Small requests, which are answered in the event loop."""
        self._most_open = at_once + most_waiting
        self._limiter = CapacityLimiter(at_once)

    def check(self, open_ones: int, taken: int, waited: float) -> None:
        """Raise `Problem` where a request cannot be looked at: it has `waited` for seconds among those that
        the server has `taken`, or of the `open_ones` too many wait for a thread.

        A few that waited did so for something else, such as a machine that stood still.
        """
        if waited > LONGEST_WAIT and taken > self.most_waiting:
            raise busy()
        if open_ones > _THREADS:
            threads = anyio.to_thread.current_default_thread_limiter()
            if threads.statistics().tasks_waiting >= self.most_waiting:
                raise busy()

    def check_room(self) -> None:
        """Raise `Problem` where one more large request could not even wait."""
        if self.open >= self._most_open:
            raise busy()

    def hold(self, size: int) -> None:
        """So many bytes more are kept; raises `Problem` where they are too many."""
        self.held += size
        if self.held > self.most_bytes:
            raise busy()

    def let_go(self, size: int) -> None:
        """So many bytes are no longer kept."""
        self.held -= size

    async def run(self, make: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `make` returns, made in a thread when its turn comes; raises `Problem` where too many wait."""
        self.check_room()
        self.open += 1
        try:
            return await anyio.to_thread.run_sync(partial(make, *args, **kwargs), limiter=self._limiter)
        finally:
            self.open -= 1


def busy() -> Problem:
    """The problem of a request for which there is no room now."""
    return Problem("busy", headers={"Retry-After": RETRY_SECONDS})
