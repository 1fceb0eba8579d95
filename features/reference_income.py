"""Reference income (参考收入) worked out from the visit's account, each line of it traceable.

wages + business + property + transfers − costs + payouts − compliant self-paid, over the rolling 12 months
before the date, ÷ members. Source: DOMAIN §2. The feature `account_reference_income_per_person_yuan_12m` is
the same number; this says what it is made of.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache

from rich.table import Table

from features.dates import from_day, months_before, to_day
from features.definitions import FEATURES
from features.engines.row import RowEngine, Rows
from features.policy import DEFAULT_REGION
from features.policy.parameters import PolicyValue
from features.signals import Coverage
from features.signals.account import (
    BUSINESS,
    COSTS,
    NOT_COUNTED,
    PAYOUTS,
    PROPERTY,
    SELF_PAID,
    TRANSFERS,
    WAGES,
)
from features.signals.fields import FEN_PER_YUAN

PARTS: dict[str, tuple[int, tuple[str, ...]]] = {
    "wages": (+1, WAGES),
    "business": (+1, BUSINESS),
    "property": (+1, PROPERTY),
    "transfers": (+1, TRANSFERS),
    "costs": (-1, COSTS),
    "payouts": (+1, PAYOUTS),
    "self_paid": (-1, SELF_PAID),
    "not_counted": (0, NOT_COUNTED),
}
"""Part of the account → how it counts into reference income, and its lines."""

_PART_OF = {line: part for part, (_, lines) in PARTS.items() for line in lines}


@lru_cache(maxsize=8)
def _members_of(region: str) -> RowEngine:
    return RowEngine([FEATURES["composition_members_count"]], region)


@dataclass(frozen=True)
class AccountLine:
    """One visible line of the account; `amount_fen` as it was written down, never negative."""

    line: str
    amount_fen: int
    occurred_on: dt.date
    known_on: dt.date

    @property
    def part(self) -> str:
        """The part of `PARTS` that the line belongs to."""
        return _PART_OF[self.line]

    @property
    def counted_fen(self) -> int:
        """What the line adds to reference income: less than zero for costs and self-paid."""
        return PARTS[self.part][0] * self.amount_fen


@dataclass(frozen=True)
class ReferenceIncome:
    """One household's reference income as of a date. `members` is `None` where the register is not known."""

    as_of: dt.date
    members: int | None
    lines: tuple[AccountLine, ...]

    @cached_property
    def part_fen(self) -> dict[str, int]:
        """Part → sum of its lines as written down."""
        sums = dict.fromkeys(PARTS, 0)
        for one in self.lines:
            sums[one.part] += one.amount_fen
        return sums

    @property
    def total_fen(self) -> int:
        """Reference income of the whole household."""
        return sum(one.counted_fen for one in self.lines)

    @property
    def per_person_yuan(self) -> float | None:
        """Yuan per person and year; `None` without an account or without members."""
        if not self.lines or not self.members:
            return None
        return self.total_fen / self.members / FEN_PER_YUAN

    def as_json(self, line: PolicyValue) -> dict[str, object]:
        """The whole, each line included, with the monitoring line beside it; amounts in yuan."""
        return {
            "as_of_date": str(self.as_of),
            "members": self.members,
            "total_yuan": self.total_fen / FEN_PER_YUAN if self.lines else None,
            "per_person_yuan": self.per_person_yuan,
            "line_yuan": line.value,
            "line_is_assumption": line.is_assumption,
            "parts_yuan": {part: fen / FEN_PER_YUAN for part, fen in self.part_fen.items()},
            "lines": [
                {
                    "line": one.line,
                    "part": one.part,
                    "amount_yuan": one.amount_fen / FEN_PER_YUAN,
                    "counted_yuan": one.counted_fen / FEN_PER_YUAN,
                    "occurred_on": str(one.occurred_on),
                    "known_on": str(one.known_on),
                }
                for one in self.lines
            ],
        }

    def as_table(self) -> Table:
        """The lines as a person reads them."""
        table = Table(title=f"收支细账 account as of {self.as_of}", title_justify="left")
        for name in ("line", "part", "yuan", "counts as", "occurred", "known"):
            table.add_column(name, justify="right" if name in {"yuan", "counts as"} else "left")
        for one in self.lines:
            amounts = (f"{one.amount_fen / FEN_PER_YUAN:,.2f}", f"{one.counted_fen / FEN_PER_YUAN:+,.2f}")
            table.add_row(one.line, one.part, *amounts, str(one.occurred_on), str(one.known_on))
        return table

    def sentence(self, line: PolicyValue) -> str:
        """The result in words, beside the monitoring line; without an account there is none to say."""
        if not self.lines:
            return f"no line of an account in the 12 months before {self.as_of}: nothing can be worked out"
        result, total = self.per_person_yuan, self.total_fen / FEN_PER_YUAN
        per_person = "not known" if result is None else f"{result:,.2f} yuan"
        mark = " (assumption)" if line.is_assumption else ""
        return (
            f"reference income {total:,.2f} yuan ÷ {self.members} members = {per_person} per person\n"
            f"the line is {line.value:,} yuan{mark}: a reference, never a cut-off"
        )


def work_out(rows: Rows, as_of: dt.date, coverage: Coverage, region: str = DEFAULT_REGION) -> ReferenceIncome:
    """The reference income of one household with its lines, oldest first, as known on the date.

    `rows` are stored rows with dates as day numbers, as `RowEngine` reads them. Whether silence about the
    account means anything is for the feature to say; here there are the lines that there are. Raises
    `ContractError` when the household is not registered on the date.
    """
    today, start = to_day(as_of), to_day(months_before(as_of, 12))
    (members,) = _members_of(region).vector(rows, as_of, coverage)
    seen: Iterable[AccountLine] = (
        AccountLine(row["line"], row["amount_fen"], from_day(row["occurred_on"]), from_day(row["known_on"]))
        for row in rows.get("account", ())
        if start < row["occurred_on"] <= today and row["known_on"] <= today
    )
    ordered = sorted(seen, key=lambda one: (one.occurred_on, one.line, one.known_on, one.amount_fen))
    return ReferenceIncome(as_of, None if members is None else int(members), tuple(ordered))
