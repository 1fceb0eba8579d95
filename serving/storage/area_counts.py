"""Counts by area, kept beside the assessments: a province is summed up without reading a million answers.

Every assessment, and every household of a run of which nothing is known, is counted in its village and in
each area above it. Sums of probabilities are kept as whole numbers, so that what is added and taken away
again leaves nothing behind.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from sqlalchemy import Connection, delete, select, tuple_

from features.regions import AREA_LEVELS
from scoring.silence import is_scored
from serving.storage.database import insert_into
from serving.storage.tables import area_summary as table
from serving.storage.tables import assessment

UNITS = 10**12
"""Of a probability: a million households add up to a number of 64 bits."""
UNDIVIDED = "undivided"
"""The leading theme of a score that its model does not divide."""

Place: TypeAlias = tuple[str, dt.date, str]
"""Area code, as-of date, model version."""

_CHUNK = 5_000


@dataclass
class AreaCounts:
    """What is counted of an area.

    `households` are all of the run, `nothing_known` those of them of which every department is silent: they
    have no score, grade, theme or hit.
    `themes` counts a household by the theme of the largest part of its score, `unknown` by each feed of which
    nothing is known (missing, blocked or stale), `partial` by each that begins too late. `score_units` and
    `variance_units` are the sums of p and p·(1 − p), times `UNITS`.
    """

    households: int = 0
    grades: Counter[str] = field(default_factory=Counter)
    themes: Counter[str] = field(default_factory=Counter)
    rule_hits: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    partial: Counter[str] = field(default_factory=Counter)
    score_units: int = 0
    variance_units: int = 0
    nothing_known: int = 0

    @property
    def scored(self) -> int:
        """How many have a score."""
        return self.households - self.nothing_known

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> AreaCounts:
        """The counts of one statement."""
        unknown = Counter({*body.get("missing_feeds", ()), *body.get("stale_feeds", ())})
        partial = Counter(set(body.get("partial_feeds", ())))
        if not is_scored(body):
            return cls(1, unknown=unknown, partial=partial, nothing_known=1)
        score = body["score"]
        themes = body.get("themes") or ()
        leading = max(themes, key=lambda one: one["score"])["theme"] if themes else UNDIVIDED
        return cls(
            1,
            Counter([body["grade"]]),
            Counter([leading]),
            Counter({one["code"] for one in body["rule_hits"]}),
            unknown,
            partial,
            round(score * UNITS),
            round(score * (1 - score) * UNITS),
        )

    def add(self, other: AreaCounts, times: int = 1) -> None:
        """Add the counts of others, or take them away (`times` −1)."""
        self.households += times * other.households
        self.nothing_known += times * other.nothing_known
        self.score_units += times * other.score_units
        self.variance_units += times * other.variance_units
        for name in COUNTED:
            mine: Counter[str] = getattr(self, name)
            for key, count in getattr(other, name).items():
                mine[key] += times * count

    def as_json(self) -> dict[str, Any]:
        """As plain data; what is 0 is left out."""
        counters = {
            name: {key: count for key, count in sorted(getattr(self, name).items()) if count}
            for name in COUNTED
        }
        return {
            "households": self.households,
            "nothing_known": self.nothing_known,
            **counters,
            "score_units": self.score_units,
            "variance_units": self.variance_units,
        }

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> AreaCounts:
        """The inverse of `as_json`."""
        counters = {name: Counter(said[name]) for name in COUNTED}
        return cls(**{**said, **counters})


COUNTED = ("grades", "themes", "rule_hits", "unknown", "partial")


class CountChanges:
    """What a transaction adds to the counts and takes from them, to be written at its end."""

    def __init__(self) -> None:
        self._changes: dict[Place, AreaCounts] = {}

    def add(self, body: Mapping[str, Any], village_code: str, times: int = 1) -> None:
        """Count a statement in its village and above; `times` −1 for one that is replaced or gone."""
        counted = AreaCounts.of(body)
        day = dt.date.fromisoformat(body["as_of_date"])
        for area in areas_of(village_code):
            place = area, day, body["model_version"]
            self._changes.setdefault(place, AreaCounts()).add(counted, times)

    def write(self, connection: Connection) -> None:
        """Change the stored counts. Writers that may do so follow one another; see `AssessmentStore`."""
        places = sorted(self._changes)
        for start in range(0, len(places), _CHUNK):
            self._write(connection, places[start : start + _CHUNK])
        self._changes.clear()

    def _write(self, connection: Connection, places: list[Place]) -> None:
        stored = connection.execute(select(table).where(tuple_(*_KEY).in_(places))).all()
        former = {tuple(one[:3]): one for one in stored}
        rows, gone = [], []
        for place in places:
            counts, revision = self._changes[place], 0
            if place in former:
                counts.add(AreaCounts.from_json(former[place].counts))
                revision = former[place].revision
            if counts.households == 0:
                gone.append(place)
                continue
            names = (one.name for one in _KEY)
            rows.append({
                **dict(zip(names, place, strict=True)), "counts": counts.as_json(), "revision": revision + 1
            })  # fmt: skip
        if gone:
            connection.execute(delete(table).where(tuple_(*_KEY).in_(gone)))
        if rows:
            statement = insert_into(connection, table)
            replaced = {name: statement.excluded[name] for name in ("counts", "revision")}
            connection.execute(statement.on_conflict_do_update(index_elements=_KEY, set_=replaced), rows)


def areas_of(village_code: str) -> Iterable[str]:
    """The village and every area above it, the largest first."""
    return [village_code[:length] for length in AREA_LEVELS if length < len(village_code)] + [village_code]


def add_stored(connection: Connection) -> None:
    """Count every assessment that is stored, for a database that had no counts."""
    changes = CountChanges()
    query = select(assessment.c.body, assessment.c.village_code)
    for row in connection.execute(query, execution_options={"yield_per": 1_000}):
        changes.add(row.body, row.village_code)
    changes.write(connection)


_KEY = (table.c.area_code, table.c.as_of_date, table.c.model_version)
