"""Application: what a verdict does to scoring. A blocked feed is not covered; its features are missing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import replace

from features.health.months import last_day, month_of
from features.health.verdicts import Health, Verdict
from features.policy import DEFAULT_REGION, policy_value
from features.signals import Coverage, Delivery
from features.signals.store import Signals

_DAY = dt.timedelta(days=1)


def apply_health(signals: Signals, health: Health, *, region: str = DEFAULT_REGION) -> Signals:
    """The same signals with the coverage of every blocked feed turned off, for its county and period.

    A blocked period becomes a gap, so no window can reach across it. Where it is the last one that was
    stated, the coverage also ends early enough for the feed to be stale on the as-of date, which makes its
    states missing and names it in `stale_feeds`. Meant for vectors of the health's own as-of date. Rows stay
    as they are: nothing is guessed or mended. Raises `PolicyError` without a delay in force.
    """
    villages = signals.tables["household"]["village_code"].unique().to_pylist()
    return Signals(signals.tables, without_blocked(signals.coverage, villages, health, region))


def without_blocked(coverage: Coverage, areas: Iterable[str], health: Health, region: str) -> Coverage:
    """The coverage with that of every blocked feed turned off, as `apply_health` does it.

    `areas` are codes of all counties that signals come from, or of places in them.
    """
    places = set(areas)
    deliveries = list(coverage.deliveries)
    for verdict in health.blocked:
        counties = sorted({one[: len(verdict.area)] for one in places})
        first, last = _cut(verdict, health, region)
        kept: list[Delivery] = []
        for one in deliveries:
            kept += _without(one, verdict, first, last, counties)
        deliveries = kept
    return Coverage(deliveries)


def flagged_households(health: Health) -> dict[str, tuple[Verdict, ...]]:
    """Household → the local faults that concern it; what a surface shows beside the score."""
    found: dict[str, list[Verdict]] = {}
    for verdict in health.flagged:
        for household in verdict.households:
            found.setdefault(household, []).append(verdict)
    return {household: tuple(verdicts) for household, verdicts in sorted(found.items())}


def _cut(verdict: Verdict, health: Health, region: str) -> tuple[dt.date, dt.date]:
    """The days to leave out; to the end of time where no later period was judged."""
    last = last_day(month_of(verdict.period))
    county = verdict.area[:6]
    later = (one for one in health.verdicts if one.feed == verdict.feed and one.period > verdict.period)
    # Counties deliver on their own; a period that only another one was judged for says nothing here.
    if any(one.area[:6] == county for one in later):
        return verdict.period, last
    delays = policy_value("feed_delay_days", region, health.as_of).value
    # One day beyond the normal delay, so that what is left is stale.
    stale_from = health.as_of - dt.timedelta(days=delays.get(verdict.feed, 0))
    return min(verdict.period, stale_from), dt.date.max


def _without(
    one: Delivery, verdict: Verdict, first: dt.date, last: dt.date, counties: list[str]
) -> Iterator[Delivery]:
    if one.feed != verdict.feed or one.complete_until < first or one.complete_from > last:
        yield one
    elif one.area_code.startswith(verdict.area):
        yield from _around(one, first, last)
    elif verdict.area.startswith(one.area_code):
        # A statement about a larger area goes on for its other counties.
        for county in counties:
            if county.startswith(one.area_code):
                part = replace(one, area_code=county)
                yield from _around(part, first, last) if county == verdict.area else [part]
    else:
        yield one


def _around(one: Delivery, first: dt.date, last: dt.date) -> Iterable[Delivery]:
    if one.complete_from < first:
        yield replace(one, complete_until=min(one.complete_until, first - _DAY))
    if one.complete_until > last:
        yield replace(one, complete_from=max(one.complete_from, last + _DAY))
