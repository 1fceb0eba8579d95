"""Generated worlds: a few households whose records crowd around every edge that an engine could get wrong."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from features import CONTRACTS, Coverage, Signals
from features.engines.row import stored_row
from features.signals import Delivery
from tests.features import oracle

REGION = "CN-50"
AS_OF_DATES = tuple(
    dt.date.fromisoformat(text)
    for text in ("2024-02-29", "2025-02-28", "2025-03-31", "2024-12-31", "2026-06-30", "2025-07-15")
)
AMOUNTS = (0, 1, 99, 100, 10**9, 33_333, 750_000, 2_400_001)


@dataclass(frozen=True)
class World:
    """Stored rows by household and feed, and the deliveries."""

    rows: dict[str, dict[str, list[dict[str, Any]]]]
    deliveries: list[oracle.Delivery]

    def signals(self) -> Signals:
        tables = {
            feed: pa.Table.from_pylist(
                [row for rows in self.rows.values() for row in rows[feed]], schema=contract.schema
            )
            for feed, contract in CONTRACTS.items()
        }
        return Signals(tables, self.coverage())

    def coverage(self) -> Coverage:
        return Coverage(Delivery(*one) for one in self.deliveries)

    def of_household(self, household_id: str) -> dict[str, list[dict[str, Any]]]:
        return {feed: [stored_row(row) for row in rows] for feed, rows in self.rows[household_id].items()}


def make_world(seed: int, as_of: dt.date, households: int = 7) -> World:
    """A world drawn from a seed, its dates near the window edges of `as_of`."""
    rng = random.Random(seed)
    edges = [as_of, *(oracle.months_back(as_of, months) for months in (1, 3, 6, 12, 24))]
    rows = {f"H{number}": _household(rng, f"H{number}", as_of, edges) for number in range(households)}
    return World(rows, _deliveries(rng, as_of, edges))


def _date(rng: random.Random, edges: list[dt.date]) -> dt.date:
    if rng.random() < 0.6:
        return rng.choice(edges) + dt.timedelta(days=rng.choice((-1, 0, 1)))
    return edges[0] - dt.timedelta(days=rng.randint(-60, 800))


def _known(rng: random.Random, occurred: dt.date, as_of: dt.date) -> dt.date:
    later = rng.choice(
        (occurred, occurred + dt.timedelta(days=5), as_of, as_of + dt.timedelta(days=1),
         occurred + dt.timedelta(days=200))
    )  # fmt: skip
    return max(occurred, later)


def _household(
    rng: random.Random, household_id: str, as_of: dt.date, edges: list[dt.date]
) -> dict[str, list[dict[str, Any]]]:
    made: dict[str, list[dict[str, Any]]] = {}
    for feed, contract in CONTRACTS.items():
        made[feed] = []
        count = rng.choice((1, 1, 1, 2)) if feed == "household" else rng.choice((0, 1, 3, 6))
        for _ in range(count):
            row = contract.parse_row(contract.generate(rng))
            assert isinstance(row, dict)
            occurred = _date(rng, edges)
            row |= {
                "household_id": household_id,
                "occurred_on": occurred,
                "known_on": _known(rng, occurred, as_of),
            }
            for name in row:
                if name.endswith("_fen"):
                    row[name] = rng.choice(AMOUNTS)
            if contract.kind == "spell":
                row |= _ending(rng, occurred, edges, as_of)
            if "born_on" in row:
                born = oracle.years_back(as_of, rng.choice((16, 60)))
                row["born_on"] = born + dt.timedelta(days=rng.choice((-1, 0, 1)))
            made[feed].append(row)
    for row in made["household"]:
        row["village_code"] = rng.choice(("500299001001", "500299001002", "500299002001"))
    if rng.random() < 0.8:
        start = dt.date(2015, 1, 1)
        made["household"][0] |= {
            "occurred_on": start, "known_on": start, "ended_on": None, "ended_known_on": None
        }  # fmt: skip
    return made


def _ending(
    rng: random.Random, occurred: dt.date, edges: list[dt.date], as_of: dt.date
) -> dict[str, dt.date | None]:
    if rng.random() < 0.4:
        return {"ended_on": None, "ended_known_on": None}
    ended = max(occurred, _date(rng, edges))
    return {"ended_on": ended, "ended_known_on": rng.choice((ended, as_of, as_of + dt.timedelta(days=1)))}


def _deliveries(rng: random.Random, as_of: dt.date, edges: list[dt.date]) -> list[oracle.Delivery]:
    """Mostly covered; sometimes late, gapped, stale, by township, or not known yet."""
    made: list[oracle.Delivery] = []
    mostly_whole = rng.random() < 0.4
    for feed in CONTRACTS:
        if mostly_whole and rng.random() < 0.9:
            made.append((feed, "50", as_of - dt.timedelta(days=1200), as_of, as_of))
            continue
        if rng.random() < 0.1:
            # Announced, but not yet begun.
            begins = as_of + dt.timedelta(days=rng.randint(1, 40))
            made.append((feed, "500299", begins, begins + dt.timedelta(days=30), as_of))
        start = rng.choice((
            as_of - dt.timedelta(days=1200),
            *(edge + dt.timedelta(days=1) for edge in edges[1:]),
        ))
        if rng.random() < 0.2:
            start += dt.timedelta(days=rng.choice((-1, 1)))
        until = as_of - dt.timedelta(days=rng.choice((0, 0, 20, 46, 47, 62, 77, 100, 101, 107, 108, 150)))
        area = rng.choice(("500299", "500299", "500299001", "500299001001", "50"))
        middle = start + (until - start) / 2
        gap = rng.choice((1, 1, 1, 2))
        if start <= middle and middle + dt.timedelta(days=gap) <= until:
            made.append((feed, area, start, middle, start))
            made.append((feed, area, middle + dt.timedelta(days=gap), until, rng.choice((start, as_of))))
        if rng.random() < 0.5:
            late = as_of + dt.timedelta(days=1)
            made.append((feed, "500299", as_of - dt.timedelta(days=900), as_of, late))
    return made
