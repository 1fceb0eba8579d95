"""The board of an area: its casework beside what was scored, whom the lists miss, clusters and feeds."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from features.dates import months_before
from features.errors import PolicyError
from serving.access import Caller
from serving.cases.clocks import region_of
from serving.casework_desk import AreaCasework, CaseworkDesk
from serving.disclosure import HOUSEHOLDS, LEAST, NOTHING_KNOWN, Disclosure, is_small
from serving.errors import Problem
from serving.leads.clusters import Cluster, Clusters, find_clusters
from serving.storage import AreaSummary, SummaryStore
from serving.worklists.missed import CountyMissed, audit_misses

COUNTY = 6
MISSED_MONTHS = 12
KEPT_SECONDS = 300.0
_MOST_KEPT = 500


@dataclass(frozen=True)
class AreaBoard:
    """What the board tells; `summary` is `None` where no run has the area.

    `withheld` are the breakdowns of the run that are kept back, by area. `missed` are estimates by county,
    of which `None` is kept back or too early; `clusters` is `None` above counties and before the policy.
    """

    casework: AreaCasework
    summary: AreaSummary | None
    withheld: Mapping[str, frozenset[str]]
    missed: tuple[CountyMissed, ...]
    clusters: Clusters | None

    def households(self, area_code: str) -> int | None:
        """How many the run has in the area or one of those below; `None` where that is not told."""
        if self.summary is None or self.is_withheld(area_code):
            return None
        if area_code == self.summary.area_code:
            return self.summary.counts.households
        found = self.summary.below.get(area_code)
        return found.households if found else None

    @property
    def nothing_known(self) -> int | None:
        """Of how many of the area nothing is known; `None` where that is not told."""
        if self.summary is None:
            return None
        hidden = self.withheld.get(self.summary.area_code, frozenset())
        return None if hidden & {HOUSEHOLDS, NOTHING_KNOWN} else self.summary.counts.nothing_known

    def is_withheld(self, area_code: str) -> bool:
        """Whether the number of households of an area is kept back."""
        return HOUSEHOLDS in self.withheld.get(area_code, frozenset())

    @property
    def warnings(self) -> tuple[Cluster, ...]:
        """The warnings of clusters that may be told."""
        if self.clusters is None:
            return ()
        is_kept_back = self.casework.is_small_kept_back
        return tuple(
            one
            for one in self.clusters.found
            if one.is_warning and not (is_kept_back and one.observed < LEAST)
        )


class Boards:
    """The boards of one database. Estimates and clusters stand still for some minutes."""

    def __init__(
        self, engine: Engine, desk: CaseworkDesk, summaries: SummaryStore, disclosure: Disclosure
    ) -> None:
        self.engine, self.desk = engine, desk
        self.summaries, self.disclosure = summaries, disclosure
        self._kept: dict[tuple[str, str, dt.date], tuple[float, Any]] = {}
        self._lock = threading.Lock()

    def find(self, caller: Caller, area_code: str) -> AreaBoard | None:
        """The board of an area; `None` where the caller sees no such area. Raises `Problem` (503)."""
        casework = self.desk.find(caller, area_code)
        if casework is None:
            return None
        summary = self.summaries.find(caller, area_code)
        if summary is None and casework.figures.counts.is_empty and not casework.below:
            return None
        withheld: Mapping[str, frozenset[str]] = {}
        if summary is not None and casework.is_small_kept_back:
            withheld = self.disclosure.withheld(summary.run).areas
        return AreaBoard(casework, summary, withheld, self._missed_of(casework), self._clusters_of(casework))

    def _missed_of(self, casework: AreaCasework) -> tuple[CountyMissed, ...]:
        area, on = casework.area_code[:COUNTY], casework.on
        if len(casework.area_code) > COUNTY:
            # A township has too few visits by lot to say anything.
            return ()

        def estimate() -> list[CountyMissed]:
            return audit_misses(self.engine, area, months_before(on, MISSED_MONTHS), on, today=on)

        found = self._keep("missed", area, on, estimate)
        if not casework.is_small_kept_back:
            return tuple(found)
        return tuple(
            CountyMissed(one.county, None, is_kept_back=True)
            if one.missed and any(map(is_small, one.missed.cells))
            else one
            for one in found
        )

    def find_clusters(self, area: str, on: dt.date) -> Clusters:
        """The clusters of an area on a day; raises `PolicyError` for one before the policy, and `Problem`."""
        found: Clusters = self._keep(
            "clusters", area, on, lambda: find_clusters(self.engine, area, on, region_of(area))
        )
        return found

    def _clusters_of(self, casework: AreaCasework) -> Clusters | None:
        if len(casework.area_code) < COUNTY:
            return None
        try:
            return self.find_clusters(casework.area_code, casework.on)
        except PolicyError:
            return None

    def _keep(self, kind: str, area: str, on: dt.date, work: Any) -> Any:
        key = kind, area, on
        with self._lock:
            kept = self._kept.get(key)
        if kept is not None and time.monotonic() - kept[0] < KEPT_SECONDS:
            return kept[1]
        try:
            made = work()
        except SQLAlchemyError:
            raise Problem("storage_failed") from None
        with self._lock:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            self._kept[key] = time.monotonic(), made
        return made
