"""Making the lists of an area from a scored run: county by county, each kept whole or not at all."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, func, select

from features.policy import policy_value
from scoring.capacity import Capacity, CapacityEntry
from serving.access import Caller
from serving.cases.list_making import RULE, Lists, make_lists
from serving.cases.visit_shares import share_visits
from serving.cases.worklist import Why
from serving.errors import ServingError
from serving.storage.area_counts import AreaCounts
from serving.storage.candidates import load_candidates
from serving.storage.ranges import inside
from serving.storage.runs import Run
from serving.storage.tables import area_summary
from serving.storage.worklists import WorklistStore, new_worklist

COUNTY = 6
VILLAGE = 12


@dataclass(frozen=True)
class Terms:
    """What lists are made on. `seed` of the lot is kept with them, so that it can be drawn again."""

    run: Run
    capacity: Capacity
    made_on: dt.date
    region: str
    random_share: float
    revisit_days: int
    seed: str
    is_by_grid: bool = False

    @classmethod
    def of(
        cls, run: Run, capacity: Capacity, made_on: dt.date, region: str, *,
        random_share: float | None = None, revisit_days: int | None = None, seed: str | None = None,
        is_by_grid: bool = False,
    ) -> Terms:  # fmt: skip
        """The terms, with the policy's numbers where none are given. Raises `PolicyError`."""
        if random_share is None:
            random_share = float(policy_value("random_visit_share", region, made_on).value)
        if revisit_days is None:
            revisit_days = int(policy_value("revisit_days", region, made_on).value)
        seed = seed or secrets.token_hex(16)
        return cls(run, capacity, made_on, region, random_share, revisit_days, seed, is_by_grid)

    def as_json(self) -> dict[str, Any]:
        """As they are kept with the lists."""
        return {
            "capacity": CapacityEntry.of(self.capacity).model_dump(), "rule": RULE,
            "random_share": self.random_share, "seed": self.seed, "revisit_days": self.revisit_days,
            "is_by_grid": self.is_by_grid,
        }  # fmt: skip


@dataclass(frozen=True)
class Made:
    """The lists of one area. `is_new` is false where they had been made that day, and were left alone."""

    area_code: str
    is_new: bool
    households: int = 0
    visits: int = 0
    lists: Lists | None = None

    def as_json(self) -> dict[str, Any]:
        """In figures, that name nobody."""
        told: dict[str, Any] = {"area_code": self.area_code, "is_new": self.is_new}
        if self.lists is None:
            return told
        return told | {
            "households": self.households, "visits": self.visits,
            **{one.value: self.lists.count(one) for one in (Why.HARD, Why.SCORE, Why.UNHEARD, Why.RANDOM)},
            "pool": self.lists.pool, "lists": self.lists.told(),
        }  # fmt: skip


def make_worklists(
    engine: Engine,
    store: WorklistStore,
    caller: Caller,
    area: str,
    terms: Terms,
    *,
    is_dry: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
) -> list[Made]:
    """Make the lists of an area, those of a wider one for each of its counties.

    Started again it goes on with the counties that are left. Raises `ServingError` where the run has nobody
    in the area, `CapacityError` where the capacity does not fit it.
    """
    households = _households(engine, terms.run, area)
    if not households:
        raise ServingError(
            "such a run has no household of the area, with a score or without: "
            "`python -m serving score` stores one"
        )  # fmt: skip
    visits = share_visits(terms.capacity, area, households)
    areas = sorted({village[:COUNTY] for village in households}) if len(area) < COUNTY else [area]
    made = []
    for at, one in enumerate(areas):
        if progress is not None:
            progress("lists", at, len(areas))
        ours = {village: visits[village] for village in households if village.startswith(one)}
        count = sum(households[village] for village in ours)
        made.append(_make(engine, store, caller, one, terms, ours, count, is_dry=is_dry))
    return made


def _make(
    engine: Engine, store: WorklistStore, caller: Caller, area: str, terms: Terms, visits: dict[str, int],
    households: int, *, is_dry: bool,
) -> Made:  # fmt: skip
    if store.find_made(area, terms.made_on) is not None:
        return Made(area, is_new=False)
    with engine.connect() as connection:
        candidates = load_candidates(
            connection, terms.run, area, terms.made_on, terms.revisit_days, terms.region
        )
    total = sum(visits.values())
    # Two lots of one month would give nobody a chance that is known.
    by_lot = 0 if store.has_drawn(area, terms.made_on) else _by_lot(total, terms.random_share)
    lists = make_lists(
        candidates, visits, is_by_grid=terms.is_by_grid, random_visits=by_lot, seed=f"{terms.seed}\n{area}"
    )
    if not is_dry:
        told = terms.as_json() | {"visits": total, "lists": lists.told(), "pool": lists.pool}
        run = terms.run
        head = new_worklist(area, terms.made_on, run.as_of_date, run.model_version, store.now())
        if store.save(caller, head, lists, told) is None:
            return Made(area, is_new=False)
    return Made(area, True, households, total, lists)


def _by_lot(visits: int, share: float) -> int:
    """Visits by lot: at least one, where any are wanted."""
    return max(1, round(visits * share)) if share > 0 else 0


def _households(engine: Engine, run: Run, area: str) -> dict[str, int]:
    column = area_summary.c.area_code
    query = select(column, area_summary.c.counts).where(
        area_summary.c.as_of_date == run.as_of_date, area_summary.c.model_version == run.model_version,
        func.length(column) == VILLAGE, func.substr(column, 1, len(area)) == area, *inside(area, column),
    )  # fmt: skip
    with engine.connect() as connection:
        return dict(_counted(connection.execute(query)))


def _counted(rows: Any) -> Iterator[tuple[str, int]]:
    for one in rows:
        yield one.area_code, AreaCounts.from_json(one.counts).households
