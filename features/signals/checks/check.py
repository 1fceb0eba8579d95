"""A check: one rule of severity ``flag`` as one query."""

from __future__ import annotations

from dataclasses import dataclass
from string import Formatter


@dataclass(frozen=True)
class Check:
    """A rule of severity ``flag``: the query gives the column ``row`` of the rows of `feed` that break it.

    In a query a feed's name is its rows known on the date, ``is_open`` says that a spell goes on then, and
    ``covered_<feed>`` has the households it is covered for, ``since_on`` to ``until_on``. ``{name}`` is a
    policy value or a date of `_values`.
    """

    code: str
    feed: str
    field: str
    sql: str

    @property
    def values(self) -> set[str]:
        """The names of the values that the query needs."""
        return {name for _, name, _, _ in Formatter().parse(self.sql) if name}
