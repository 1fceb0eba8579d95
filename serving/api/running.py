"""Where an answer is worked out: a small request at once, a large one in a thread, in its turn.

Handing work to a thread and back costs as much as answering for one household. A small body is answered in
well under the time that the server would notice; a large one must not keep the others waiting.
"""

from __future__ import annotations

from starlette.requests import Request

from serving.api.json_body import read_body, tells_more
from serving.settings import Settings
from serving.steps import Steps, take_all, take_steps
from serving.turns import Turns

MOST_AT_ONCE = 32_768
"""Bytes of a body that is answered at once: a household with all of its signals, or some twenty vectors."""


async def read_sized(request: Request, settings: Settings, turns: Turns) -> bytes:
    """The body of a request; raises `Problem` as `read_body` does, and for a large one that finds no room
    before it is waited for.
    """
    if tells_more(request, MOST_AT_ONCE):
        turns.check_room()
    return await read_body(request, settings.max_body_bytes, settings.body_seconds)


async def run_sized(turns: Turns, body: bytes, steps: Steps[bytes]) -> bytes:
    """The answer to a body; its steps must not wait for anything but the processor."""
    if len(body) > MOST_AT_ONCE:
        return await turns.run(take_all, steps)
    with turns.abreast.join(len(body)) as wait:
        await wait()
        return await take_steps(steps, wait)
