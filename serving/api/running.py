"""Where an answer is worked out: a small request at once, a large one in a thread, in its turn.

Handing work to a thread and back costs as much as answering for one household. A small body is answered in
well under the time that the server would notice; a large one must not keep the others waiting.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec

from serving.turns import Turns

MOST_AT_ONCE = 32_768
"""Bytes of a body that is answered at once: a household with all of its signals, or some twenty vectors."""

P = ParamSpec("P")


async def run_sized(
    turns: Turns, body: bytes, make: Callable[P, bytes], *args: P.args, **kwargs: P.kwargs
) -> bytes:
    """The answer to a body; its work must not wait for anything but the processor."""
    if len(body) <= MOST_AT_ONCE:
        return make(*args, **kwargs)
    return await turns.run(make, *args, **kwargs)
