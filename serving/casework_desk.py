"""Casework of areas for whoever asks: whole for those who work on its cases, without small counts for others.

A county's, township's or village's own officials and helpers may open every case behind a count. To whoever
else may see the area, a breakdown with a count of 1 to 4, and whatever would give it away by subtraction, is
kept back at every level at once; a village's own are never told, and counts stand still for some minutes.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from features.regions import AREA_LEVELS
from serving.access import Caller, Role, Scope
from serving.cases.casework import BREAKDOWNS, Casework, add_up, at_every_level
from serving.disclosure import find_hidden, is_small
from serving.storage.casework import GRID, VILLAGE, CaseworkStore

WORKERS = frozenset({Role.COUNTY_OFFICIAL, Role.TOWNSHIP_OFFICIAL, Role.VILLAGE_OFFICIAL, Role.HELPER})
"""Who works on the cases of their area and may open each of them."""
KEPT_SECONDS = 300.0
PROVINCE, TOWNSHIP = min(AREA_LEVELS), 9
_ALL = frozenset(BREAKDOWNS)


@dataclass(frozen=True)
class Figures:
    """The counts of one area, and which breakdowns of them are kept back."""

    counts: Casework
    hidden: frozenset[str] = frozenset()

    @property
    def is_whole(self) -> bool:
        """Whether nothing is kept back."""
        return not self.hidden


@dataclass(frozen=True)
class AreaCasework:
    """An area's figures and those of its parts: areas one level below by code, or a village's grids."""

    area_code: str
    on: dt.date
    figures: Figures
    level: int
    below: Mapping[str, Figures]
    is_small_kept_back: bool


@dataclass(frozen=True)
class _Snapshot:
    on: dt.date
    read_at: float
    figures: Mapping[str, Figures]


class CaseworkDesk:
    """Answers from one database."""

    def __init__(self, store: CaseworkStore) -> None:
        self.store = store
        self._kept: dict[str, _Snapshot] = {}
        self._lock = threading.Lock()

    def find(self, caller: Caller, area_code: str) -> AreaCasework | None:
        """The casework of an area; `None` for one outside of the caller's. Raises `Problem` (503)."""
        if not caller.scope.contains(area_code):
            return None
        level = next((one for one in AREA_LEVELS if one > len(area_code)), GRID)
        if caller.role in WORKERS:
            counts = self.store.count(caller.scope, area_code, level)
            whole, below = Figures(add_up(counts.values())), {key: Figures(one) for key, one in counts.items()}
            return AreaCasework(area_code, self.store.today(), whole, level, below, False)
        kept = self.snapshot(area_code[:PROVINCE])
        figures = kept.figures.get(area_code, Figures(Casework(), _hidden_of(area_code)))
        if level > VILLAGE:
            return AreaCasework(area_code, kept.on, figures, level, {}, True)
        parts = {
            code: one for code, one in kept.figures.items() if len(code) == level and code.startswith(area_code)
        }
        return AreaCasework(area_code, kept.on, figures, level, parts, True)

    def snapshot(self, province: str) -> _Snapshot:
        """A province's figures for whoever does not work there, read anew every `KEPT_SECONDS`."""
        with self._lock:
            kept, today = self._kept.get(province), self.store.today()
            if kept is None or kept.on != today or time.monotonic() - kept.read_at > KEPT_SECONDS:
                counts = self.store.count(Scope(province), province, TOWNSHIP)
                kept = _Snapshot(today, time.monotonic(), _keep_back(at_every_level(counts, PROVINCE)))
                self._kept = {**self._kept, province: kept}
            return kept


def _keep_back(counts: Mapping[str, Casework]) -> dict[str, Figures]:
    """What may be told of areas that nest, down to townships."""
    hidden: dict[str, set[str]] = {}
    sizes = {area: one.stages.total() + one.leads.total() + one.listed for area, one in counts.items()}
    for name in BREAKDOWNS:
        small = {area for area, one in counts.items() if any(map(is_small, one.cells(name)))}
        for area in find_hidden(sizes, small):
            hidden.setdefault(area, set()).add(name)
    return {area: Figures(one, frozenset(hidden.get(area, ()))) for area, one in counts.items()}


def _hidden_of(area_code: str) -> frozenset[str]:
    # That nothing was counted in a village would be a count as well.
    return _ALL if len(area_code) > TOWNSHIP else frozenset()
