"""Many generated worlds in one set of tables, each in a county of its own, so that one query proves them all."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from features import Feature
from features.engines.spark import SparkSignals
from tests.features import oracle
from tests.features.test_parity import bits
from tests.features.worlds import REGION, World

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Vectors = dict[str, dict[str, bytes | None]]
"""household_id → feature → the exact bits of its value, None where missing."""


@dataclass(frozen=True)
class Counties:
    """Worlds by the number of their county."""

    worlds: Mapping[int, World]

    @classmethod
    def of(cls, worlds: Sequence[World]) -> Counties:
        return cls({number: _placed(world, number) for number, world in enumerate(worlds, 1)})

    @property
    def whole(self) -> World:
        """All worlds as one."""
        rows = {key: feeds for world in self.worlds.values() for key, feeds in world.rows.items()}
        return World(rows, [one for world in self.worlds.values() for one in world.deliveries])

    def truth(self, as_of: dt.date, features: Sequence[Feature]) -> Vectors:
        """What the oracle says of every registered household."""
        found: Vectors = {}
        for world in self.worlds.values():
            for household_id, rows in world.rows.items():
                household = oracle.Household(rows, world.deliveries, as_of, REGION)
                if household.village is not None:
                    found[household_id] = {one.name: bits(household.value(one)) for one in features}
        return found


def on_spark(
    session: SparkSession, world: World, as_of: dt.date, features: Sequence[Feature], folder: Path
) -> Vectors:
    """What Spark says of a world that lies in the folder's files, in several buckets."""
    world.signals().save(folder, households_per_bucket=60)
    signals = SparkSignals(session, str(folder), REGION)
    signals.open(feed for one in features for feed in one.feeds)
    rows = signals.vectors(as_of, features).collect()
    assert len({row["household_id"] for row in rows}) == len(rows)
    return {row["household_id"]: {one.name: bits(row[one.name]) for one in features} for row in rows}


def differences(found: Vectors, expected: Vectors) -> list[tuple[str, str]]:
    """Where two answers differ: household and feature; households that one of them lacks come first."""
    lacking = [(household_id, "") for household_id in sorted(set(found) ^ set(expected))]
    return lacking + [
        (household_id, name)
        for household_id in sorted(set(found) & set(expected))
        for name, value in expected[household_id].items()
        if found[household_id][name] != value
    ]


def _placed(world: World, number: int) -> World:
    """The same world in another county: its villages, what is delivered for them, and its households' keys."""
    county = f"50{number:04d}"
    rows: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for household_id, feeds in world.rows.items():
        key = f"C{number}-{household_id}"
        rows[key] = {feed: [{**row, "household_id": key} for row in made] for feed, made in feeds.items()}
        for row in rows[key]["household"]:
            row["village_code"] = county + row["village_code"][len(county) :]
    # What is delivered for the whole province is delivered for the county here.
    deliveries = [
        (feed, county + area[len(county) :], first, last, known)
        for feed, area, first, last, known in world.deliveries
    ]
    return World(rows, deliveries)
