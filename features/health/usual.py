"""Usual: what an area's own earlier months let one expect of the month that is judged.

Feeds have seasons (farm income comes by the quarter), so a month is compared with the same calendar month
where that is known; where it is not, with the most extreme month there was, which never stops a good feed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from features.health import surprise
from features.health.grid import Counts, Mask, Parts
from features.health.history import ENOUGH_OF_AREA, History

ENOUGH_MONTHS = 6
"""Months of history without which counts, zeros and sizes are not judged."""

STEADY_MONTHS = 12
"""Months with enough rows without which no worst month is known."""

ENOUGH_ROWS = 30
"""Rows of the county's history without which a share has no usual value."""

BORROWED_ROWS = 20
"""A small area's history counts as if it held so many rows more, of its county's kind."""

CAUTION = 1e-6
"""What is worked out for many areas at once may differ so much by rounding from what is for one."""

_CHI_SQUARE_MEDIAN = 0.4549
_NOVEL = ("foreign", "strange", "missing", "copies", "dates")
"""Kinds that should not happen at all, so that they need no history."""


class Usual:
    """Expectations for one county's areas in one month, from earlier `months` as far as they are sound.

    Make it anew when something is left out of the history: what the county has is worked out once.
    """

    def __init__(self, history: History, month: int, months: Sequence[int], county: Mask) -> None:
        self.history, self.grid, self.month, self.county = history, history.grid, month, county
        self.places = np.array([history.grid.row(one) for one in months if one < month], dtype=np.intp)
        self.rows = history.rows(self.places, county)
        self.same = self._same(self.rows)
        self._county_totals: dict[str, tuple[Counts, Counts]] = {}

    def share(self, name: str, mask: Mask) -> float | None:
        """The usual share of one oddity in an area; `None` where history is too short to tell."""
        kind = name.partition(":")[0]
        part, whole = self._of_county(name)
        everywhere = whole[self.rows].sum()
        if kind not in _NOVEL and (len(self.rows) < ENOUGH_MONTHS or everywhere < ENOUGH_ROWS):
            return None
        if everywhere == 0:
            return 0.0
        own_part, own_whole = self._totals(name, mask)
        found = []
        for months in (self.rows, self.same):
            if (total := whole[months].sum()) > 0:
                borrowed = part[months].sum() / total * BORROWED_ROWS
                found.append((own_part[months].sum() + borrowed) / (own_whole[months].sum() + BORROWED_ROWS))
        if whole[self.same].sum() == 0 or (whole[self.rows] == 0).any():
            # Its season is not known, or its rows come in bursts, which are not alike: the worst month of the
            # county, of those with rows to speak of.
            heard = [one for one in self.rows if whole[one] >= ENOUGH_ROWS]
            found += [part[one] / whole[one] for one in heard]
        return float(max(found))

    def shares(self, name: str, parts: Parts, *, is_worst: bool = False) -> Counts | None:
        """`share`, or `worst_share`, of many areas at once."""
        kind = name.partition(":")[0]
        part, whole = self._of_county(name)
        everywhere = whole[self.rows].sum()
        if kind not in _NOVEL and (len(self.rows) < ENOUGH_MONTHS or everywhere < ENOUGH_ROWS):
            return None
        heard = [one for one in self.rows if whole[one] >= ENOUGH_ROWS]
        if is_worst and len(heard) < STEADY_MONTHS:
            return None
        if everywhere == 0:
            return np.zeros(len(parts))
        found = np.full(len(parts), -np.inf)
        for months in (self.rows, self.same):
            if (total := whole[months].sum()) > 0:
                borrowed = part[months].sum() / total * BORROWED_ROWS
                own_part, own_whole = self._sums(name, parts, months)
                found = np.maximum(found, (own_part + borrowed) / (own_whole + BORROWED_ROWS))
        if is_worst or whole[self.same].sum() == 0 or (whole[self.rows] == 0).any():
            for one in heard:
                found = np.maximum(found, part[one] / whole[one])
        return found

    def _sums(self, name: str, parts: Parts, months: Sequence[int]) -> tuple[Counts, Counts]:
        part, whole = (parts.sums(self.history.sums(one, months)) for one in (name, self.grid.whole(name)))
        return part, whole + part if name == "dates" else whole

    def cells_of(self, name: str, parts: Parts) -> tuple[Counts, Counts]:
        """`cells` of many areas."""
        at = self.grid.row(self.month)
        part, whole = (parts.sums(self.grid.table(one)[at]) for one in (name, self.grid.whole(name)))
        return part, whole + part if name == "dates" else whole

    def most_expected(self, parts: Parts) -> Counts:
        """No fewer rows than `rows_expected` says of many areas; 0 where none are owed for sure."""
        season = [one for one in self.places.tolist() if (self.month - self.grid.months[one]) % 12 == 0]
        if len(self.places) < ENOUGH_MONTHS:
            return np.zeros(len(parts))
        shares, counts = self.history.sound_parts(parts, season)
        counts = counts / np.maximum(shares - CAUTION, ENOUGH_OF_AREA)
        told = shares >= ENOUGH_OF_AREA - CAUTION
        found = np.where(told, counts, 0.0).max(axis=0, initial=0.0)
        if (few := (shares >= ENOUGH_OF_AREA + CAUTION).sum(axis=0) < 2).any():
            shares, counts = self.history.sound_parts(parts, self.places.tolist())
            told = shares >= ENOUGH_OF_AREA + CAUTION
            least = np.where(told, counts / np.maximum(shares - CAUTION, ENOUGH_OF_AREA), np.inf)
            found = np.where(few, np.maximum(found, least.min(axis=0)), found)
            found[(shares >= ENOUGH_OF_AREA - CAUTION).sum(axis=0) < ENOUGH_MONTHS] = 0.0
        return np.asarray(found, dtype=np.float64)

    def worst_share(self, name: str, mask: Mask) -> float | None:
        """The share that nothing usual goes beyond: an area's own usual one, or the county's worst month.

        `None` where the county has had enough rows in too few months to know its worst.
        """
        part, whole = self._of_county(name)
        heard = [one for one in self.rows if whole[one] >= ENOUGH_ROWS]
        usual = self.share(name, mask)
        if usual is None or len(heard) < STEADY_MONTHS:
            return None
        return max(usual, *(float(part[one] / whole[one]) for one in heard))

    def rows_expected(self, mask: Mask) -> tuple[float, float] | None:
        """The expected rows of an area and their dispersion (1 for Poisson); `None` where none are owed."""
        counts = self.history.row_counts(mask)
        rows = self.history.rows(self.places, mask)
        if len(rows) < ENOUGH_MONTHS:
            return None
        if self._comes_in_bursts(counts, rows):
            return None
        same = self._same(rows)
        if len(same) < 2:
            return float(counts[rows].min()), 1.0
        residuals = []
        for season in range(12):
            years = counts[[one for one in rows if self.grid.months[one] % 12 == season]]
            if len(years) >= 2 and (middle := float(np.median(years))) > 0:
                # Two values lie closer to their own middle than to the truth.
                inflation = len(years) / (len(years) - 1)
                residuals += [inflation * (one - middle) ** 2 / middle for one in years]
        spread = float(np.median(residuals)) / _CHI_SQUARE_MEDIAN if residuals else 1.0
        return float(np.median(counts[same])), max(1.0, spread)

    def most_rows(self, mask: Mask) -> float:
        """The most rows an area ever had in a month; none can be expected beyond it."""
        return float(self.history.row_counts(mask)[self.history.rows(self.places, mask)].max(initial=0.0))

    def _same(self, rows: Sequence[int]) -> list[int]:
        """Those of the places in the grid that are the judged month's calendar month."""
        return [one for one in rows if (self.month - self.grid.months[one]) % 12 == 0]

    def _comes_in_bursts(self, counts: Counts, rows: Sequence[int]) -> bool:
        """Whether a calendar month has rows in one year and none in another: then no month owes any."""
        for season in range(12):
            years = [counts[one] > 0 for one in rows if self.grid.months[one] % 12 == season]
            if any(years) and not all(years):
                return True
        return not counts[list(rows)].any()

    def cells(self, name: str, mask: Mask) -> tuple[float, float]:
        """The odd rows of an area in the judged month, and all those they are among."""
        part, whole = (self.grid.cell(one, self.month, mask) for one in (name, self.grid.whole(name)))
        # Rows with an odd date are missing from the month they belong to.
        return part, whole + part if name == "dates" else whole

    def _of_county(self, name: str) -> tuple[Counts, Counts]:
        if name not in self._county_totals:
            self._county_totals[name] = self._totals(name, self.county)
        return self._county_totals[name]

    def _totals(self, name: str, mask: Mask) -> tuple[Counts, Counts]:
        part, whole = (self.history.total(one, mask) for one in (name, self.grid.whole(name)))
        return part, whole + part if name == "dates" else whole

    def share_surprise(
        self, name: str, mask: Mask, *, is_worst: bool = False
    ) -> tuple[float, float, float, float]:
        """(surprise, rows affected, share, usual share) of one oddity in an area in the judged month.

        With `is_worst` the share is held against the worst one.
        """
        part, whole = self.cells(name, mask)
        usual = self.worst_share(name, mask) if is_worst else self.share(name, mask)
        if usual is None or whole == 0:
            return 0.0, part, 0.0, 1.0
        return surprise.of_share(part, whole, usual), part, part / whole, usual
