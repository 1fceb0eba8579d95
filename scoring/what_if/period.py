"""Time in a what-if: the plan of the 12 months after the as-of date is laid over the 12 months before it.

Reference income is worked out over the rolling 12 months before the as-of date (DOMAIN §2). A plan speaks of
the 12 months that follow. So a what-if asks: *if the coming year were like the year just past, and the plan
went on in it, what would that year look like?* A payment planned for a day counts on the same day one year
earlier, inside the window; nothing is foreseen, nothing but the plan is changed, and help that begins half a
year from now counts for half a year.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from features.dates import from_day, months_after, months_before, to_day

MONTHS = 12


@dataclass(frozen=True)
class Period:
    """The two years that belong to an as-of date: the one counted and the one planned."""

    as_of: dt.date

    @property
    def counted_from(self) -> dt.date:
        """First day of the 12 months before, the window of reference income."""
        return from_day(to_day(months_before(self.as_of, MONTHS)) + 1)

    @property
    def counted_until(self) -> dt.date:
        """Last day of the window: the as-of date."""
        return self.as_of

    @property
    def planned_from(self) -> dt.date:
        """The day after the as-of date: what began earlier is a fact and belongs in the signals."""
        return from_day(to_day(self.as_of) + 1)

    @property
    def planned_until(self) -> dt.date:
        """Last day of the 12 months that follow."""
        return months_after(self.as_of, MONTHS)

    def has(self, day: dt.date) -> bool:
        """Whether a day lies in the year that is planned."""
        return self.planned_from <= day <= self.planned_until

    def laid(self, day: dt.date) -> dt.date:
        """Where a planned day counts: a year earlier, inside the window."""
        # 29 February falls on 28 February; that may be the day before the window.
        return max(months_before(day, MONTHS), self.counted_from)

    def monthly(self, first: dt.date, last: dt.date) -> list[dt.date]:
        """The days of monthly payments from `first` to `last`, the first on `first`."""
        days = (months_after(first, number) for number in range(MONTHS + 1))
        return [day for day in days if day <= last]

    def each_term(self, first: dt.date, last: dt.date, term_starts: Sequence[str]) -> list[dt.date]:
        """The first days of terms (``MM-DD``) from `first` to `last`."""
        years = range(first.year, last.year + 1)
        days = sorted(dt.date.fromisoformat(f"{year}-{start}") for year in years for start in term_starts)
        return [day for day in days if first <= day <= last]
