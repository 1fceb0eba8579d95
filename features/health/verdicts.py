"""Verdicts: what is said of one feed in one area and period, and of the households it concerns."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from features.health.reasons import REASONS

State = Literal["fine", "flagged", "blocked"]


@dataclass(frozen=True)
class Verdict:
    """One feed × area × period.

    `blocked`: the feed is at fault in the whole county and nothing may be scored from it. `flagged`: the
    fault is local; `households` are exactly those concerned. `period` is the month's first day. `reason` is
    a code of `REASONS`; `oddities` names the fields that showed it (``zero:amount``), `share` the share of
    rows affected where `usual` is usual, `rows` how many. `decades` is the power of ten of a unit slip.
    """

    feed: str
    area: str
    period: dt.date
    state: State
    reason: str | None = None
    oddities: tuple[str, ...] = ()
    rows: int = 0
    share: float = 0.0
    usual: float = 0.0
    decades: float | None = None
    households: tuple[str, ...] = ()

    def text(self, language: Literal["zh", "en"]) -> str:
        """The reason in words; empty where all is well."""
        return "" if self.reason is None else str(getattr(REASONS[self.reason], language))

    def way_out(self, language: Literal["zh", "en"]) -> str:
        """What to do about it; empty where all is well."""
        return "" if self.reason is None else str(getattr(REASONS[self.reason], f"way_out_{language}"))


@dataclass(frozen=True)
class Health:
    """All verdicts of a check-up: for each feed, county and judged month a fine one, or those of its faults.

    `never_delivered` are feeds of which nothing was ever stated: no fault of a delivery, but no "no risk"
    either, since coverage keeps their features missing.
    """

    as_of: dt.date
    verdicts: tuple[Verdict, ...]
    never_delivered: tuple[str, ...] = ()

    @property
    def blocked(self) -> tuple[Verdict, ...]:
        """The whole-feed faults."""
        return tuple(one for one in self.verdicts if one.state == "blocked")

    @property
    def flagged(self) -> tuple[Verdict, ...]:
        """The local faults."""
        return tuple(one for one in self.verdicts if one.state == "flagged")

    def of(self, feed: str, area: str, period: dt.date) -> State:
        """The state of any area: its own, that of an area above it, or flagged where a part of it is."""
        state: State = "fine"
        for one in self.verdicts:
            if one.feed != feed or one.period != period or one.state == "fine":
                continue
            if area.startswith(one.area):
                return one.state
            if one.area.startswith(area):
                state = "flagged"
        return state

    def concerning(self, household_id: str) -> Iterator[Verdict]:
        """The local faults that concern one household."""
        return (one for one in self.flagged if household_id in one.households)
