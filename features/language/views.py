"""Views: all that a feature definition ever sees of a feed.

A view has no way to reach a row that was not yet known. Calls narrow it (`where`, `last`, `open`) and end
in an aggregate (`sum`, `count`, `max`, …).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal as OneOfWords

from features.errors import LanguageError
from features.language.expressions import (
    AS_OF,
    Aggregate,
    Column,
    Compare,
    Expr,
    KnownColumn,
    Literal,
    Mark,
    OrElse,
    Window,
    as_expr,
    greatest,
    least,
)
from features.language.knowledge import is_open, known_field, visible_rows
from features.signals.contract import OCCURRED_ON, Contract
from features.signals.fields import Category


@dataclass(frozen=True)
class View:
    """The known rows of one feed of one household, as of the as-of date."""

    contract: Contract
    conditions: tuple[Expr, ...] = ()
    window: Window | None = None
    state: OneOfWords["all", "open", "overlap"] = "all"
    overlap_months: int = 0

    def __getattr__(self, name: str) -> Expr:
        """A field of the record, to write conditions with."""
        if name.startswith("_"):
            raise AttributeError(name)
        return known_field(self.contract, name)

    def where(self, *conditions: Expr, **equal: str | int | bool) -> View:
        """Only rows that meet all conditions; ``where(source="wages")`` compares fields with constants."""
        more = []
        for name, value in equal.items():
            field = self.contract.field(name)
            if isinstance(field, Category) and value not in field.categories:
                raise LanguageError(f"{self.contract.name}.{name} is one of {', '.join(field.categories)}")
            column = known_field(self.contract, name)
            if isinstance(value, bool):
                more.append(column if value else ~column)
            else:
                more.append(Compare("=", column, Literal(value)))
        return replace(self, conditions=(*self.conditions, *conditions, *more))

    def last(self, months: int) -> View:
        """Only events of the last `months` months."""
        return self._within(Window(months))

    def previous(self, months: int) -> View:
        """Only events of the `months` months before the last `months` months: the same span, a while ago."""
        return self._within(Window(2 * months, months))

    def open(self) -> View:
        """Only spells that go on, as far as was known."""
        self._needs("spell", "open")
        return replace(self, state="open")

    def during(self, months: int) -> View:
        """Only spells that touch the last `months` months."""
        self._needs("spell", "during")
        return replace(self, state="overlap", overlap_months=_positive(months))

    def aged_at_least(self, years: int) -> View:
        """Only members who have turned `years` by the as-of date."""
        return self.where(self.born_on <= Mark("years", years))

    def aged_below(self, years: int) -> View:
        """Only members who have not turned `years` by the as-of date."""
        return self.where(self.born_on > Mark("years", years))

    def count(self) -> Expr:
        """How many rows."""
        return self._aggregate("count", None)

    def any(self) -> Expr:
        """1 if there is a row, else 0."""
        return self.count() > 0

    def sum(self, value: str | Expr) -> Expr:
        """The sum over the rows."""
        return self._aggregate("sum", value)

    def max(self, value: str | Expr, empty: int | Expr | None = None) -> Expr:
        """The largest value; `empty` where a covered window has no rows (missing if not given)."""
        return self._aggregate("max", value, empty)

    def min(self, value: str | Expr, empty: int | Expr | None = None) -> Expr:
        """The smallest value; `empty` where a covered window has no rows (missing if not given)."""
        return self._aggregate("min", value, empty)

    def days_since_last(self) -> Expr:
        """Days since the latest event of the window; the window's whole length where there was none."""
        if self.window is None:
            raise LanguageError("days_since_last needs a window: write .last(months=…) first")
        start = Mark("months", self.window.first_months)
        return AS_OF - self.max(OCCURRED_ON, empty=start)

    def days(self) -> Expr:
        """Days that the spells lasted within the months asked of `during`, added up over spells."""
        if self.state != "overlap":
            raise LanguageError("days needs a period: write .during(months=…) first")
        ended = OrElse(self.ended_on, AS_OF)
        begun = greatest(self.occurred_on, Mark("months", self.overlap_months))
        return self.sum(greatest(0, least(ended, AS_OF) - begun))

    def _within(self, window: Window) -> View:
        self._needs("event", "last and previous")
        _positive(window.first_months)
        if self.window is not None:
            raise LanguageError(f"the view of {self.contract.name} already has a window")
        return replace(self, window=window)

    def _needs(self, kind: str, what: str) -> None:
        if self.contract.kind != kind:
            raise LanguageError(f"{what} is for {kind}s; {self.contract.name} holds {self.contract.kind}s")

    def _aggregate(
        self,
        op: OneOfWords["sum", "count", "min", "max"],
        value: str | Expr | None,
        empty: int | Expr | None = None,
    ) -> Aggregate:
        if self.contract.kind == "event" and self.window is None:
            raise LanguageError(
                f"{op} over {self.contract.name} needs a window: since when should no rows mean zero?"
            )
        if isinstance(value, str):
            value = known_field(self.contract, value)
        needs = self.window.first_months if self.window else None
        conditions = visible_rows(self.contract)
        if self.state == "open":
            conditions = is_open(self.contract)
        elif self.state == "overlap":
            needs = self.overlap_months
            start = Mark("months", self.overlap_months)
            conditions = (*conditions, ~Compare("<=", self.ended_on, start))
        return Aggregate(
            self.contract.name,
            op,
            value,
            (*conditions, *self.conditions),
            self.window,
            needs,
            None if empty is None else as_expr(empty),
        )


def _positive(months: int) -> int:
    if not 1 <= months <= 120:
        raise LanguageError("a window is 1 to 120 months long")
    return months


__all__ = ["Column", "KnownColumn", "View"]
