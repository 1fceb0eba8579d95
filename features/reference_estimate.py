"""Reference income as the departments' feeds show it, for households whose account no visit has worked out.

The feature `income_reference_per_person_yuan_12m` is the same number; this says what it is made of, in fen.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from features.dates import months_before, to_day
from features.definitions import FEATURES
from features.engines.row import RowEngine, Rows
from features.policy import DEFAULT_REGION
from features.signals import Coverage

SIGNS: dict[str, int] = {
    "wages": +1,
    "business": +1,
    "property": +1,
    "transfers": +1,
    "costs": -1,
    "compensation": +1,
    "self_paid_medical": -1,
    "self_paid_schooling": -1,
}
"""Part → how it counts into reference income. Source: DOMAIN §2."""

_NAMES = ("composition_members_count", "income_reference_per_person_yuan_12m")


@lru_cache(maxsize=8)
def _engine(region: str) -> RowEngine:
    return RowEngine([FEATURES[name] for name in _NAMES], region)


@dataclass(frozen=True)
class ReferenceEstimate:
    """One household's estimate as of a date: its members, above 0, and the parts, in fen, never negative."""

    as_of: dt.date
    members: int
    part_fen: Mapping[str, int]

    @property
    def total_fen(self) -> int:
        """Reference income of the whole household."""
        return sum(SIGNS[part] * fen for part, fen in self.part_fen.items())


def find_estimate(
    rows: Rows, as_of: dt.date, coverage: Coverage, region: str = DEFAULT_REGION
) -> ReferenceEstimate | None:
    """The estimate of one household, or `None` where a feed that it needs is silent or nobody is registered.

    `rows` are stored rows with dates as day numbers, as `RowEngine` reads them. Raises `ContractError` when
    the household is not registered on the date.
    """
    members, per_person = _engine(region).vector(rows, as_of, coverage)
    if not members or per_person is None:
        return None
    parts = dict.fromkeys(SIGNS, 0)
    for row in seen_last_year(rows, "income", as_of):
        parts[row["source"]] += row["amount_fen"]
        parts["costs"] += row["cost_fen"]
    for row in seen_last_year(rows, "accident", as_of):
        parts["compensation"] += row["compensated_fen"]
    for row in seen_last_year(rows, "illness", as_of):
        parts["self_paid_medical"] += row["self_paid_fen"]
    for row in seen_last_year(rows, "schooling", as_of):
        parts["self_paid_schooling"] += max(0, row["cost_fen"] - row["aid_fen"])
    return ReferenceEstimate(as_of, int(members), parts)


def seen_last_year(rows: Rows, feed: str, as_of: dt.date) -> list[Mapping[str, Any]]:
    """The rows of a feed that occurred in the 12 months before the date and were known on it, as they lie."""
    today, start = to_day(as_of), to_day(months_before(as_of, 12))
    return [
        row for row in rows.get(feed, ()) if start < row["occurred_on"] <= today and row["known_on"] <= today
    ]
