"""Casework of areas for whoever asks: whole for those who work on its cases, without small counts for others.

A county's, township's or village's own officials and helpers may open every case behind a count. To whoever
else may see the area, a breakdown with a count of 1 to 4, and whatever would give it away by subtraction, is
kept back at every level at once; a village's own are never told, and counts stand still for some minutes.
So do those of areas above counties for everybody: nobody's own work is seen in them.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from features.regions import AREA_LEVELS
from serving.access import Caller, Role, Scope
from serving.cases.casework import BREAKDOWNS, Casework, add_up, at_every_level
from serving.disclosure import find_hidden, is_small
from serving.errors import Problem
from serving.storage.casework import GRID, VILLAGE, CaseworkStore

WORKERS = frozenset({Role.COUNTY_OFFICIAL, Role.TOWNSHIP_OFFICIAL, Role.VILLAGE_OFFICIAL, Role.HELPER})
"""Who works on the cases of their area and may open each of them."""
KEPT_SECONDS = 300.0
PROVINCE, COUNTY, TOWNSHIP = min(AREA_LEVELS), 6, 9
_ALL = frozenset(BREAKDOWNS)


@dataclass(frozen=True)
class Figures:
    """The counts of one area, and which breakdowns of them are kept back."""

    counts: Casework
    hidden: frozenset[str] = frozenset()

    def tell(self, breakdown: str) -> Casework | None:
        """The counts, `None` where this breakdown of them is kept back."""
        return None if breakdown in self.hidden else self.counts

    def as_json(self) -> dict[str, Any]:
        """As plain JSON; what is kept back is null."""
        leads, stages, overdue, lists, confirmed = map(self.tell, BREAKDOWNS)
        expected = confirmed.expected if confirmed else None
        return {
            "leads": leads and [
                {"channel": channel, "theme": theme, "count": count}
                for (channel, theme), count in sorted(leads.leads.items())
            ],
            "stages": stages and dict(sorted(stages.stages.items())),
            "open": stages.open if stages else None,
            "overdue": overdue and dict(sorted(overdue.overdue.items())),
            "untold": overdue.untold if overdue else None,
            "lists": lists and {"listed": lists.listed, "visited": lists.visited},
            "confirmed": confirmed and expected and {
                "visited": confirmed.met, "confirmed": confirmed.confirmed,
                "expected": {name: round(value, 1) for name, value in asdict(expected).items()},
            },
        }  # fmt: skip


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
        is_whole = caller.role in WORKERS
        if is_whole and len(area_code) >= COUNTY:
            counts = self.store.count(caller.scope, area_code, level)
            whole, below = (
                Figures(add_up(counts.values())),
                {key: Figures(one) for key, one in counts.items()},
            )
            return AreaCasework(area_code, self.store.today(), whole, level, below, False)
        kept = self.snapshot(area_code[:PROVINCE])
        figures = kept.figures.get(area_code, Figures(Casework(), _hidden_of(area_code)))
        parts = {}
        if level <= VILLAGE:
            parts = {
                code: one
                for code, one in kept.figures.items()
                if len(code) == level and code.startswith(area_code)
            }
        if is_whole:
            figures, parts = (
                Figures(figures.counts),
                {code: Figures(one.counts) for code, one in parts.items()},
            )
        return AreaCasework(area_code, kept.on, figures, level, parts, not is_whole)

    def snapshot(self, province: str) -> _Snapshot:
        """A province's figures down to townships, read anew every `KEPT_SECONDS`.

        While they are read anew, those before are told.
        """
        kept, today = self._kept.get(province), self.store.today()
        if kept is None or kept.on != today:
            with self._lock:
                kept = self._kept.get(province)
                if kept is None or kept.on != today:
                    kept = self._read(province)
        elif time.monotonic() - kept.read_at > KEPT_SECONDS and self._lock.acquire(blocking=False):
            threading.Thread(target=self._read_and_release, args=(province,), daemon=True).start()
        return kept

    def _read_and_release(self, province: str) -> None:
        try:
            self._read(province)
        except Problem:
            # Whoever asks the next time tries again.
            pass
        finally:
            self._lock.release()

    def _read(self, province: str) -> _Snapshot:
        today, begun = self.store.today(), time.monotonic()
        counts = self.store.count(Scope(province), province, TOWNSHIP)
        made = _Snapshot(today, begun, _keep_back(at_every_level(counts, PROVINCE)))
        self._kept = {**self._kept, province: made}
        return made


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
