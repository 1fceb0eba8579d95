"""Where an answer is worked out: a small request at once, a large one in a thread, in its turn.

Handing work to a thread and back costs as much as answering for one household. A small body is answered in
well under the time that the server would notice; a large one must not keep the others waiting.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec

from starlette.requests import Request

from serving.api.json_body import read_body, tells_more
from serving.settings import Settings
from serving.turns import Turns

MOST_AT_ONCE = 32_768
"""Bytes of a body that is answered at once: a household with all of its signals, or some twenty vectors."""

P = ParamSpec("P")


async def read_sized(request: Request, settings: Settings, turns: Turns) -> bytes:
    """The body of a request; raises `Problem` as `read_body` does, and for a large one that finds no room
    before it is waited for.
    """
    if tells_more(request, MOST_AT_ONCE):
        turns.check_room()
    return await read_body(request, settings.max_body_bytes, settings.body_seconds)


async def run_sized(
    turns: Turns, body: bytes, make: Callable[P, bytes], *args: P.args, **kwargs: P.kwargs
) -> bytes:
    """The answer to a body; its work must not wait for anything but the processor."""
    if len(body) <= MOST_AT_ONCE:
        return make(*args, **kwargs)
    return await turns.run(make, *args, **kwargs)
