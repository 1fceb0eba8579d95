"""The reference income that a what-if compares: one line after another, in fen.

It is the visit's account where a visit worked one out, else the estimate from the departments' feeds. Which
of the two is said, and never mixed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from features import FEATURES, Coverage, RowEngine
from features.engines.row import Rows
from features.reference_estimate import SIGNS, find_estimate, seen_last_year
from features.reference_income import PARTS

Basis = Literal["account", "departments"]

LINE_SIGNS: dict[Basis, dict[str, int]] = {
    "account": {line: sign for sign, lines in PARTS.values() for line in lines},
    "departments": SIGNS,
}
"""Basis → its lines and how each counts into reference income: +1, −1, or 0 for what does not count."""


@dataclass(frozen=True)
class Ledger:
    """Reference income of one household: `line_fen` as written down, never negative; members above 0."""

    basis: Basis
    members: int
    line_fen: Mapping[str, int]

    @property
    def total_fen(self) -> int:
        """Reference income of the whole household."""
        return sum(self.counted_fen(line) for line in self.line_fen)

    def counted_fen(self, line: str) -> int:
        """What a line adds to reference income: less than zero for costs and self-paid."""
        return LINE_SIGNS[self.basis][line] * self.line_fen[line]


def find_ledger(rows: Rows, as_of: dt.date, coverage: Coverage, region: str) -> Ledger | None:
    """The ledger of one household, or `None` where neither an account nor enough feeds are known.

    Raises `ContractError` when the household is not registered on the date.
    """
    (members,) = _members_of(region).vector(rows, as_of, coverage)
    account = seen_last_year(rows, "account", as_of)
    if account and members:
        lines = dict.fromkeys(LINE_SIGNS["account"], 0)
        for row in account:
            lines[row["line"]] += row["amount_fen"]
        return Ledger("account", int(members), lines)
    estimate = find_estimate(rows, as_of, coverage, region)
    return Ledger("departments", estimate.members, dict(estimate.part_fen)) if estimate else None


@lru_cache(maxsize=8)
def _members_of(region: str) -> RowEngine:
    return RowEngine([FEATURES["composition_members_count"]], region)
