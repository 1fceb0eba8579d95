"""Coverage: for which feed, area and period everything that happened has been delivered.

No rows in a covered window is a true zero; no rows in an uncovered window is a missing value. Each
delivery is itself dated (`known_on`), so that a vector built for a past day sees only the deliveries
of that day.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from features.dates import EPOCH, months_before, to_day
from features.errors import ContractError, CoverageError
from features.policy import policy_value
from features.regions import check_area_code
from features.signals.defects import Defect
from features.signals.fields import Date

COLUMNS = ("feed", "area_code", "complete_from", "complete_until", "known_on")

MOST_FOUND = 262_144
"""Answers that are kept of one coverage: 60 MB."""
MOST_STATES = 64
"""Villages whose states and stretches of all feeds are kept: a request is of few, a batch asks each once."""

_DATE = Date(name="date", zh="日期", en="date")


@dataclass(frozen=True, order=True, slots=True)
class Delivery:
    """Everything of `feed` that occurred in the area from `complete_from` to `complete_until`, inclusive."""

    feed: str
    area_code: str
    complete_from: dt.date
    complete_until: dt.date
    known_on: dt.date

    def __post_init__(self) -> None:
        if self.complete_from > self.complete_until:
            raise CoverageError(f"coverage of {self.feed}: complete_from lies after complete_until")


@dataclass(frozen=True)
class Covered:
    """The last unbroken stretch of days that one feed covers for one place, as known on a date.

    `since_day` and `until_day` are day numbers; `is_stale` says that it ends longer ago than the feed's
    normal delay allows.
    """

    since_day: int
    until_day: int
    is_stale: bool

    def covers(self, first_day: int) -> bool:
        """Whether a window that begins on `first_day` and ends at the as-of date may be counted."""
        return not self.is_stale and self.since_day <= first_day


Stretches = tuple[Mapping[str, int | None], Mapping[str, int | None]]


class Coverage:
    """All deliveries known for a set of feeds and areas."""

    def __init__(self, deliveries: Iterable[Delivery] = ()) -> None:
        self.deliveries = tuple(deliveries)
        # Asked once a village and feed, and then for every household of it.
        self._found: dict[tuple[str, str, dt.date, str], Covered | None] = {}
        self._states: dict[tuple[Any, ...], tuple[Mapping[str, int], dict[str, str]]] = {}
        self._stretches: dict[tuple[Any, ...], Stretches] = {}

    @classmethod
    def from_rows(cls, rows: Iterable[Mapping[str, Any]], feeds: Iterable[str]) -> Coverage:
        """Coverage from surface rows; raises `CoverageError` at the first row that is not right."""
        allowed = set(feeds)
        deliveries = []
        for number, row in enumerate(rows):
            where = f"coverage row {number}"
            if set(row) != set(COLUMNS):
                raise CoverageError(f"{where}: give exactly {', '.join(COLUMNS)}")
            if not isinstance(row["feed"], str) or row["feed"] not in allowed:
                raise CoverageError(f"{where}: feed is one of {', '.join(sorted(allowed))}")
            dates = {}
            for column in COLUMNS[2:]:
                try:
                    dates[column] = _DATE.parse(row[column])
                except Defect as defect:
                    raise CoverageError(f"{where}, {column}: {defect.way_out}") from None
            try:
                area_code = check_area_code(row["area_code"])
            except ContractError as error:
                raise CoverageError(f"{where}: {error}") from None
            deliveries.append(Delivery(row["feed"], area_code, **dates))  # type: ignore[arg-type]
        return cls(deliveries)

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, feeds: Iterable[str]) -> Coverage:
        """Coverage from a frame with the columns of `COLUMNS`."""
        missing = set(COLUMNS) - set(frame.columns)
        if missing:
            raise CoverageError(f"the coverage table lacks {', '.join(sorted(missing))}")
        if any(list(frame.columns).count(one) > 1 for one in COLUMNS):
            raise CoverageError("the coverage table has a column twice")
        rows: Any = frame[list(COLUMNS)].to_dict("records")
        return cls.from_rows(rows, feeds)

    def replacing(self, feed: str, deliveries: Iterable[Delivery]) -> Coverage:
        """This coverage with these deliveries of a feed in place of any it had."""
        return Coverage([*(one for one in self.deliveries if one.feed != feed), *deliveries])

    def check_arrivals(self) -> Coverage:
        """This coverage; raises `CoverageError` where a delivery says what it could not know yet."""
        for number, one in enumerate(self.deliveries):
            if one.complete_until > one.known_on:
                raise CoverageError(
                    f"coverage row {number}: complete_until lies after known_on; nothing is complete "
                    "before it has happened"
                )
        return self

    def to_frame(self) -> pd.DataFrame:
        """The deliveries as a frame with the columns of `COLUMNS`."""
        frame = pd.DataFrame([astuple(one) for one in self.deliveries], columns=list(COLUMNS))
        for column in COLUMNS[2:]:
            frame[column] = pd.to_datetime(frame[column])
        return frame

    def covered(self, feed: str, village_code: str, as_of: dt.date, region: str) -> Covered | None:
        """What the feed covers for one village as known on `as_of`; `None` where nothing was delivered."""
        # Villages of the smallest area that the feed is delivered for have the same answer.
        key = (feed, village_code[: self._finest.get(feed, 0)], as_of, region)
        try:
            return self._found[key]
        except KeyError:
            pass
        if len(self._found) >= MOST_FOUND:
            self._found.clear()
        self._found[key] = found = self._covered(*key)
        return found

    def covered_villages(
        self, feed: str, village_codes: Sequence[str], as_of: dt.date, region: str
    ) -> list[Covered | None]:
        """The same for many villages, one after another."""
        length = self._finest.get(feed, 0)
        found = {
            area: self.covered(feed, area, as_of, region) for area in {one[:length] for one in village_codes}
        }
        return [found[one[:length]] for one in village_codes]

    def stretches(self, feeds: tuple[str, ...], village_code: str, as_of: dt.date, region: str) -> Stretches:
        """The first and the last day that each feed covers for one village, `None` where none may be counted.

        Two mappings from the feeds to day numbers, kept for whoever asks next: not to be changed.
        """
        key = (feeds, village_code, as_of, region)
        kept = self._stretches.get(key)
        if kept is None:
            if len(self._stretches) >= MOST_STATES:
                self._stretches.clear()
            found = {feed: self.covered(feed, village_code, as_of, region) for feed in feeds}
            counted = {feed: one for feed, one in found.items() if one is not None and not one.is_stale}
            none: dict[str, int | None] = dict.fromkeys(feeds)
            kept = self._stretches[key] = (
                none | {feed: one.since_day for feed, one in counted.items()},
                none | {feed: one.until_day for feed, one in counted.items()},
            )
        return kept

    def _covered(self, feed: str, village_code: str, as_of: dt.date, region: str) -> Covered | None:
        spans = [
            (to_day(one.complete_from), to_day(one.complete_until))
            for area in _areas_above(village_code)
            for one in self._by_feed_and_area.get((feed, area), ())
            # A stretch that begins later says nothing yet: no rows before it are no zero.
            if one.known_on <= as_of and one.complete_from <= as_of
        ]
        if not spans:
            return None
        spans.sort(key=lambda span: span[1], reverse=True)
        since, until = spans[0]
        for first, last in spans[1:]:
            # A gap ends the stretch: what lies before it is not connected to the window that is asked for.
            if last < since - 1:
                break
            since = min(since, first)
        delays = policy_value("feed_delay_days", region, as_of).value
        return Covered(since, until, is_stale=until < to_day(as_of) - delays[feed])

    def freshness(
        self, village_code: str, as_of: dt.date, region: str, months: Mapping[str, int]
    ) -> dict[str, str]:
        """For each feed ``fresh``, ``partial``, ``stale`` or ``missing``, as known on `as_of`.

        `months` says how far back each feed is looked at; ``partial`` means that its unbroken coverage
        begins later, so that some of what is asked of it is missing.
        """
        key = (village_code, as_of, region)
        kept = self._states.get(key)
        # Of one model they are one object, which is faster than to compare a number for each feed.
        if kept is None or (kept[0] is not months and kept[0] != months):
            if len(self._states) >= MOST_STATES:
                self._states.clear()
            kept = self._states[key] = months, self._states_of(village_code, as_of, region, months)
        return dict(kept[1])

    def _states_of(
        self, village_code: str, as_of: dt.date, region: str, months: Mapping[str, int]
    ) -> dict[str, str]:
        states = {}
        for feed, back in months.items():
            found = self.covered(feed, village_code, as_of, region)
            if found is None:
                states[feed] = "missing"
            elif found.is_stale:
                states[feed] = "stale"
            else:
                is_whole = found.covers(to_day(months_before(as_of, back)) + 1)
                states[feed] = "fresh" if is_whole else "partial"
        return states

    @cached_property
    def _finest(self) -> dict[str, int]:
        lengths: dict[str, int] = {}
        for one in self.deliveries:
            lengths[one.feed] = max(lengths.get(one.feed, 0), len(one.area_code))
        return lengths

    @cached_property
    def _by_feed_and_area(self) -> dict[tuple[str, str], list[Delivery]]:
        index: dict[tuple[str, str], list[Delivery]] = {}
        for one in self.deliveries:
            index.setdefault((one.feed, one.area_code), []).append(one)
        return index


def complete(feeds: Iterable[str], area_code: str, since: dt.date, until: dt.date) -> Coverage:
    """Coverage that says: every feed is complete for the area in this period, and was known at once."""
    return Coverage(Delivery(feed, area_code, since, until, EPOCH) for feed in feeds)


def _areas_above(village_code: str) -> list[str]:
    return [village_code[:length] for length in range(2, len(village_code) + 1)]
