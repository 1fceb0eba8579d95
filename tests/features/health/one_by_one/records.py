"""Records: the rows of one feed, each placed in a village and a month, with what is odd about it.

One pass of SQL marks every row; counting by village and month is a second. Both are set-wise in DuckDB.
"""

from __future__ import annotations

import datetime as dt
import tempfile
import uuid
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import duckdb
import pyarrow as pa

from features.health.months import first_day, last_day
from features.health.records import Reference
from features.signals.contract import ENDED_KNOWN_ON, ENDED_ON, KNOWN_ON, OCCURRED_ON, Contract
from features.signals.fields import Category, Count, Field, Flag, Money
from tests.features.health.one_by_one.grid import NOWHERE, Grid

DECADES = 1.5
"""An amount 32 times its usual size, or a 32nd, is nearer to a slip of 100 than a great disaster is, in
powers of ten; an assumption."""

HALF_DECADE = 0.5
"""An amount three times its usual size, or a third, is large or small for one; most of a month's are not."""

TWIN_DAYS = 15
"""Days within which the same content once more is a copy with another date, unless that was usual."""

QUERY_MEMORY_MB = 500
"""What the queries of one feed may hold beside the feed itself; with less they write to disk."""

_ENOUGH_MONTHS = 6
"""Months with rows without which a category has no middle of its own."""

_DATES = (OCCURRED_ON, KNOWN_ON, "is_known_on_estimated", ENDED_ON, ENDED_KNOWN_ON)
_AREA = "village_code"
_ARRIVING = "months m JOIN r ON r.known_on BETWEEN m.first AND m.seen"


class Records:
    """One feed as delivered by `as_of`.

    `register` is the household register, which places everybody; rows of it that intake refused place too.
    """

    def __init__(
        self,
        contract: Contract,
        accepted: pa.Table,
        register: pa.Table,
        as_of: dt.date,
        refused: pa.Table | None = None,
        refused_register: pa.Table | None = None,
    ) -> None:
        self.contract = contract
        self.payload = [one for one in contract.fields if one.name not in ("household_id", *_DATES)]
        self.categories = [one for one in self.payload if isinstance(one, Category)]
        self.sizes = [one for one in self.payload if isinstance(one, Money | Count)]
        flags = [one for one in self.payload if isinstance(one, Flag)]
        self.zeroable: list[Field] = list(self.sizes) or list(flags)
        self.connection = duckdb.connect()
        self.connection.execute(f"SET memory_limit = '{QUERY_MEMORY_MB}MB'")
        # Made by the engine where it is needed, and removed by it.
        spilled = Path(tempfile.gettempdir()) / f"fangfan-health-{uuid.uuid4().hex}"
        self.connection.execute(f"SET temp_directory = {_quoted(str(spilled))}")
        # Its own bar would mix with ours and with a program that reads the output. In a notebook without
        # ipywidgets there is none, and it cannot be switched off either.
        with suppress(duckdb.InvalidInputException):
            self.connection.execute("SET enable_progress_bar = false")
        self.connection.register("accepted", accepted)
        self.connection.register("refused", contract.schema.empty_table() if refused is None else refused)
        self.connection.register("register", register)
        refused_homes = register.schema.empty_table() if refused_register is None else refused_register
        self.connection.register("refused_register", refused_homes)
        self.connection.execute(_register_sql(as_of))
        self.connection.execute(self._rows_sql(as_of))
        self._commonest = self._find_commonest()

    @property
    def villages(self) -> dict[str, str]:
        """Registered household → village, as known."""
        return dict(self.connection.sql("SELECT household_id, village FROM homes").fetchall())

    def close(self) -> None:
        """Give the memory back."""
        self.connection.close()

    def learn(self, before: int) -> Reference:
        """What was usual in the months before that one."""
        lag = "DATE_DIFF('day', occurred_on, known_on)"
        (found,) = self.connection.sql(
            f"SELECT MEDIAN({lag}), QUANTILE_CONT({lag}, 0.995) FROM r WHERE month < {before} AND NOT refused"
        ).fetchall()
        usual, longest = found if found[0] is not None else (30.0, 365.0)
        middles: dict[tuple[str, str | None], float] = {}
        stratum = self.categories[0].column if self.categories else "NULL"
        for field in self.sizes:
            # Months count alike, so that one great disaster does not set what is usual.
            rows = self.connection.sql(
                f"SELECT s, MEDIAN(middle) FROM (SELECT {stratum} AS s, month, MEDIAN(LOG10({field.column})) "
                f"AS middle FROM r WHERE month < {before} AND NOT refused AND {field.column} > 0 "
                f"GROUP BY GROUPING SETS ((s, month), (month))) GROUP BY s "
                f"HAVING s IS NULL OR COUNT(*) >= {_ENOUGH_MONTHS}"
            ).fetchall()
            middles |= {(field.column, one): float(middle) for one, middle in rows}
        return Reference(int(usual), int(longest) + 31, middles)

    def count(self, months: Sequence[int], seen_after: int, reference: Reference) -> Grid:
        """Rows and oddities by month and village, each month as it was known `seen_after` days later."""
        self._register_months(months, seen_after)
        wanted = {"rows": "TRUE", **self.conditions(reference), **self._positive()}
        rest = {name: text for name, text in wanted.items() if name != "dates"}
        columns = ", ".join(
            f"COUNT(*) FILTER (WHERE {text}) AS c{at}" for at, text in enumerate(rest.values())
        )
        counted = self.connection.sql(
            f"SELECT m.month, r.village, {columns} FROM {self._joined} GROUP BY 1, 2"
        ).fetchnumpy()
        arrived = self.connection.sql(
            f"SELECT m.month, r.village, COUNT(*) AS odd "
            f"FROM {_ARRIVING} WHERE {wanted['dates']} GROUP BY 1, 2"
        ).fetchnumpy()
        places = {one[0] for one in self.connection.sql("SELECT DISTINCT village FROM homes").fetchall()}
        grid = Grid(list(months), sorted(places | set(counted["village"]) | set(arrived["village"])))
        for at, name in enumerate(rest):
            grid.fill(name, counted["month"], counted["village"], counted[f"c{at}"])
        grid.fill("dates", arrived["month"], arrived["village"], arrived["odd"])
        return grid

    def conditions(self, reference: Reference) -> dict[str, str]:
        """Oddities of a row by name, as SQL over ``r``; a name is kind or kind:field."""
        found = {"copies": "is_copy", "repeats": self._repeats, "foreign": "is_foreign"}
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
            listed = ", ".join(_quoted(one) for one in category.categories)
            found[f"strange:{category.name}"] = f"r.{category.column} NOT IN ({listed})"
        for field in self.zeroable:
            zero = "NOT r." + field.column if isinstance(field, Flag) else f"r.{field.column} = 0"
            found[f"zero:{field.name}"] = zero
        for size in self.sizes:
            middle = self._middle(size, reference)
            beyond = f"LOG10(r.{size.column}) - {middle}"
            known = f"r.{size.column} > 0"
            # A number within its usual bounds, a percentage of 100, is large and no slip.
            bound = known
            if isinstance(size, Count):
                bound = f"r.{size.column} > {size.usual_maximum or size.maximum}"
            found[f"large:{size.name}"] = f"{bound} AND CASE WHEN {known} THEN {beyond} END > {DECADES}"
            found[f"small:{size.name}"] = f"{known} AND CASE WHEN {known} THEN {beyond} END < -{DECADES}"
            if isinstance(size, Money):
                found[f"high:{size.name}"] = (
                    f"{known} AND CASE WHEN {known} THEN {beyond} END > {HALF_DECADE}"
                )
                found[f"low:{size.name}"] = (
                    f"{known} AND CASE WHEN {known} THEN {beyond} END < -{HALF_DECADE}"
                )
            if size.column in self._commonest:
                found[f"same:{size.name}"] = f"r.{size.column} = {self._commonest[size.column]}"
        if self.contract.kind == "event":
            found["twins"] = "is_twin"
        return found

    def households(self, month: int, seen_after: int, villages: Iterable[str], condition: str) -> list[str]:
        """Registered households of these villages with a row of that month for which the condition holds."""
        self._register_months([month], seen_after)
        self.connection.register("chosen", pa.table({"village": pa.array(list(villages), pa.string())}))
        joined = self._joined
        if condition.startswith("(DATE_DIFF"):
            joined = _ARRIVING
        found = self.connection.sql(
            f"SELECT DISTINCT r.home FROM {joined} JOIN chosen ON chosen.village = r.village "
            f"WHERE r.home IS NOT NULL AND {condition} ORDER BY 1"
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
        self.connection.register("chosen", pa.table({"village": pa.array(list(villages), pa.string())}))
        found = {}
        for size in self.sizes:
            (row,) = self.connection.sql(
                f"SELECT MEDIAN(LOG10(r.{size.column}) - {self._middle(size, reference)}) "
                f"FROM {self._joined} JOIN chosen ON chosen.village = r.village "
                f"WHERE r.{size.column} > 0 AND {condition}"
            ).fetchall()
            if row[0] is not None:
                found[size.name] = float(row[0])
        return found

    def _find_commonest(self) -> dict[str, str]:
        """Column → the commonest amount above zero of a row's month, as SQL over ``r``; of events alone."""
        found = {}
        for size in self.sizes:
            if isinstance(size, Money) and self.contract.kind == "event":
                rows = self.connection.sql(
                    f"SELECT month, MODE({size.column} ORDER BY {size.column}) FROM r WHERE {size.column} > 0 "
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

    @property
    def _repeats(self) -> str:
        # An old spell that is still open repeats nothing; one that begins anew with nothing changed does.
        return "is_repeat" if self.contract.kind == "event" else "(is_repeat AND r.month = m.month)"

    def _positive(self) -> dict[str, str]:
        return {f"positive:{one.name}": f"r.{one.column} > 0" for one in self.sizes}

    def _middle(self, field: Field, reference: Reference) -> str:
        whole = reference.middles.get((field.column, None))
        cases = " ".join(
            f"WHEN {_quoted(stratum)} THEN {middle!r}"
            for (column, stratum), middle in reference.middles.items()
            if column == field.column and stratum is not None
        )
        other = "NULL" if whole is None else repr(whole)
        if not cases or not self.categories:
            return f"CAST({other} AS DOUBLE)"
        return f"CASE r.{self.categories[0].column} {cases} ELSE {other} END"

    def _register_months(self, months: Sequence[int], seen_after: int) -> None:
        ends = [last_day(one) for one in months]
        table = pa.table({
            "month": pa.array(months, pa.int32()),
            "first": pa.array([first_day(one) for one in months], pa.date32()),
            "last": pa.array(ends, pa.date32()),
            "seen": pa.array([one + dt.timedelta(days=seen_after) for one in ends], pa.date32()),
        })
        self.connection.register("months", table)

    def _rows_sql(self, as_of: dt.date) -> str:
        payload = ", ".join(["household_id", *(one.column for one in self.payload)])
        columns = ", ".join(self.contract.schema.names)
        month = "CAST(YEAR(occurred_on) * 12 + MONTH(occurred_on) - 1 AS INTEGER)"
        is_register = any(one.name == _AREA for one in self.contract.fields)
        own = f"d.{_AREA}" if is_register else "NULL"
        # In the register itself a key is foreign when an older one reads the same without its prefix.
        foreign = "h.household_id IS NULL"
        if is_register:
            foreign = "COALESCE(k.household_id <> d.household_id, d.household_id IS NULL)"
        if self.contract.kind == "event":
            repeat = "f.content IS NOT NULL"
            joins = (
                "LEFT JOIN (SELECT household_id, month, "
                "LAG(month) OVER (PARTITION BY household_id ORDER BY month) AS before "
                "FROM (SELECT DISTINCT household_id, month FROM hashed)) b "
                "ON b.household_id = d.household_id AND b.month = d.month "
                "LEFT JOIN (SELECT DISTINCT content, month FROM hashed) f "
                "ON f.content = d.content AND f.month = b.before"
            )
        else:
            repeat, joins = "d.nth_content > 1 AND d.nth_record = 1", ""
        return f"""
            CREATE TEMP TABLE r AS
            WITH delivered AS (
                SELECT {columns}, FALSE AS refused FROM accepted
                UNION ALL SELECT {columns}, TRUE FROM refused
            ), usual AS (
                SELECT COALESCE(CAST(MEDIAN(DATE_DIFF('day', occurred_on, known_on)) AS INTEGER), 30) AS lag
                FROM accepted
            ), dated AS (
                SELECT * REPLACE (
                    COALESCE(occurred_on, known_on - lag) AS occurred_on,
                    COALESCE(known_on, occurred_on + lag) AS known_on
                ), occurred_on IS NOT NULL AS was_dated, known_on IS NOT NULL AS was_known
                FROM delivered, usual
            ), hashed AS (
                SELECT *, {month} AS month, HASH({payload}) AS content, {core("household_id")} AS core
                FROM dated WHERE known_on <= DATE '{as_of}'
            ), numbered AS (
                SELECT *,
                    ROW_NUMBER() OVER (PARTITION BY content, occurred_on ORDER BY known_on, refused)
                        AS nth_record,
                    RANK() OVER (PARTITION BY content ORDER BY occurred_on, known_on) AS nth_content,
                    LAG(occurred_on) OVER (PARTITION BY content ORDER BY occurred_on, known_on)
                        AS last_on
                FROM hashed
            )
            SELECT d.*, d.nth_record > 1 AS is_copy, {repeat} AS is_repeat, {foreign} AS is_foreign,
                COALESCE(d.occurred_on - d.last_on BETWEEN 1 AND {TWIN_DAYS}, FALSE) AS is_twin,
                COALESCE(k.household_id, h.household_id) AS home,
                COALESCE(h.village, k.village, {own}, '{NOWHERE}') AS village
            FROM numbered d
            LEFT JOIN homes h ON h.household_id = d.household_id
            LEFT JOIN keys k ON k.core = d.core AND ({is_register} OR h.household_id IS NULL)
            {joins}
        """


def _register_sql(as_of: dt.date) -> str:
    return f"""
        CREATE TEMP TABLE homes AS
        SELECT household_id, ARG_MIN(village_code, (-epoch(occurred_on), village_code)) AS village, MIN(known_on) AS since
        FROM (
            SELECT household_id, village_code, occurred_on, known_on FROM register
            WHERE known_on <= DATE '{as_of}'
            UNION ALL
            SELECT REGEXP_REPLACE(household_id, '[^0-9A-Za-z_-]', '', 'g'), village_code,
                COALESCE(occurred_on, known_on, DATE '{as_of}'),
                COALESCE(known_on, occurred_on, DATE '{as_of}')
            FROM refused_register
            WHERE REGEXP_FULL_MATCH(village_code, '[0-9A-Z]{{12}}') AND household_id IS NOT NULL
        ) GROUP BY household_id;
        CREATE TEMP TABLE keys AS
        SELECT {core("household_id")} AS core,
            FIRST(household_id ORDER BY since, household_id) AS household_id,
            FIRST(village ORDER BY since, household_id) AS village
        FROM homes GROUP BY 1 HAVING core <> '';
    """


def core(column: str) -> str:
    """A key without its letters and leading zeros, what a spreadsheet leaves of it, as SQL."""
    digits = f"REGEXP_REPLACE({column}, '[^0-9]', '', 'g')"
    return f"CASE WHEN {digits} <> '' AND LTRIM({digits}, '0') = '' THEN '0' ELSE LTRIM({digits}, '0') END"


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "''") + "'"
