"""Settings of a simulated county."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from features.dates import month_ends
from training.errors import TrainingError

COUNTY_CODE = "500299"
"""A county code that no real county of Chongqing has."""

FEEDS = (
    "household",
    "member",
    "income",
    "illness",
    "disaster",
    "employment",
    "accident",
    "civil",
    "production",
    "loan",
    "schooling",
    "housing",
    "water",
    "assistance",
    "disability",
    "declaration",
    "insurance",
    "guarantee",
    "account",
    "identification",
)
"""The feeds that the departments of a county deliver."""


@dataclass(frozen=True)
class CountySettings:
    """What to simulate.

    `months` are observed before `ends_on`, a month's last day; `run_in_months` of history come before
    them, so that windows of two years exist at the first observed month. `dirt_share` is the share of
    delivered rows that carry a defect. `silent` lists (feed, area code, month index from the first month)
    from which that feed delivers nothing for the area any more; the area is the county or one of its towns.
    `helped_first_share` is the share of identifications in whose place a measure comes first.

    Raises `TrainingError` naming the setting and what it may be.
    """

    households: int = 20_000
    months: int = 36
    run_in_months: int = 24
    ends_on: dt.date = dt.date(2026, 10, 31)
    seed: int = 7
    dirt_share: float = 0.003
    silent: tuple[tuple[str, str, int], ...] = ()
    helped_first_share: float = 0.0

    def __post_init__(self) -> None:
        if not 200 <= self.households <= 200_000:
            raise TrainingError("a county has 200 to 200,000 households")
        if not 1 <= self.months <= 120 or not 0 <= self.run_in_months <= 60:
            raise TrainingError("simulate 1 to 120 months after a run-in of 0 to 60")
        if not 2020 <= self.ends_on.year <= 2040:
            raise TrainingError("ends_on lies from 2020 to 2040")
        if month_ends(self.ends_on, 1)[0] != self.ends_on:
            raise TrainingError("ends_on is the last day of a month")
        if not 0 <= self.dirt_share < 0.5:
            raise TrainingError("dirt_share is a share of rows, from 0 to below 0.5")
        if not 0 <= self.helped_first_share < 1:
            raise TrainingError("helped_first_share is a share of identifications, from 0 to below 1")
        if self.seed < 0:
            raise TrainingError("seed is 0 or a positive number")
        for feed, area, month in self.silent:
            self._check_silent(feed, area, month)

    def _check_silent(self, feed: str, area: str, month: int) -> None:
        if feed not in FEEDS:
            raise TrainingError(f"silent names the feed {feed!r}; a county has {', '.join(FEEDS)}")
        if not (area.isdecimal() and area.startswith(COUNTY_CODE) and len(area) in {6, 9}):
            raise TrainingError(
                f"silent names the area {area!r}; give the county {COUNTY_CODE} or a town of 9 digits in it"
            )
        last = self.months + self.run_in_months - 1
        if not 0 <= month <= last:
            raise TrainingError(f"silent begins in month {month}; months count from 0 to {last}")

    @property
    def month_ends(self) -> list[dt.date]:
        """The last days of all simulated months, run-in included."""
        return month_ends(self.ends_on, self.months + self.run_in_months)
