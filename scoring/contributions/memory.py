"""Memory for tables: where an array begins decides how many cache lines a row's numbers touch."""

from __future__ import annotations

from typing import Any

import numpy as np

_LINE = 64
"""Bytes of a cache line."""


def aligned_empty(shape: tuple[int, ...], kind: Any) -> Any:
    """`np.empty`, beginning at a whole cache line.

    numpy begins large arrays 16 bytes into a page, so that a pattern's eight numbers lay across two lines;
    for a single row, which waits for each line, that took twice as long. numpy's own memory is used all the
    same: it asks for huge pages, which single rows need.
    """
    dtype = np.dtype(kind)
    size = int(np.prod(shape)) * dtype.itemsize
    room = np.empty(size + _LINE, dtype=np.uint8)
    start = -room.ctypes.data % _LINE
    return room[start : start + size].view(dtype).reshape(shape)
