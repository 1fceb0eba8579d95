"""The area that somebody may see, and the condition that keeps a query inside it.

Areas nest by their codes (省→市→区县→乡镇→村), so that being inside is one comparison of prefixes and no
list of permissions. Nothing below a village (网格) has a code in the signals: a village is the smallest.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, false, func, true

from features.regions import check_area_code

ALL_AREAS = "*"
"""How the whole country is written where an operator gives an area."""


@dataclass(frozen=True)
class Scope:
    """The households of one area: `prefix` is its code, empty for everywhere, `None` for nowhere."""

    prefix: str | None

    @classmethod
    def of(cls, area: str) -> Scope:
        """The scope of an area code or `ALL_AREAS`; raises `ContractError` where it is neither."""
        return EVERYWHERE if area == ALL_AREAS else cls(check_area_code(area))

    def contains(self, area_code: str) -> bool:
        """Whether a village, or an area, lies inside."""
        return self.prefix is not None and area_code.startswith(self.prefix)

    def within(self, other: Scope) -> Scope:
        """What lies inside of both areas."""
        if self.prefix is None or other.prefix is None:
            return NOWHERE
        narrow = max(self.prefix, other.prefix, key=len)
        return Scope(narrow) if self.contains(narrow) and other.contains(narrow) else NOWHERE

    def condition(self, area_code: ColumnElement[str]) -> ColumnElement[bool]:
        """The same in SQL. Compared exactly: SQLite's LIKE takes small letters for capitals."""
        if self.prefix is None:
            return false()
        if not self.prefix:
            return true()
        return func.substr(area_code, 1, len(self.prefix)) == self.prefix


EVERYWHERE = Scope("")
NOWHERE = Scope(None)
