"""Check-up: every feed of a folder of signals judged as of a date."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from functools import cached_property

import pyarrow as pa

from features.errors import ContractError
from features.health.deliveries import Deliveries
from features.health.faults import Fault, find_faults
from features.health.grid import Grid, Mask
from features.health.history import History
from features.health.months import first_day, last_day
from features.health.outages import leave_out_outages
from features.health.records import Records, Reference
from features.health.register import Register
from features.health.statements import Statements
from features.health.verdicts import Health, Verdict
from features.signals import CONTRACTS, PLATFORM_FEEDS
from features.signals.store import Signals

HISTORY_MONTHS = 36
"""Months before the judged one that it is compared with: three of each calendar month."""

PERIODS = 12
"""Months judged: a bad month stays in the windows of features for a year, mended or not."""

Progress = Callable[[str, int, int], None]


def check_health(
    signals: Signals | Deliveries,
    as_of: dt.date,
    *,
    feeds: Iterable[str] | None = None,
    periods: int = PERIODS,
    progress: Progress | None = None,
) -> Health:
    """Judge the last `periods` due months of every department's feed, as known on a date.

    Give `Deliveries` to have the refused rows judged with the accepted ones. Rows and statements that
    became known later are not looked at. Every month is compared with the county's own earlier months, each
    as it was known after the same number of days. Raises `ContractError` for a feed that has no contract.
    """
    given = signals if isinstance(signals, Deliveries) else Deliveries.of(signals)
    every = [one for one in CONTRACTS if one not in PLATFORM_FEEDS]
    names = every if feeds is None else list(feeds)
    if unknown := set(names) - set(CONTRACTS):
        raise ContractError(f"no contract for {', '.join(sorted(unknown))}; there are {', '.join(CONTRACTS)}")
    tables = given.signals.tables
    verdicts: list[Verdict] = []
    absent = []
    with Register(tables["household"], as_of, given.refused.get("household")) as register:
        for done, feed in enumerate(names, 1):
            statements = Statements(given.signals.coverage, feed, as_of)
            if statements.is_empty:
                absent.append(feed)
            else:
                verdicts += judge_feed(
                    feed,
                    tables[feed],
                    register,
                    statements,
                    given.refused.get(feed),
                    periods=periods,
                )
            if progress:
                progress(feed, done, len(names))
    return Health(as_of, tuple(verdicts), tuple(absent))


def judge_feed(
    feed: str,
    accepted: pa.Table | str,
    register: Register,
    statements: Statements,
    refused: pa.Table | None = None,
    *,
    periods: int = PERIODS,
) -> list[Verdict]:
    """The verdicts on the last `periods` due months of one feed; for `accepted` see `Records`."""
    with Records(CONTRACTS[feed], accepted, register, refused) as records:
        return FeedCheck(records, statements).verdicts(periods)


class FeedCheck:
    """One feed on one date. `past` is a grid of earlier months, counted before, with its reference."""

    def __init__(
        self, records: Records, statements: Statements, past: tuple[Grid, Reference] | None = None
    ) -> None:
        self.feed, self.as_of = records.contract.name, records.register.as_of
        self.statements, self.records = statements, records
        self.homes = records.register.villages
        self.due, self.is_due = self.statements.due_month(list(self.homes))
        self.past = past

    @property
    def age(self) -> int:
        """Days between the end of the last judged month and the as-of date."""
        return (self.as_of - last_day(self.due)).days

    def verdicts(self, periods: int = 1) -> list[Verdict]:
        """The verdicts of the last `periods` months, oldest first, from the first stated one on."""
        first = max(self.due - periods + 1, min(self.statements.first_month, self.due))
        months = list(range(first, self.due + 1))
        if self.past is None:
            earlier = list(range(months[0] - HISTORY_MONTHS, months[0]))
            reference = self.records.learn(months[0])
            grid = self.records.count([*earlier, *months], self.age, reference)
        else:
            reference = self.past[1]
            grid = self.past[0].joined(self.records.count(months, self.age, reference))
        history = History(grid, self.statements.matrix(grid.villages, grid.months))
        leave_out_outages(history, [one for one in grid.months if one < months[0]])
        found = []
        for month in months:
            found += self._judge(month, history, reference)
        return found

    @cached_property
    def _counties(self) -> list[str]:
        return sorted({one[:6] for one in self.homes})

    def _judge(self, month: int, history: History, reference: Reference) -> list[Verdict]:
        grid = history.grid
        is_due = month < self.due or self.is_due
        faults = find_faults(
            history, month, self.statements, is_due=is_due, months=grid.months, homes=self.homes
        )
        period = first_day(month)
        verdicts = [self._verdict(one, period, month, grid, reference) for one in faults]
        spoken = {one.area[:6] for one in verdicts}
        return verdicts + [
            Verdict(self.feed, one, period, "fine") for one in self._counties if one not in spoken
        ]

    def _verdict(
        self, fault: Fault, period: dt.date, month: int, grid: Grid, reference: Reference
    ) -> Verdict:
        inside: Mask = grid.mask(fault.area)
        villages = [one for one, is_inside in zip(grid.villages, inside, strict=True) if is_inside]
        decades = None
        if fault.reason == "unit_slip":
            odd = self.records.conditions(reference)[fault.oddities[0]] if fault.share < 0.5 else "TRUE"
            measured = self.records.decades(month, self.age, villages, reference, odd)
            field = fault.oddities[0].partition(":")[2]
            decades = round(measured.get(field, 0.0), 2)
        return Verdict(
            self.feed,
            fault.area,
            period,
            "blocked" if fault.is_whole else "flagged",
            fault.reason,
            fault.oddities,
            round(fault.rows),
            round(fault.share, 4),
            round(fault.usual, 4),
            decades,
            () if fault.is_whole else self._concerned(fault, month, villages, reference),
        )

    def _concerned(
        self, fault: Fault, month: int, villages: list[str], reference: Reference
    ) -> tuple[str, ...]:
        """The households of a local fault: those with a row that shows it, or all that may lack one."""
        if fault.oddities in (("statement",), ("rows",)):
            return tuple(self.records.register.living_in(villages))
        conditions = self.records.conditions(reference)
        if fault.reason == "unit_slip" and fault.share >= 0.5:
            # The column is in another unit, and so is the amount that looks usual in it.
            fields = {name.partition(":")[2] for name in fault.oddities}
            chosen_conditions = [f"r.{size.column} > 0" for size in self.records.sizes if size.name in fields]
        else:
            chosen_conditions = [conditions[name] for name in fault.oddities]
        households: set[str] = set()
        for condition in chosen_conditions:
            households |= set(self.records.households(month, self.age, villages, condition))
        return tuple(sorted(households))
