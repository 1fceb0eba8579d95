"""Disclosure: which counts are kept back, so that nobody can be picked out of a small one or of a difference.

A count of 1 to 4 is small. Where one category of a breakdown is small in an area, the whole breakdown of that
area is kept back; where the number of households is, every breakdown is. What would give it away by
subtraction is kept back too, at every level at once. Areas nest: the figures of a published area less those
of published areas inside it are the sum over what is left of it, its rest.
Every rest holds no area that is kept back, or at least two; then one household of the one could as well be
one of the other, and no published figure would differ.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from features.regions import AREA_LEVELS
from serving.storage import Run, SummaryStore
from serving.storage.area_counts import COUNTED, AreaCounts

LEAST = 5
"""Counts below it, but for none, are small: as the medians of `features.neighbourhood`."""

HOUSEHOLDS = "households"
_WHOLE = ("grades", "themes")
"""Breakdowns in which every household has one category."""

MOST_RUNS = 4


@dataclass(frozen=True)
class Withheld:
    """What is kept back of a run: for each area the breakdowns, `HOUSEHOLDS` first of all.

    A breakdown is named like `AreaCounts` names it, of rule hits and feeds each single one:
    ``rule_hits/crop_loss``, ``feeds/illness``.
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
    tree = _Tree(counts)
    households = {area: {"all": one.households} for area, one in counts.items()}
    hidden = tree.hide(households, frozenset())
    found: dict[str, set[str]] = {area: {HOUSEHOLDS} for area in hidden}
    for name, cells in _breakdowns(counts):
        for area in tree.hide(cells, hidden):
            found.setdefault(area, set()).add(name)
    return Withheld({area: frozenset(names) for area, names in found.items()})


def breakdown_names(counts: AreaCounts) -> Iterator[str]:
    """The breakdowns of an area's counts, by the names that `Withheld` has."""
    yield from _WHOLE
    yield from (f"rule_hits/{one}" for one in counts.rule_hits)
    yield from (f"feeds/{one}" for one in {*counts.unknown, *counts.partial})


def _breakdowns(counts: Mapping[str, AreaCounts]) -> Iterator[tuple[str, dict[str, dict[str, int]]]]:
    """Each breakdown with its categories by area, which add up to the area's households."""
    for name in _WHOLE:
        yield name, {area: dict(getattr(one, name)) for area, one in counts.items()}
    for code in sorted({code for one in counts.values() for code in one.rule_hits}):
        yield (
            f"rule_hits/{code}",
            {area: _two(one.rule_hits[code], one.households) for area, one in counts.items()},
        )
    for feed in sorted({feed for one in counts.values() for feed in (*one.unknown, *one.partial)}):
        yield (
            f"feeds/{feed}",
            {
                area: _three(one.unknown[feed], one.partial[feed], one.households)
                for area, one in counts.items()
            },
        )


def _two(hit: int, households: int) -> dict[str, int]:
    return {"hit": hit, "none": households - hit}


def _three(unknown: int, partial: int, households: int) -> dict[str, int]:
    return {"unknown": unknown, "partial": partial, "known": households - unknown - partial}


class _Tree:
    """The areas by the area above them."""

    def __init__(self, counts: Mapping[str, AreaCounts]) -> None:
        self.households = {area: one.households for area, one in counts.items()}
        self.below: dict[str, list[str]] = {area: [] for area in counts}
        self.tops: list[str] = []
        for area in sorted(counts):
            above = _above(area, counts)
            if above is None:
                self.tops.append(area)
            else:
                self.below[above].append(area)
        # What is below comes before what is above.
        self.order = sorted(counts, key=len, reverse=True)

    def hide(self, cells: Mapping[str, Mapping[str, int]], hidden: frozenset[str]) -> frozenset[str]:
        """The areas of which a breakdown is kept back; those in `hidden` are in any case."""
        small = {area for area, one in cells.items() if any(0 < count < LEAST for count in one.values())}
        if not small and not hidden:
            return frozenset()
        kept_back = small | hidden
        rest: dict[str, int] = {}
        """How many areas that are kept back and hold no other such area lie in the area's rest."""
        for area in self.order:
            below = self.below[area]
            if not below:
                rest[area] = int(area in kept_back)
                continue
            count = sum(rest[one] for one in below if one in kept_back)
            if area in kept_back:
                # An area that is small has a small one below it; one that is hidden has a hidden one.
                rest[area] = max(count, 1)
                continue
            while count == 1:
                chosen = self._choose(below, kept_back)
                if chosen is None:
                    break
                count += self._keep_back(chosen, kept_back, rest)
            if count == 1:
                kept_back.add(area)
            rest[area] = count
        return frozenset(kept_back)

    def _choose(self, areas: list[str], kept_back: set[str]) -> str | None:
        """The smallest of the published areas."""
        published = [one for one in areas if one not in kept_back]
        return min(published, key=lambda one: (self.households[one], one), default=None)

    def _keep_back(self, area: str, kept_back: set[str], rest: dict[str, int]) -> int:
        """Keep a published area back, down to one without any below; how many that adds to the rest above."""
        kept_back.add(area)
        if not rest[area]:
            chosen = self._choose(self.below[area], kept_back)
            rest[area] = 1 if chosen is None else self._keep_back(chosen, kept_back, rest)
        return rest[area]


def _above(area: str, counts: Mapping[str, AreaCounts]) -> str | None:
    shorter = (area[:length] for length in sorted(AREA_LEVELS, reverse=True) if length < len(area))
    return next((one for one in shorter if one in counts), None)


assert set(_WHOLE) < set(COUNTED)
