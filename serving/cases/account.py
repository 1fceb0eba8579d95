"""The income-and-spending account (收支细账) of a visit: its lines, and the income that comes of them.

The words of the lines and the formula are those of the signals (`features.reference_income`): a visit writes
down the 12 months before it. The line it is compared with is a reference and never a cut-off.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from features.dates import months_before
from features.policy import DEFAULT_REGION
from features.policy.parameters import PolicyValue, policy_value
from features.reference_income import PARTS, AccountLine, ReferenceIncome
from features.signals import CONTRACTS
from features.signals.fields import FEN_PER_YUAN, Category, Money
from serving.cases.document import DocumentReader

MOST_LINES = 80
MOST_MEMBERS = 30
MONTHS = 12
"""How far back an account looks (DOMAIN §2: rolling, not the calendar year)."""
NET = ("wages", "business", "property", "transfers", "costs")
"""Parts of the account that make net income; payouts and self-paid make reference income of it."""

_LINE, _AMOUNT = CONTRACTS["account"].field("line"), CONTRACTS["account"].field("amount")
assert isinstance(_LINE, Category)
assert isinstance(_AMOUNT, Money)
LINES: tuple[str, ...] = tuple(_LINE.categories)
MOST_YUAN = _AMOUNT.maximum_yuan


@dataclass(frozen=True)
class VisitAccount:
    """The account of one visit. `members` share it, as counted at the door."""

    visited_on: dt.date
    members: int
    lines: tuple[AccountLine, ...]

    @cached_property
    def income(self) -> ReferenceIncome:
        """The reference income of the account, each line of it visible."""
        ordered = sorted(self.lines, key=lambda one: (one.occurred_on, one.line, one.amount_fen))
        return ReferenceIncome(self.visited_on, self.members, tuple(ordered))

    @property
    def net_fen(self) -> int:
        """Net income of the household: wages + business + property + transfers − production costs."""
        return sum(PARTS[part][0] * self.income.part_fen[part] for part in NET)

    def is_over(self, line: PolicyValue) -> bool:
        """Whether reference income per person is over a line; exact, in whole fen."""
        return self.income.total_fen > int(line.value) * FEN_PER_YUAN * self.members

    def as_json(self, region: str = DEFAULT_REGION) -> dict[str, Any]:
        """The account with net and reference income, and the line in force on the day with its source."""
        line = line_on(self.visited_on, region)
        return {
            **self.income.as_json(line),
            "net_yuan": self.net_fen / FEN_PER_YUAN,
            "net_per_person_yuan": self.net_fen / self.members / FEN_PER_YUAN,
            "is_over_line": self.is_over(line),
            "line_from": line.effective_from.isoformat(),
            "line_source": line.source,
        }

    def kept(self) -> dict[str, Any]:
        """As it is stored with the visit: whole fen."""
        return {
            "members": self.members,
            "lines": [
                {"line": one.line, "amount_fen": one.amount_fen, "occurred_on": one.occurred_on.isoformat()}
                for one in self.income.lines
            ],
        }

    @classmethod
    def of_kept(cls, kept: Mapping[str, Any], visited_on: dt.date) -> VisitAccount:
        """The inverse of `kept`."""
        lines = (
            AccountLine(one["line"], one["amount_fen"], dt.date.fromisoformat(one["occurred_on"]), visited_on)
            for one in kept["lines"]
        )
        return cls(visited_on, kept["members"], tuple(lines))


def line_on(day: dt.date, region: str = DEFAULT_REGION) -> PolicyValue:
    """The monitoring line in force on a day; raises `PolicyError` for a day before the first."""
    return policy_value("monitoring_line", region, day)


def read_account(reader: DocumentReader, given: Any, at: str, visited_on: dt.date) -> VisitAccount | None:
    """An account from a document: members and lines, each ``line``, ``amount_yuan`` and, if it is known,
    ``occurred_on``; what is wrong is noted with the reader."""
    there = reader.object(given, at, ("members", "lines"), ("members", "lines"))
    before = len(reader.errors)
    members = reader.count(there["members"], f"{at}/members", 1, MOST_MEMBERS) if "members" in there else None
    items = reader.array(there["lines"], f"{at}/lines", MOST_LINES) if "lines" in there else []
    if "lines" in there and not items and len(reader.errors) == before:
        reader.add(f"{at}/lines", "wrong_number", "give at least one line")
    lines = [_read_line(reader, one, f"{at}/lines/{number}", visited_on) for number, one in enumerate(items)]
    if members is None or not lines or len(reader.errors) > before:
        return None
    return VisitAccount(visited_on, members, tuple(one for one in lines if one is not None))


def _read_line(reader: DocumentReader, given: Any, at: str, visited_on: dt.date) -> AccountLine | None:
    there = reader.object(given, at, ("line", "amount_yuan", "occurred_on"), ("line", "amount_yuan"))
    line = reader.word(there["line"], f"{at}/line", LINES) if "line" in there else None
    amount = (
        reader.fen(there["amount_yuan"], f"{at}/amount_yuan", MOST_YUAN) if "amount_yuan" in there else None
    )
    occurred_on = visited_on
    if "occurred_on" in there:
        day = reader.day(there["occurred_on"], f"{at}/occurred_on")
        if day is None:
            return None
        if not months_before(visited_on, MONTHS) < day <= visited_on:
            way_out = f"give a day of the {MONTHS} months before the visit"
            reader.add(f"{at}/occurred_on", "outside_period", way_out)
            return None
        occurred_on = day
    return None if line is None or amount is None else AccountLine(line, amount, occurred_on, visited_on)
