"""What was looked up a moment ago: two queries a request cost more than the household's whole answer.

A batch writes what is looked up here once a day. For at most `seconds` an answer may be made with what stood
there before; a key that had nothing is remembered too.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

Found = TypeVar("Found")

MOST_KEPT = 10_000
"""Villages and dates that are remembered at once."""


class Recent(Generic[Found]):
    """Remembers what `find` said of villages on a date. Threads may share it."""

    def __init__(
        self,
        find: Callable[[Iterable[str], dt.date], dict[str, Found]],
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._find = find
        self._seconds = seconds
        self._clock = clock
        self._kept: dict[tuple[str, dt.date], tuple[float, Found | None]] = {}

    def has(self, village_codes: Iterable[str], as_of: dt.date) -> bool:
        """Whether all of it is remembered, so that `find` will not ask the database."""
        return not self._forgotten(set(village_codes), as_of)

    def find(self, village_codes: Iterable[str], as_of: dt.date) -> dict[str, Found]:
        """What there is of these villages; raises what the store's own `find` raises."""
        wanted = set(village_codes)
        asked = self._forgotten(wanted, as_of)
        kept = {one: self._kept.get((one, as_of)) for one in wanted - asked}
        told = {one: entry[1] for one, entry in kept.items() if entry and entry[1] is not None}
        asked |= {one for one, entry in kept.items() if entry is None}
        if not asked:
            return told
        found = self._find(asked, as_of)
        if len(self._kept) + len(asked) > MOST_KEPT:
            self._kept.clear()
        now = self._clock()
        for one in asked:
            self._kept[one, as_of] = now, found.get(one)
        return {**told, **found}

    def _forgotten(self, village_codes: set[str], as_of: dt.date) -> set[str]:
        oldest = self._clock() - self._seconds
        never = (float("-inf"), None)
        return {one for one in village_codes if self._kept.get((one, as_of), never)[0] <= oldest}
