"""Check-up: every feed of a folder of signals judged as of a date."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable

from features.errors import ContractError
from features.health.deliveries import Deliveries
from features.health.months import first_day, last_day
from features.health.records import Reference
from features.health.statements import Statements
from features.health.verdicts import Health, Verdict
from features.signals import CONTRACTS, PLATFORM_FEEDS
from features.signals.store import Signals
from tests.features.health.one_by_one.faults import Fault, find_faults
from tests.features.health.one_by_one.grid import Grid, Mask
from tests.features.health.one_by_one.history import History
from tests.features.health.one_by_one.outages import leave_out_outages
from tests.features.health.one_by_one.records import Records

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
    verdicts: list[Verdict] = []
    absent = []
    for done, feed in enumerate(names, 1):
        statements = Statements(given.signals.coverage, feed, as_of)
        if statements.is_empty:
            absent.append(feed)
        else:
            verdicts += FeedCheck(given, feed, as_of, statements).verdicts(periods)
        if progress:
            progress(feed, done, len(names))
    return Health(as_of, tuple(verdicts), tuple(absent))


class FeedCheck:
    """One feed on one date. `past` is a grid of earlier months, counted before, with its reference."""

    def __init__(
        self,
        given: Deliveries,
        feed: str,
        as_of: dt.date,
        statements: Statements | None = None,
        past: tuple[Grid, Reference] | None = None,
    ) -> None:
        self.feed, self.as_of = feed, as_of
        self.statements = statements or Statements(given.signals.coverage, feed, as_of)
        tables = given.signals.tables
        self.records = Records(
            CONTRACTS[feed], tables[feed], tables["household"], as_of,
            given.refused.get(feed), given.refused.get("household"),
        )  # fmt: skip
        self.homes = self.records.villages
        self.due, self.is_due = self.statements.due_month(sorted(set(self.homes.values())))
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
        history = History(grid, lambda village, month: self.statements.of(village, month).on is not None)
        leave_out_outages(history, [one for one in grid.months if one < months[0]])
        found = []
        for month in months:
            found += self._judge(month, history, reference)
        self.records.close()
        return found

    def _judge(self, month: int, history: History, reference: Reference) -> list[Verdict]:
        grid = history.grid
        homes = Counter(self.homes.values())
        places = sorted(homes)
        is_due = month < self.due or self.is_due
        faults = find_faults(history, month, self.statements, is_due=is_due, months=grid.months, homes=homes)
        period = first_day(month)
        verdicts = [self._verdict(one, period, month, grid, reference) for one in faults]
        spoken = {one.area[:6] for one in verdicts}
        counties = sorted({one[:6] for one in places})
        return verdicts + [Verdict(self.feed, one, period, "fine") for one in counties if one not in spoken]

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
            chosen = set(villages)
            return tuple(sorted(one for one, village in self.homes.items() if village in chosen))
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
