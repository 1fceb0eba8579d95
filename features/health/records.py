"""Records: the rows of one feed, each placed in a village and a month, with what is odd about it.

One pass of SQL places every row, one marks what is there more than once; counting by village and month is
another. All are set-wise in DuckDB.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np
import pyarrow as pa

from features.health.grid import Counts, Grid
from features.health.months import first_day, last_day
from features.health.placing import marked_sql, month_sql, payload_of, placed_sql
from features.health.register import Register, quoted
from features.signals.contract import ENDED_KNOWN_ON, ENDED_ON, KNOWN_ON, OCCURRED_ON, Contract
from features.signals.fields import Category, Count, Field, Flag, Money

DECADES = 1.5
"""An amount 32 times its usual size, or a 32nd, is nearer to a slip of 100 than a great disaster is, in
powers of ten; an assumption."""

HALF_DECADE = 0.5
"""An amount three times its usual size, or a third, is large or small for one; most of a month's are not."""

_ENOUGH_MONTHS = 6
"""Months with rows without which a category has no middle of its own."""

_LARGEST = 10**18
"""Whole amounts end before it."""

_ARRIVING = "months m JOIN r ON r.known_on BETWEEN m.first AND m.seen"


@dataclass(frozen=True)
class Reference:
    """What is usual in a feed: days from occurrence to arrival, and the middle of each amount.

    `lag_days` is the median lag and `longest_lag` what all but one in 200 stay under. `middles` maps
    (column, value of the first category field) to the median of log10 of the amounts above zero; the
    category `None` stands for all.
    """

    lag_days: int
    longest_lag: int
    middles: dict[tuple[str, str | None], float]


class Records:
    """One feed as delivered by the register's date; the register places everybody.

    `accepted` is a table, or a query of the register's connection that gives one: what lies in files need not
    be in the memory.
    """

    def __init__(
        self,
        contract: Contract,
        accepted: pa.Table | str,
        register: Register,
        refused: pa.Table | None = None,
    ) -> None:
        self.contract = contract
        self.payload = payload_of(contract)
        self.categories = [one for one in self.payload if isinstance(one, Category)]
        self.sizes = [one for one in self.payload if isinstance(one, Money | Count)]
        flags = [one for one in self.payload if isinstance(one, Flag)]
        self.zeroable: list[Field] = list(self.sizes) or list(flags)
        self.register = register
        self.connection = register.connection
        self._forget()
        if isinstance(accepted, str):
            self.connection.execute(f"CREATE TEMP VIEW accepted AS {accepted}")
        else:
            self.connection.register("accepted", accepted)
        self.connection.register("refused", contract.schema.empty_table() if refused is None else refused)
        self.connection.execute(placed_sql(contract, register.as_of))
        self.connection.execute("DROP VIEW accepted")
        self.connection.unregister("refused")
        self.connection.execute(marked_sql(contract))
        self._commonest = self._find_commonest()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._forget()

    def _forget(self) -> None:
        """Give the memory back."""
        for what, name in (("VIEW", "r"), ("TABLE", "marks"), ("TABLE", "placed")):
            self.connection.execute(f"DROP {what} IF EXISTS {name}")

    def learn(self, before: int) -> Reference:
        """What was usual in the months before that one."""
        lag = "DATE_DIFF('day', occurred_on, known_on)"
        (found,) = self.connection.sql(
            f"SELECT MEDIAN({lag}), QUANTILE_CONT({lag}, 0.995) FROM placed "  # noqa: S608
            f"WHERE month < {before} AND NOT refused"
        ).fetchall()
        usual, longest = found if found[0] is not None else (30.0, 365.0)
        middles: dict[tuple[str, str | None], float] = {}
        stratum = self.categories[0].column if self.categories else "NULL"
        for field in self.sizes:
            # Months count alike, so that one great disaster does not set what is usual.
            rows = self.connection.sql(
                f"SELECT s, MEDIAN(middle) FROM (SELECT {stratum} AS s, month, MEDIAN(LOG10({field.column})) "  # noqa: S608
                f"AS middle FROM placed WHERE month < {before} AND NOT refused AND {field.column} > 0 "
                f"GROUP BY GROUPING SETS ((s, month), (month))) GROUP BY s "
                f"HAVING s IS NULL OR COUNT(*) >= {_ENOUGH_MONTHS}"
            ).fetchall()
            middles |= {(field.column, one): float(middle) for one, middle in rows}
        return Reference(int(usual), int(longest) + 31, middles)

    def count(self, months: Sequence[int], seen_after: int, reference: Reference) -> Grid:
        """Rows and oddities by month and village, each month as it was known `seen_after` days later.

        The months follow on each other.
        """
        self._register_months(months, seen_after)
        month = "m.month" if self.contract.kind == "event" else "r.since"
        wanted = {"rows": "TRUE", **self.conditions(reference, month), **self._positive()}
        dates = wanted.pop("dates")
        arrived = self.connection.sql(
            f"SELECT m.month, r.place, COUNT(*) AS dates FROM {_ARRIVING} WHERE {dates} GROUP BY 1, 2"  # noqa: S608
        ).to_arrow_table()
        columns = ", ".join(f'COUNT(*) FILTER (WHERE {text}) AS "{name}"' for name, text in wanted.items())
        if self.contract.kind == "event":
            asked = f"SELECT m.month, r.place, {columns} FROM {self._joined} GROUP BY 1, 2"  # noqa: S608
            counted = [self._asked(asked)]
        else:
            counted = self._count_spells(months, seen_after, columns)
        names = self.register.names
        seen = {names[at] for one in (arrived, *counted) for at in one["place"].unique().to_pylist()}
        grid = Grid(months, sorted(seen | set(self.register.villages)))
        first, *ended = (_tables(grid, names, one, wanted) for one in counted)
        for at, name in enumerate(wanted):
            table = first[at]
            if ended and name != "repeats" and table.any():
                # What began and has not ended is there; a spell that begins anew repeats in that month alone.
                table = np.cumsum(table - ended[0][at], axis=0)
            grid.put(name, table)
        grid.put("dates", _tables(grid, names, arrived, ["dates"])[0])
        return grid

    def _count_spells(self, months: Sequence[int], seen_after: int, columns: str) -> list[pa.Table]:
        """Spells by the month in which each first was there, and those that ended by that of their end.

        A spell is there in the months on whose last day it was open, as far as was known `seen_after` days
        later (see `_joined`): both only ever become true and then false, so that one interval tells it.
        """
        since = month_sql(f"GREATEST(r.occurred_on, r.known_on - {seen_after})")
        last_day_of = f"GREATEST(r.ended_on, COALESCE(r.ended_known_on, r.ended_on) - {seen_after + 1})"
        until = f"CASE WHEN r.ended_on IS NOT NULL THEN {month_sql(f'{last_day_of} + 1')} END"
        lasting = (
            f"(SELECT r.*, GREATEST({since}, {months[0]}) AS since, {until} AS until FROM r "  # noqa: S608
            f"WHERE {since} <= {months[-1]}) r"
        )
        return [
            self._asked(
                f"SELECT since AS month, r.place, {columns} FROM {lasting} "  # noqa: S608
                "WHERE until IS NULL OR until > since GROUP BY 1, 2"
            ),
            self._asked(
                f"SELECT until AS month, r.place, {columns} FROM {lasting} "  # noqa: S608
                f"WHERE until > since AND until <= {months[-1]} GROUP BY 1, 2"
            ),
        ]

    def _asked(self, text: str) -> pa.Table:
        return self.connection.sql(text).to_arrow_table()

    def conditions(self, reference: Reference, month: str = "m.month") -> dict[str, str]:
        """Oddities of a row by name, as SQL over ``r`` and the `month` it is looked at in.

        A name is kind or kind:field.
        """
        # An old spell that is still open repeats nothing; one that begins anew with nothing changed does.
        repeats = "is_repeat" if self.contract.kind == "event" else f"(is_repeat AND r.month = {month})"
        found = {"copies": "is_copy", "repeats": repeats, "foreign": "is_foreign"}
        lag = "DATE_DIFF('day', r.occurred_on, r.known_on)"
        found["dates"] = f"({lag} > {reference.longest_lag} OR {lag} < 0)"
        for field in self.contract.fields:
            if field.name in (ENDED_ON, ENDED_KNOWN_ON, "is_known_on_estimated"):
                continue
            absent = f"r.{field.column} IS NULL"
            if field.name == KNOWN_ON:
                absent = "(NOT r.was_known OR COALESCE(r.is_known_on_estimated, FALSE))"
            if field.name == OCCURRED_ON:
                absent = "NOT r.was_dated"
            found[f"missing:{field.name}"] = absent
        for category in self.categories:
            listed = ", ".join(quoted(one) for one in category.categories)
            found[f"strange:{category.name}"] = f"r.{category.column} NOT IN ({listed})"
        for field in self.zeroable:
            zero = "NOT r." + field.column if isinstance(field, Flag) else f"r.{field.column} = 0"
            found[f"zero:{field.name}"] = zero
        for size in self.sizes:
            amount, known = f"r.{size.column}", f"r.{size.column} > 0"
            # A number within its usual bounds, a percentage of 100, is large and no slip.
            bound = known
            if isinstance(size, Count):
                bound = f"{amount} > {size.usual_maximum or size.maximum}"
            found[f"large:{size.name}"] = f"{bound} AND {amount} > {self._border(size, reference, DECADES)}"
            found[f"small:{size.name}"] = f"{known} AND {amount} < {self._border(size, reference, -DECADES)}"
            if isinstance(size, Money):
                found[f"high:{size.name}"] = f"{amount} > {self._border(size, reference, HALF_DECADE)}"
                found[f"low:{size.name}"] = (
                    f"{known} AND {amount} < {self._border(size, reference, -HALF_DECADE)}"
                )
            if size.column in self._commonest:
                found[f"same:{size.name}"] = f"r.{size.column} = {self._commonest[size.column]}"
        if self.contract.kind == "event":
            found["twins"] = "is_twin"
        return found

    def households(self, month: int, seen_after: int, villages: Iterable[str], condition: str) -> list[str]:
        """Registered households of these villages with a row of that month for which the condition holds."""
        self._register_months([month], seen_after)
        self._register_chosen(villages)
        joined = self._joined
        if condition.startswith("(DATE_DIFF"):
            joined = _ARRIVING
        found = self.connection.sql(
            f"SELECT DISTINCT h.household_id FROM {joined} JOIN chosen ON chosen.place = r.place "  # noqa: S608
            f"JOIN homes h ON h.number = r.home WHERE {condition} ORDER BY 1"
        ).fetchall()
        return [str(one[0]) for one in found]

    def decades(
        self,
        month: int,
        seen_after: int,
        villages: Iterable[str],
        reference: Reference,
        condition: str = "TRUE",
    ) -> dict[str, float]:
        """Field → median power of ten by which amounts differ from their usual middle; NaN-free.

        Of the rows for which the condition holds.
        """
        self._register_months([month], seen_after)
        self._register_chosen(villages)
        found = {}
        for size in self.sizes:
            (row,) = self.connection.sql(
                f"SELECT MEDIAN(LOG10(r.{size.column}) - {self._middle(size, reference)}) "  # noqa: S608
                f"FROM {self._joined} JOIN chosen ON chosen.place = r.place "
                f"WHERE r.{size.column} > 0 AND {condition}"
            ).fetchall()
            if row[0] is not None:
                found[size.name] = float(row[0])
        return found

    def _find_commonest(self) -> dict[str, str]:
        """Column → the commonest amount above zero of a row's month, as SQL over ``r``; of events alone.

        Of amounts that are equally common, the smallest.
        """
        found = {}
        for size in self.sizes:
            if isinstance(size, Money) and self.contract.kind == "event":
                rows = self.connection.sql(
                    f"WITH counted AS (SELECT month, {size.column} AS amount, COUNT(*) AS rows FROM placed "  # noqa: S608
                    f"WHERE {size.column} > 0 GROUP BY 1, 2), most AS ("
                    "SELECT month, MAX(rows) AS rows FROM counted GROUP BY month) "
                    "SELECT month, MIN(amount) FROM counted JOIN most USING (month, rows) "
                    "GROUP BY month ORDER BY month"
                ).fetchall()
                if rows:
                    cases = " ".join(f"WHEN {month} THEN {value}" for month, value in rows)
                    found[size.column] = f"CASE r.month {cases} END"
        return found

    @property
    def _joined(self) -> str:
        if self.contract.kind == "event":
            return "months m JOIN r ON r.month = m.month AND r.known_on <= m.seen"
        # A spell belongs to every month on whose last day it was still open, as far as was known.
        return (
            "months m JOIN r ON r.occurred_on <= m.last AND r.known_on <= m.seen AND (r.ended_on IS NULL "
            "OR r.ended_on >= m.last OR COALESCE(r.ended_known_on, r.ended_on) > m.seen)"
        )

    def _positive(self) -> dict[str, str]:
        return {f"positive:{one.name}": f"r.{one.column} > 0" for one in self.sizes}

    def _middle(self, field: Field, reference: Reference) -> str:
        """The usual middle of an amount in a row's category, in powers of ten, as SQL."""
        return self._by_category(field, {key: repr(one) for key, one in reference.middles.items()}, "DOUBLE")

    def _border(self, field: Field, reference: Reference, decades: float) -> str:
        """The amount beyond which one is so many powers of ten from its usual middle, as SQL."""
        borders = {key: str(border_of(middle, decades)) for key, middle in reference.middles.items()}
        return self._by_category(field, borders, "BIGINT")

    def _by_category(self, field: Field, values: Mapping[tuple[str, str | None], str], kind: str) -> str:
        other = values.get((field.column, None), "NULL")
        cases = " ".join(
            f"WHEN {quoted(stratum)} THEN {value}"
            for (column, stratum), value in values.items()
            if column == field.column and stratum is not None
        )
        if not cases or not self.categories:
            return f"CAST({other} AS {kind})"
        return f"CASE r.{self.categories[0].column} {cases} ELSE {other} END"

    def _register_chosen(self, villages: Iterable[str]) -> None:
        of_place = {one: at for at, one in enumerate(self.register.names)}
        places = [of_place[one] for one in villages]
        self.connection.register("chosen", pa.table({"place": pa.array(places, pa.int32())}))

    def _register_months(self, months: Sequence[int], seen_after: int) -> None:
        ends = [last_day(one) for one in months]
        table = pa.table({
            "month": pa.array(months, pa.int32()),
            "first": pa.array([first_day(one) for one in months], pa.date32()),
            "last": pa.array(ends, pa.date32()),
            "seen": pa.array([one + dt.timedelta(days=seen_after) for one in ends], pa.date32()),
        })
        self.connection.register("months", table)


def border_of(middle: float, decades: float) -> int:
    """The last whole amount that is not yet `decades` from the middle, both in powers of ten.

    Whole amounts are compared faster than logarithms, and none is on the other side of the border.
    """

    def is_beyond(amount: int) -> bool:
        beyond = math.log10(amount) - middle
        return beyond > decades if decades > 0 else beyond < decades

    step = 1 if decades > 0 else -1
    border = max(1, min(_LARGEST, round(10 ** (middle + decades))))
    while 1 <= border + step <= _LARGEST and not is_beyond(border + step):
        border += step
    while border >= 1 and is_beyond(border):
        border -= step
    return border


def _tables(grid: Grid, names: Sequence[str], counted: pa.Table, wanted: Iterable[str]) -> list[Counts]:
    """Columns of counts as tables of the grid, months × villages; `names` are the villages by place."""
    of_place = {one: at for at, one in enumerate(grid.villages)}
    columns = np.array([of_place.get(one, -1) for one in names])[counted["place"].to_numpy()]
    flat = grid.rows(counted["month"].to_numpy()) * len(grid.villages) + columns
    shape = len(grid.months), len(grid.villages)
    # Most oddities are in no row; their tables are one and the same.
    empty = np.zeros(shape)
    made = []
    for name in wanted:
        counts = counted[name].to_numpy()
        table = empty
        if counts.any():
            table = np.zeros(shape)
            table.reshape(-1)[flat] = counts
        made.append(table)
    return made
