"""Stretches of rows, which several threads answer side by side."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

STRIP = 64
"""Blocks are padded to whole strips, so that vectors need no remainders.

It is compiled into kernels; `compiling` counts this file among their sources because it is named here.
"""


def default_threads() -> int:
    """Threads of this process: `OMP_NUM_THREADS` where set, as LightGBM reads it, else its processors."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return int(asked) if asked.isdigit() and int(asked) > 0 else len(os.sched_getaffinity(0))


def share_out(
    answer: Callable[[int, int], None], rows: int, least: int = STRIP, threads: int | None = None
) -> None:
    """Answer all rows, one stretch of whole strips in each thread; a row's answer is the same in any stretch.

    A stretch has at least `least` rows; without `threads` there are `default_threads`.
    """
    if rows <= least:
        # For one household, dividing the work would be a part of it.
        if rows:
            answer(0, rows)
        return
    part = max(-(-rows // ((threads or default_threads()) * STRIP)) * STRIP, least)
    stretches = [(start, min(start + part, rows)) for start in range(0, rows, part)]
    if len(stretches) == 1:
        answer(0, rows)
        return
    with ThreadPoolExecutor(len(stretches)) as pool:
        for done in [pool.submit(answer, *stretch) for stretch in stretches]:
            done.result()
