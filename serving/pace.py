"""How slowly a peer may send or take: whoever stalls gives up what is kept for them."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from serving.errors import Problem

STALL_SECONDS = 10.0
"""Within so many seconds the head of a request has to come, and then again and again so many bytes:"""
LEAST_BYTES = 10_000
"""1 kB a second, which the slowest mobile network still carries."""
WHOLE = "fangfan.whole"
"""Where the scope of a request says whether all of its body is there, so that nothing is waited for."""


class Pace:
    """Bounds the arrival of one body, within ``async with``: `seconds` in all, and no stall.

    Raises `Problem` (408) where either has passed.
    """

    def __init__(self, seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        now = self._loop.time()
        self._end = now + seconds
        self._bound = asyncio.timeout_at(min(self._end, now + STALL_SECONDS))
        self._count = 0

    def count(self, size: int) -> None:
        """So many bytes came."""
        self._count += size
        if self._count >= LEAST_BYTES:
            self._count = 0
            self._bound.reschedule(min(self._end, self._loop.time() + STALL_SECONDS))

    async def __aenter__(self) -> Self:
        await self._bound.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._bound.__aexit__(kind, error, trace)
        except TimeoutError:
            raise Problem("body_too_slow", headers={"Connection": "close"}) from None
