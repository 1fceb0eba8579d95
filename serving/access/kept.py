"""What the database said a moment ago of a key, a session or a token: remembered for `KEPT_SECONDS`.

A busy caller costs one look in that time, and what was ended is refused at the latest that much later.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, TypeVar

KEPT_SECONDS = 2.0
MOST_KEPT = 1_000

T = TypeVar("T")


class Kept(Generic[T]):
    """Values by the hash of a secret. `now` is a clock that never goes back, in seconds."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._values: dict[str, tuple[float, T]] = {}

    def find(self, digest: str) -> T | None:
        """The value, unless it is forgotten."""
        kept = self._values.get(digest)
        return kept[1] if kept is not None and self._now() < kept[0] else None

    def keep(self, digest: str, value: T) -> T:
        """Remember a value; the same value."""
        if len(self._values) >= MOST_KEPT:
            self._values.clear()
        self._values[digest] = (self._now() + KEPT_SECONDS, value)
        return value

    def forget(self, digest: str) -> None:
        """Ask the database the next time."""
        self._values.pop(digest, None)
