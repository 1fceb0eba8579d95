"""Disclosure: which counts are kept back, so that nobody can be picked out of a small one or of a difference.

A count of 1 to 4 is small. Where one category of a breakdown is small in an area, the whole breakdown of that
area is kept back; where the number of households is, every breakdown is. What would give it away by
subtraction is kept back too, at every level at once. Areas nest: the figures of a published area less those
of published areas inside it are the sum over what is left of it, its rest.
Every rest holds no area that is kept back, or at least two; then one household of the one could as well be
one of the other, and no published figure would differ.

Which villages every department is silent of is no secret: it follows from what the departments delivered, and
`feeds` tells it of every area. How many households there have no score does depend on them: beside whom an
earlier alert stands on has one, and so has whom a job scored from files of its own. Where few have, or few
have none, the number is kept back, and what adds up to it. Only what could as well be otherwise hides
something: the second of two is for that number a silent village too, and for the others one with scores.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass

from features.regions import AREA_LEVELS
from serving.storage import Run, SummaryStore
from serving.storage.area_counts import COUNTED, AreaCounts, areas_of

LEAST = 5
"""Counts below it, but for none, are small: as the medians of `features.neighbourhood`."""

HOUSEHOLDS = "households"
NOTHING_KNOWN = "nothing_known"
_WHOLE = ("grades", "themes")
"""Breakdowns in which every household that has a score has one category."""

_VILLAGE = max(AREA_LEVELS)
MOST_RUNS = 4


@dataclass(frozen=True)
class Withheld:
    """What is kept back of a run: for each area the breakdowns, `HOUSEHOLDS` first of all.

    `NOTHING_KNOWN` is never kept back without those of the scores. A breakdown is named like `AreaCounts`
    names it, of rule hits and feeds each single one: ``rule_hits/crop_loss``, ``feeds/illness``.
    """

    areas: Mapping[str, frozenset[str]]

    def of(self, area_code: str) -> frozenset[str]:
        """The breakdowns of an area that are kept back."""
        return self.areas.get(area_code, frozenset())


class Disclosure:
    """What is kept back of the runs of one database, worked out anew when their counts change."""

    def __init__(self, summaries: SummaryStore) -> None:
        self.summaries = summaries
        self._kept: dict[Run, tuple[int, Withheld]] = {}
        self._lock = threading.Lock()

    def withheld(self, run: Run) -> Withheld:
        """What is kept back of a run; raises `Problem` where the database does not answer."""
        with self._lock:
            stamp = self.summaries.stamp(run)
            kept = self._kept.get(run)
            if kept is None or kept[0] != stamp:
                if len(self._kept) >= MOST_RUNS:
                    self._kept.clear()
                # Counts that change while they are read are read again: the stamp is then another.
                kept = self._kept[run] = stamp, find_withheld(self.summaries.counts(run))
            return kept[1]


def find_withheld(counts: Mapping[str, AreaCounts]) -> Withheld:
    """What is to be kept back of areas that nest; `counts` has every area at every level."""
    households = _Tree({area: one.households for area, one in counts.items()})
    scores = _Tree({area: one.scored for area, one in counts.items() if one.scored})
    hidden = households.hide({area for area, one in counts.items() if is_small(one.households)})
    untold = _untold(counts, hidden)
    found: dict[str, set[str]] = {area: {HOUSEHOLDS} for area in hidden}
    for area in untold:
        found.setdefault(area, set()).add(NOTHING_KNOWN)
    for name, small in _of_scores(counts):
        for area in scores.hide((small | hidden | untold) & scores.households.keys()) | untold:
            found.setdefault(area, set()).add(name)
    for name, small in _of_feeds(counts):
        for area in households.hide(small | hidden):
            found.setdefault(area, set()).add(name)
    return Withheld({area: frozenset(names) for area, names in found.items()})


def find_hidden(sizes: Mapping[str, int], small: set[str]) -> set[str]:
    """The areas of which one breakdown is kept back: those where it is `small`, and what would give them
    away.

    `sizes` has every area at every level; of areas that could be kept back beside a small one, it is the
    smallest.
    """
    return _Tree(sizes).hide(small)


def is_small(count: int) -> bool:
    """Whether somebody could be picked out of a count."""
    return 0 < count < LEAST


def _untold(counts: Mapping[str, AreaCounts], hidden: set[str]) -> set[str]:
    """The areas of which it is not told how many households have no score."""
    silent: Counter[str] = Counter()
    for area, one in counts.items():
        if len(area) == _VILLAGE and one.nothing_known:
            silent.update(dict.fromkeys(areas_of(area), one.households))
    small = {
        area
        for area, households in silent.items()
        if is_small(unheard := counts[area].nothing_known) or is_small(households - unheard)
    }
    return _Tree(silent).hide(small | (hidden & silent.keys()))


def _of_scores(counts: Mapping[str, AreaCounts]) -> Iterator[tuple[str, set[str]]]:
    """Each breakdown, whose categories add up to those with a score, with the areas where one is small."""
    for name in _WHOLE:
        yield name, {area for area, one in counts.items() if any(map(is_small, getattr(one, name).values()))}
    for code in sorted({code for one in counts.values() for code in one.rule_hits}):
        small = {
            area
            for area, one in counts.items()
            if is_small(hits := one.rule_hits.get(code, 0)) or is_small(one.scored - hits)
        }
        yield f"rule_hits/{code}", small


def _of_feeds(counts: Mapping[str, AreaCounts]) -> Iterator[tuple[str, set[str]]]:
    """Each feed, whose states add up to the households, with the areas where one is small."""
    for feed in sorted({feed for one in counts.values() for feed in (*one.unknown, *one.partial)}):
        small = {
            area
            for area, one in counts.items()
            if is_small(unknown := one.unknown.get(feed, 0))
            or is_small(partial := one.partial.get(feed, 0))
            or is_small(one.households - unknown - partial)
        }
        yield f"feeds/{feed}", small


class _Tree:
    """Areas by the area above them; `households` has how many of those that are counted live in each."""

    def __init__(self, households: Mapping[str, int]) -> None:
        self.households = households
        self.above = {area: _above(area, households) for area in households}
        self.below: dict[str, list[str]] = {}
        for area, above in self.above.items():
            if above is not None:
                self.below.setdefault(above, []).append(area)
        # What is below comes before what is above.
        self.inner = sorted(self.below, key=len, reverse=True)

    def hide(self, wanted: set[str]) -> set[str]:
        """The areas of which a breakdown is kept back: those in `wanted`, and what would give them away."""
        kept_back = set(wanted)
        # How many areas that are kept back, and hold no other such area, lie in an area's rest.
        rest: dict[str, int] = dict.fromkeys((area for area in wanted if area not in self.below), 1)
        below: Counter[str] = Counter()
        for area in rest:
            below[self.above[area] or ""] += 1
        for area in self.inner:
            count = below[area]
            while count == 1 and area not in kept_back:
                chosen = self._choose(area, kept_back, rest)
                if chosen is None:
                    kept_back.add(area)
                else:
                    count += self._keep_back(chosen, kept_back, rest)
            rest[area] = count
            if area in kept_back:
                below[self.above[area] or ""] += count
        return kept_back

    def _choose(self, area: str, kept_back: set[str], rest: Mapping[str, int]) -> str | None:
        """The smallest of the published areas below, or of those that hide nothing of their own yet."""
        # An area that is kept back for others than these is the sum of those below it, which are published.
        found = (one for one in self.below.get(area, ()) if one not in kept_back or not rest.get(one))
        return min(found, key=lambda one: (self.households[one], one), default=None)

    def _keep_back(self, area: str, kept_back: set[str], rest: dict[str, int]) -> int:
        """Keep a published area back, down to one without any below; how many that adds to the rest above."""
        kept_back.add(area)
        if not rest.get(area):
            chosen = self._choose(area, kept_back, rest)
            rest[area] = 1 if chosen is None else self._keep_back(chosen, kept_back, rest)
        return rest[area]


def _above(area: str, areas: Container[str]) -> str | None:
    shorter = (area[:length] for length in sorted(AREA_LEVELS, reverse=True) if length < len(area))
    return next((one for one in shorter if one in areas), None)


assert set(_WHOLE) < set(COUNTED)
