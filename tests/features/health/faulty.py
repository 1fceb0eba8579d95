"""A county of 4,000 households with known faults, and what feed health says of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property

import pandas as pd

from features import Signals, take_in
from features.health.checkup import HISTORY_MONTHS, FeedCheck
from features.health.deliveries import Deliveries, refused_rows
from features.health.grid import Grid
from features.health.months import month_of
from features.health.records import Records, Reference
from features.health.register import Register
from features.health.statements import Statements
from features.health.verdicts import Verdict
from features.signals import CONTRACTS, Coverage
from training.simulation import County, CountySettings, simulate_county
from training.simulation.faults import Fault, Injected, inject

FEEDS = ("household", "member", "income", "illness", "disaster", "employment")
LEVELS = {"county": 6, "town": 9, "village": 12}
SETTINGS = CountySettings(households=4_000, months=36, run_in_months=14, seed=7)

DAYS_AFTER = 6
"""Days from a delivery to the check-up: one more than the grace after which it would be late."""

RECENT_ROWS = 20_000
"""A larger feed is taken in anew only from the last months; its history is counted once."""


def deliveries_of(feeds: dict[str, pd.DataFrame], coverage: pd.DataFrame) -> Deliveries:
    """Surface frames as taken in, with what was refused."""
    taken = {feed: take_in(feed, frame) for feed, frame in feeds.items()}
    refused = {feed: refused_rows(feed, one.delivered) for feed, one in taken.items() if one.quarantined}
    stated = Coverage.from_frame(coverage, CONTRACTS)
    return Deliveries(Signals({feed: one.accepted for feed, one in taken.items()}, stated), refused)


@contextmanager
def feed_check(
    given: Deliveries, feed: str, as_of: dt.date, past: tuple[Grid, Reference] | None = None
) -> Iterator[FeedCheck]:
    """The check of one feed of some deliveries."""
    tables = given.signals.tables
    with (
        Register(tables["household"], as_of, given.refused.get("household")) as register,
        Records(CONTRACTS[feed], tables[feed], register, given.refused.get(feed)) as records,
    ):
        yield FeedCheck(records, Statements(given.signals.coverage, feed, as_of), past)


def _has_wide_disaster(county: County) -> bool:
    struck = _towns(county.feeds["disaster"], _villages(county))
    last = pd.Period(county.settings.ends_on, "M")
    return bool((struck[(struck.index >= last - 12) & (struck.index <= last - 1)] >= 2).any())


def _villages(county: County) -> dict[str, str]:
    register = county.feeds["household"]
    return dict(
        zip(register["household_id"].astype(str).str.strip(","), register["village_code"], strict=True)
    )


def _towns(frame: pd.DataFrame, villages: dict[str, str]) -> pd.Series[int]:
    """How many towns have a row, by month; months in a row, 0 where there is none."""
    month = pd.to_datetime(frame["occurred_on"], errors="coerce").dt.to_period("M")
    counts = frame["household_id"].map(villages).str[:9].groupby(month).nunique()
    return counts.reindex(pd.period_range(counts.index.min(), counts.index.max(), freq="M"), fill_value=0)


@dataclass(frozen=True)
class Place:
    """The month, day and areas in which a feed's faults are tried."""

    month: dt.date
    as_of: dt.date
    areas: dict[str, str]


class FaultyCounty:
    """One simulated county. Everything that no fault changes is computed once."""

    def __init__(self, first_seed: int = SETTINGS.seed) -> None:
        seeds = range(first_seed, first_seed + 40)
        counties = (simulate_county(replace(SETTINGS, seed=seed)) for seed in seeds)
        # Most months have no disaster. Faults need one that struck two towns, to tell a town from the county.
        self.county: County = next(one for one in counties if _has_wide_disaster(one))
        self.feeds = {feed: self.county.feeds[feed] for feed in FEEDS}
        coverage = self.county.coverage
        self.coverage = coverage[coverage["feed"].isin(FEEDS)].reset_index(drop=True)
        self._places: dict[str, Place] = {}
        self._past: dict[str, tuple[Grid, Reference]] = {}
        self._recent: dict[str, pd.DataFrame] = {}

    @cached_property
    def clean(self) -> Deliveries:
        return deliveries_of(self.feeds, self.coverage)

    @cached_property
    def villages(self) -> dict[str, str]:
        return _villages(self.county)

    def place(self, feed: str) -> Place:
        """The last stated month; for a feed with months without rows, the last in which two towns have some."""
        if feed not in self._places:
            mine = self.coverage[self.coverage["feed"] == feed]
            frame = self.feeds[feed]
            happened = pd.to_datetime(frame["occurred_on"], errors="coerce")
            village = frame["household_id"].map(self.villages)
            month = mine["complete_until"].max()
            if CONTRACTS[feed].kind == "event":
                towns = _towns(frame, self.villages)
                month = min(month, towns[towns >= 2].index.max().end_time.normalize())
            stated = mine.loc[mine["complete_until"] == month, "known_on"].max()
            inside = village
            if CONTRACTS[feed].kind == "event":
                inside = village[happened.dt.to_period("M") == month.to_period("M")]
            town = str(inside.str[:9].value_counts().index[0])
            place = str(inside[inside.str.startswith(town)].value_counts().index[0])
            as_of = (stated + pd.Timedelta(days=DAYS_AFTER)).date()
            self._places[feed] = Place(
                month.date(), as_of, {"county": place[:6], "town": town, "village": place}
            )
        return self._places[feed]

    def past(self, feed: str) -> tuple[Grid, Reference]:
        """The months before the fault, counted once."""
        if feed not in self._past:
            place = self.place(feed)
            with feed_check(self.clean, feed, place.as_of) as check:
                month = month_of(place.month)
                assert check.due == month, (feed, check.due, month)
                reference = check.records.learn(month)
                months = range(month - HISTORY_MONTHS, month)
                self._past[feed] = check.records.count(list(months), check.age, reference), reference
        return self._past[feed]

    def recent(self, feed: str) -> pd.DataFrame:
        """The rows among which a fault is put."""
        if feed not in self._recent:
            frame = self.feeds[feed]
            if len(frame) > RECENT_ROWS and CONTRACTS[feed].kind == "event":
                known = pd.to_datetime(frame["known_on"], errors="coerce")
                frame = frame[known >= pd.Timestamp(self.place(feed).month) - pd.Timedelta(days=160)]
            self._recent[feed] = frame.reset_index(drop=True)
        return self._recent[feed]

    def fault(self, kind: str, feed: str, level: str) -> Fault:
        place = self.place(feed)
        month = place.month
        if kind == "silent":
            # A silence lasts: it began with the delivery before.
            month = month.replace(day=1) - dt.timedelta(days=1)
        return Fault(kind, feed, place.areas[level], month)

    def judge(self, kind: str, feed: str, level: str) -> tuple[Injected, list[Verdict]]:
        """What is injected, and the verdicts of the feed."""
        fault = self.fault(kind, feed, level)
        feeds = {"household": self.feeds["household"], feed: self.recent(feed)}
        # A seed for each level, so that both units are tried.
        injected = inject(feeds, self.coverage, fault, seed=LEVELS[level])
        taken = take_in(feed, injected.feeds[feed])
        refused = dict(self.clean.refused)
        refused[feed] = refused_rows(feed, taken.delivered)
        tables = {"household": self.clean.signals.tables["household"], feed: taken.accepted}
        signals = Signals(tables, Coverage.from_frame(injected.coverage, CONTRACTS))
        given = Deliveries(signals, refused)
        past = self.past(feed)
        with feed_check(given, feed, self.place(feed).as_of, past) as check:
            return injected, check.verdicts()
