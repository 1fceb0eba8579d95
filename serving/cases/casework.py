"""Casework of an area in figures: what came in, where cases stand, what is late, and what visits found.

Counts of an area add up from those of the areas inside it; sums of probabilities are kept as whole numbers.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from features.regions import AREA_LEVELS
from scoring.estimate import NORMAL_95
from serving.cases.state import CLOSED, CaseState

UNITS = 10**12
"""Of a probability, so that sums of them are the same in whatever order they are added."""

OWNER = "owner"
"""The level that is told of an overdue case while nobody above its owner is."""

BREAKDOWNS = ("leads", "stages", "overdue", "lists", "confirmed")


@dataclass
class Casework:
    """What is counted of an area.

    `leads` by (channel, theme); `stages` counts cases by their state, but none that was joined to another,
    where its household is counted. `overdue` are the late ones of those that are open by the level that is
    told, `untold` the closed ones whose household was not told the result in time. `listed` are the places of
    the lists in force, `visited` those that somebody was at.
    Of the visits that came of lists and met somebody, `met` are those to households with a score, `confirmed`
    those of them that found difficulty; `score_units` and `variance_units` are their sums of p and p·(1 − p).
    """

    leads: Counter[tuple[str, str]] = field(default_factory=Counter)
    stages: Counter[str] = field(default_factory=Counter)
    overdue: Counter[str] = field(default_factory=Counter)
    untold: int = 0
    listed: int = 0
    visited: int = 0
    met: int = 0
    confirmed: int = 0
    score_units: int = 0
    variance_units: int = 0

    @property
    def open(self) -> int:
        """Cases that are not closed."""
        return sum(count for state, count in self.stages.items() if state not in CLOSED)

    @property
    def late(self) -> int:
        """Open cases of which some deadline is past: their share is one of `open`."""
        return self.overdue.total()

    @property
    def is_empty(self) -> bool:
        """Whether nothing was ever counted."""
        return self == Casework()

    @property
    def expected(self) -> Expected:
        """How many of `met` the scores expect, with the middle 95 % of the number."""
        count = self.score_units / UNITS
        reach = NORMAL_95 * math.sqrt(max(self.variance_units, 0) / UNITS)
        return Expected(count, max(0.0, count - reach), min(float(self.met), count + reach))

    def add(self, other: Casework) -> None:
        """Add the counts of a part."""
        for name in ("leads", "stages", "overdue"):
            getattr(self, name).update(getattr(other, name))
        for name in ("untold", "listed", "visited", "met", "confirmed", "score_units", "variance_units"):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def cells(self, breakdown: str) -> list[int]:
        """Every count that a breakdown tells, directly or by what is left over."""
        match breakdown:
            case "leads":
                return list(self.leads.values())
            case "stages":
                return list(self.stages.values())
            case "overdue":
                # Of open cases, and of those excluded, of whom alone a result waits: both are told as well.
                told = self.stages[CaseState.EXCLUDED] - self.untold
                return [*self.overdue.values(), self.open - self.late, self.untold, told]
            case "lists":
                return [self.visited, self.listed - self.visited]
            case _:
                return [self.confirmed, self.met - self.confirmed]


@dataclass(frozen=True)
class Expected:
    """A number that scores let expect, and what lies in the middle 95 % were they exact: the sum of p, and
    1.96 · √Σp(1 − p) around it."""

    count: float
    low: float
    high: float


def add_up(parts: Iterable[Casework]) -> Casework:
    """The counts of several areas together."""
    whole = Casework()
    for one in parts:
        whole.add(one)
    return whole


def at_every_level(counts: Mapping[str, Casework], least: int) -> dict[str, Casework]:
    """Counts of areas of one level, and of every area above them from codes of `least` characters on."""
    made: dict[str, Casework] = {}
    for code, one in counts.items():
        for length in AREA_LEVELS:
            if least <= length <= len(code):
                made.setdefault(code[:length], Casework()).add(one)
    return made
