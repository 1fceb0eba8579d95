"""How old each department's data are, by the statements of what arrived that intake keeps."""

from __future__ import annotations

import datetime as dt
import math
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from features.errors import FeaturesError
from features.signals import PLATFORM_FEEDS, REQUEST_FEEDS
from features.signals.buckets import Buckets
from features.signals.coverage import Delivery

KEPT_SECONDS = 300.0
DEPARTMENT_FEEDS = tuple(one for one in REQUEST_FEEDS if one not in PLATFORM_FEEDS)


@dataclass(frozen=True)
class FeedAge:
    """Days since the last covered day: where the feed is newest, and in the area that is furthest behind.

    Infinite where nothing was ever delivered: a feed that is silent is never without a number.
    """

    newest_days: float
    oldest_days: float


class FeedAges:
    """The ages of every feed that a department delivers, read anew every `KEPT_SECONDS`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._lock = threading.Lock()
        self._kept: tuple[float, dt.date, Mapping[str, FeedAge] | None] | None = None

    def ages(self, today: dt.date) -> Mapping[str, FeedAge] | None:
        """The age of each feed on a day; `None` where the folder cannot be read."""
        with self._lock:
            kept = self._kept
            if kept is None or kept[1] != today or time.monotonic() - kept[0] > KEPT_SECONDS:
                self._kept = kept = time.monotonic(), today, self._read(today)
            return kept[2]

    def _read(self, today: dt.date) -> Mapping[str, FeedAge] | None:
        try:
            return ages_of(Buckets.open(self.directory).coverage.deliveries, today)
        except (FeaturesError, OSError):
            return None


def ages_of(deliveries: Iterable[Delivery], today: dt.date) -> dict[str, FeedAge]:
    """The age of each feed. An area has what was stated for it and for any area above it."""
    latest: dict[str, dict[str, dt.date]] = {feed: {} for feed in DEPARTMENT_FEEDS}
    for one in deliveries:
        if one.feed in latest and one.known_on <= today:
            areas = latest[one.feed]
            areas[one.area_code] = max(one.complete_until, areas.get(one.area_code, dt.date.min))
    return {feed: _age(areas, today) for feed, areas in latest.items()}


def _age(areas: Mapping[str, dt.date], today: dt.date) -> FeedAge:
    if not areas:
        return FeedAge(math.inf, math.inf)
    until = [
        max(areas[area[:length]] for length in range(1, len(area) + 1) if area[:length] in areas)
        for area in areas
    ]
    return FeedAge((today - max(until)).days, (today - min(until)).days)
