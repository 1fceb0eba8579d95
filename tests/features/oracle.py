"""The oracle: the written semantics of the feature language, slowly and obviously.

It shares no code with the engines, nor with the visibility filter, the calendar or the coverage of the
package: rows are dicts of dates, windows are calendar arithmetic on `datetime.date`, and policy numbers are
read from the YAML file itself.
"""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

import yaml

from features.language import expressions as ex
from features.language.feature import Feature

Row = Mapping[str, Any]
Delivery = tuple[str, str, dt.date, dt.date, dt.date]
"""feed, area code, complete from, complete until, known on"""


def months_back(date: dt.date, months: int) -> dt.date:
    year, month = date.year, date.month
    for _ in range(months):
        month -= 1
        if month == 0:
            year, month = year - 1, 12
    while True:
        try:
            return dt.date(year, month, date.day)
        except ValueError:
            date = date - dt.timedelta(days=1)


def years_back(date: dt.date, years: int) -> dt.date:
    last = calendar.monthrange(date.year - years, date.month)[1]
    return dt.date(date.year - years, date.month, min(date.day, last))


@cache
def policy(parameter: str, region: str, on: dt.date) -> Any:
    text = resources.files("features.policy").joinpath(f"{parameter}.yaml").read_text(encoding="utf-8")
    regions = yaml.safe_load(text)["regions"]
    entries = regions.get(region) or regions[region.split("-")[0]]
    found = None
    for entry in entries:
        if entry["from"] <= on:
            found = entry["value"]
    assert found is not None
    return found


class Household:
    """One household's rows with the deliveries that reach it, as of a date."""

    def __init__(
        self, rows: Mapping[str, Sequence[Row]], deliveries: Sequence[Delivery], as_of: dt.date, region: str
    ) -> None:
        self.rows, self.deliveries, self.as_of, self.region = rows, deliveries, as_of, region
        registered = [row for row in self.known("household") if self.goes_on(row)]
        self.village = min((row["village_code"] for row in registered), default=None)
        # Every aggregate of a feed asks for the same stretch; working it out takes nearly all the time.
        self.spans: dict[str, tuple[dt.date, dt.date] | None] = {}

    def known(self, feed: str) -> list[Row]:
        """Rows that had happened and arrived."""
        return [
            row
            for row in self.rows.get(feed, [])
            if row["occurred_on"] <= self.as_of and row["known_on"] <= self.as_of
        ]

    def end_of(self, row: Row) -> dt.date | None:
        """A spell's end, if its arrival had come."""
        arrived = row.get("ended_known_on")
        return row["ended_on"] if arrived is not None and arrived <= self.as_of else None

    def goes_on(self, row: Row) -> bool:
        end = self.end_of(row)
        return end is None or end >= self.as_of

    def covered_span(self, feed: str) -> tuple[dt.date, dt.date] | None:
        """The last unbroken covered stretch; None where nothing is covered or it is stale."""
        assert self.village is not None
        covered: set[dt.date] = set()
        for name, area, first, last, known in self.deliveries:
            if name == feed and self.village.startswith(area) and known <= self.as_of and first <= self.as_of:
                covered |= {first + dt.timedelta(days=n) for n in range((last - first).days + 1)}
        if not covered:
            return None
        until = max(covered)
        if until < self.as_of - dt.timedelta(days=policy("feed_delay_days", self.region, self.as_of)[feed]):
            return None
        since = until
        while since - dt.timedelta(days=1) in covered:
            since -= dt.timedelta(days=1)
        return since, until

    def value(self, feature: Feature) -> float | None:
        """The feature's value at the surface."""
        found = self._value(feature.expression)
        if found is None:
            return None
        return float(found) / 100.0 if feature.unit.startswith("yuan") else float(found)

    def _value(self, expr: ex.Expr) -> Any:
        if isinstance(expr, ex.Literal):
            return expr.value
        if isinstance(expr, ex.PolicyNumber):
            return policy(expr.parameter, self.region, self.as_of) * 100
        if isinstance(expr, ex.Mark):
            return self._day(self._mark(expr))
        if isinstance(expr, ex.Aggregate):
            return self._aggregate(expr)
        left, right = self._value(expr.left), self._value(expr.right)  # type: ignore[attr-defined]
        if left is None or right is None:
            return None
        if isinstance(expr, ex.Compare):
            return int(_compare(expr.op, left, right))
        if isinstance(expr, ex.Extreme):
            return max(left, right) if expr.op == "greatest" else min(left, right)
        assert isinstance(expr, ex.Arithmetic)
        if expr.op == "/":
            return None if right == 0 else float(left) / float(right)
        return {"+": left + right, "-": left - right, "*": left * right}[expr.op]

    def _aggregate(self, expr: ex.Aggregate) -> Any:
        if expr.feed not in self.spans:
            self.spans[expr.feed] = self.covered_span(expr.feed)
        span = self.spans[expr.feed]
        if span is None:
            return None
        # A state needs a year of the register, a window all of itself; and some of it must be covered.
        start = months_back(self.as_of, expr.needs_months or 12)
        if span[0] > start + dt.timedelta(days=1) or span[1] <= start:
            return None
        rows = [row for row in self.known(expr.feed) if all(self._row(one, row) for one in expr.where)]
        if expr.window:
            first = months_back(self.as_of, expr.window.first_months)
            last = months_back(self.as_of, expr.window.last_months)
            rows = [row for row in rows if first < row["occurred_on"] <= last]
        if expr.op == "count":
            return len(rows)
        assert expr.value is not None
        values = [self._row(expr.value, row) for row in rows]
        if expr.op == "sum":
            return sum(values)
        if not values:
            return None if expr.empty is None else self._value(expr.empty)
        return max(values) if expr.op == "max" else min(values)

    def _row(self, expr: ex.Expr, row: Row) -> Any:
        if isinstance(expr, ex.Literal):
            return expr.value
        if isinstance(expr, ex.Mark):
            return self._day(self._mark(expr))
        if isinstance(expr, ex.KnownColumn):
            assert expr.value.column == "ended_on"
            end = self.end_of(row)
            return None if end is None else self._day(end)
        if isinstance(expr, ex.Column):
            found = row[expr.column]
            return self._day(found) if isinstance(found, dt.date) else found
        if isinstance(expr, ex.OrElse):
            found = self._row(expr.value, row)
            return self._row(expr.other, row) if found is None else found
        if isinstance(expr, ex.OneOf):
            return self._row(expr.value, row) in expr.values
        if isinstance(expr, ex.Not):
            return not self._row(expr.value, row)
        left, right = self._row(expr.left, row), self._row(expr.right, row)  # type: ignore[attr-defined]
        if isinstance(expr, ex.Logic):
            return (left and right) if expr.op == "and" else (left or right)
        if isinstance(expr, ex.Compare):
            return left is not None and right is not None and _compare(expr.op, left, right)
        if isinstance(expr, ex.Extreme):
            return max(left, right) if expr.op == "greatest" else min(left, right)
        assert isinstance(expr, ex.Arithmetic)
        return {"+": left + right, "-": left - right, "*": left * right}[expr.op]

    def _mark(self, mark: ex.Mark) -> dt.date:
        if mark.unit == "as_of":
            return self.as_of
        back = months_back if mark.unit == "months" else years_back
        return back(self.as_of, mark.back)

    @staticmethod
    def _day(date: dt.date) -> int:
        return date.toordinal() - dt.date(1970, 1, 1).toordinal()


def _compare(op: str, left: Any, right: Any) -> bool:
    return bool(
        {"=": left == right, "<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[
            op
        ]
    )
