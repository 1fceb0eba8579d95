"""The batch engine: one flat SQL text per as-of date, run by DuckDB.

The text uses only what DuckDB and Spark SQL share (CASE, COALESCE, SUM, MIN, MAX, integer arithmetic, one
floating-point division), so that a cluster can run the very same one. Days enter as integers and policy
amounts as whole fen, computed once in Python.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import duckdb
import pandas as pd
import pyarrow as pa

from features.definitions import FEATURES
from features.engines.plan import FeedPlan, Plan, may_be_absent
from features.errors import ContractError, LanguageError, RunError
from features.language.expressions import (
    AS_OF,
    Aggregate,
    Arithmetic,
    Column,
    Compare,
    Expr,
    Extreme,
    KnownColumn,
    Literal,
    Logic,
    Mark,
    Not,
    OneOf,
    OrElse,
    PolicyNumber,
)
from features.language.feature import Feature
from features.language.knowledge import is_open
from features.policy import DEFAULT_REGION
from features.signals import CONTRACTS, Coverage
from features.signals.store import Signals

Progress = Callable[[int, int], None]

Stored: TypeAlias = pa.Table | Sequence[Path]
"""A feed's stored table, or the Parquet files that hold it."""


def build_vectors(
    signals: Signals,
    as_of_dates: Sequence[dt.date],
    *,
    features: Iterable[Feature] | None = None,
    region: str = DEFAULT_REGION,
    progress: Progress | None = None,
    threads: int | None = None,
) -> pd.DataFrame:
    """Vectors of all households registered on each as-of date, as they could be known on that date.

    Returns a float64 frame, one column a feature, indexed by (household_id, as_of_date) and sorted by
    date, then household; amounts are in yuan and missing values are NaN. `progress` is called with
    (dates done, dates in all). Raises `PolicyError` where a date has no policy value in force.
    """
    chosen = tuple(FEATURES.values() if features is None else features)
    parts = []
    with VectorQuery(chosen, region=region, limits=Limits(threads)) as query:
        query.read(signals.tables, signals.coverage)
        for done, as_of in enumerate(sorted(as_of_dates), 1):
            frame = query.table(as_of).to_pandas()
            frame.insert(1, "as_of_date", pd.Timestamp(as_of))
            parts.append(frame)
            if progress:
                progress(done, len(as_of_dates))
    names = [one.name for one in chosen]
    keys = ["household_id", "as_of_date"]
    whole = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=[*keys, *names])
    return whole.set_index(keys)[names].astype("float64")


@dataclass(frozen=True)
class Limits:
    """What a query may take of the machine: threads, memory, and the folder that it writes to beyond that.

    Without them DuckDB takes all cores and most of the memory.
    """

    threads: int | None = None
    memory_mb: int | None = None
    spill: Path | None = None


class VectorQuery:
    """Features asked of signals as of a date, in one DuckDB connection. Closed by `with`.

    `feeds` are those that are read: the register, those of the features, and `also` those that are given.
    """

    def __init__(
        self,
        features: Iterable[Feature],
        *,
        also: Iterable[str] = (),
        region: str = DEFAULT_REGION,
        limits: Limits | None = None,
    ) -> None:
        self.connection = duckdb.connect()
        self.plan = Plan(features)
        self.feeds = tuple(dict.fromkeys(["household", *(one.feed for one in self.plan.feeds), *also]))
        self._region = region
        self._coverage = Coverage()
        # Joins run in the order that they are written in: looking for a better one takes a third of the time
        # that planning twenty of them does, and finds none.
        self.connection.execute("SET disabled_optimizers = 'join_order'")
        if limits and limits.threads:
            self.connection.execute(f"SET threads = {int(limits.threads)}")
        if limits and limits.memory_mb:
            self.connection.execute(f"SET memory_limit = '{int(limits.memory_mb)}MB'")
        if limits and limits.spill:
            self.connection.execute(f"SET temp_directory = {_quoted(str(limits.spill))}")

    def __enter__(self) -> VectorQuery:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def read(self, sources: Mapping[str, Stored], coverage: Coverage) -> None:
        """Ask these signals from now on.

        `sources` has for each feed its stored table, or the Parquet files that hold it, which are read as the
        query goes.
        """
        self._coverage = coverage
        for feed in self.feeds:
            source = sources[feed]
            if isinstance(source, pa.Table):
                self.connection.register(feed, _with_integer_days(source))
                continue
            with _told():
                self.connection.execute(
                    f"CREATE OR REPLACE VIEW {feed} AS {_integer_days_of_files(feed, source)}"
                )

    def homes(self, as_of: dt.date) -> pa.Table:
        """household_id and village_code of every household that is registered on the date."""
        with _told():
            return self.connection.sql(households_sql(as_of)).to_arrow_table()

    def table(self, as_of: dt.date) -> pa.Table:
        """household_id and one float64 column a feature, null where missing, sorted by household."""
        with _told():
            return self.connection.sql(self._prepared(as_of)).to_arrow_table()

    def write(self, as_of: dt.date, path: Path) -> None:
        """The same as a Parquet file, written as the rows come."""
        with _told():
            self.connection.execute(
                f"COPY ({self._prepared(as_of)}) TO {_quoted(str(path))} "
                "(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"
            )

    def _prepared(self, as_of: dt.date) -> str:
        households = self.homes(as_of)
        villages = households["village_code"].unique().to_pylist()
        self.connection.register("h", households)
        covered = coverage_table(self._coverage, villages, as_of, self._region, self.plan)
        self.connection.register("coverage", covered)
        return compile_sql(self.plan, as_of, self._region)


def registered_villages(register: Stored, as_of: dt.date) -> pd.Series[str]:
    """The village of every household that is registered on a date, by household."""
    with VectorQuery(()) as query:
        query.read({"household": register}, Coverage())
        return homes_by_household(query.homes(as_of))


def homes_by_household(homes: pa.Table) -> pd.Series[str]:
    """The village by household, in the order of their keys, from what `VectorQuery.homes` gives."""
    found: pd.Series[str] = homes.to_pandas().set_index("household_id")["village_code"].sort_index()
    return found


def compile_sql(plan: Plan, as_of: dt.date, region: str = DEFAULT_REGION) -> str:
    """The query for one as-of date over the feeds' tables, ``h`` (households) and ``coverage``."""
    return _Compiler(plan, as_of, region).query()


class _Compiler:
    def __init__(self, plan: Plan, as_of: dt.date, region: str) -> None:
        self.plan = plan
        self.as_of = as_of
        self.policy = plan.policy_fen(as_of, region)

    def query(self) -> str:
        passes = [f"{one.feed}_ AS ({self._pass(one)})" for one in self.plan.feeds]
        slots = [f"{self._slot(one)} AS {slot}" for one, slot in self.plan.slots.items()]
        joins = [
            f"LEFT JOIN {one.feed}_ ON {one.feed}_.household_id = h.household_id" for one in self.plan.feeds
        ]
        joins.append("LEFT JOIN coverage c ON c.village_code = h.village_code")
        joined = f"j AS (SELECT {', '.join(['h.household_id', *slots])} FROM h {' '.join(joins)})"
        outputs = [
            f"CAST({self.household(one.output)} AS DOUBLE) AS {one.name}" for one in self.plan.features
        ]
        head = ",\n".join([*passes, joined])
        return (
            f"WITH {head}\nSELECT {', '.join(['j.household_id', *outputs])}\nFROM j ORDER BY j.household_id"
        )

    def _pass(self, feed: FeedPlan) -> str:
        conditions = [self.row(one) for one in feed.shared]
        if feed.first_months:
            conditions.append(f"t.occurred_on > {self._day(Mark('months', feed.first_months))}")
        columns = []
        for slot, aggregate in feed.slots.items():
            own = [self.row(one) for one in feed.own_conditions(aggregate)]
            if aggregate.window:
                if aggregate.window.first_months != feed.first_months:
                    own.append(f"t.occurred_on > {self._day(Mark('months', aggregate.window.first_months))}")
                if aggregate.window.last_months:
                    own.append(f"t.occurred_on <= {self._day(Mark('months', aggregate.window.last_months))}")
            value = "1" if aggregate.value is None else self.row(aggregate.value)
            if own:
                value = f"CASE WHEN {' AND '.join(own)} THEN {value} END"
            function = "SUM" if aggregate.op == "count" else aggregate.op.upper()
            columns.append(f"CAST({function}({value}) AS BIGINT) AS {slot}")
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        return (
            f"SELECT t.household_id, {', '.join(columns)} FROM {feed.feed} t{where} GROUP BY t.household_id"
        )

    def _slot(self, aggregate: Aggregate) -> str:
        value = f"{aggregate.feed}_.{self.plan.slots[aggregate]}"
        if aggregate.op in ("sum", "count"):
            value = f"COALESCE({value}, 0)"
        elif aggregate.empty is not None:
            value = f"COALESCE({value}, {self.household(aggregate.empty)})"
        since = f"c.{aggregate.feed}_since"
        start = self._day(Mark("months", aggregate.covered_months))
        covered = f"{since} <= {start + 1} AND c.{aggregate.feed}_until > {start}"
        return f"CASE WHEN {covered} THEN {value} END"

    def row(self, expr: Expr) -> str:
        match expr:
            case Literal(value=str() as word):
                return _quoted(word)
            case Literal(value=bool() as flag):
                return "TRUE" if flag else "FALSE"
            case Literal(value=number):
                return str(number)
            case Mark():
                return str(self._day(expr))
            case Column(column=column):
                return f"t.{column}"
            case KnownColumn(value=value, known=known):
                return f"CASE WHEN t.{known.column} <= {self._day(AS_OF)} THEN t.{value.column} END"
            case Arithmetic(op=op, left=left, right=right):
                return f"(CAST({self.row(left)} AS BIGINT) {op} CAST({self.row(right)} AS BIGINT))"
            case Extreme(op=op, left=left, right=right):
                return f"{op.upper()}({self.row(left)}, {self.row(right)})"
            case OrElse(value=value, other=other):
                return f"COALESCE({self.row(value)}, {self.row(other)})"
            case Compare(op=op, left=left, right=right):
                text = f"({self.row(left)} {op} {self.row(right)})"
                absent = may_be_absent(left) or may_be_absent(right)
                return f"COALESCE({text}, FALSE)" if absent else text
            case OneOf(value=value, values=values):
                listed = ", ".join(_quoted(one) if isinstance(one, str) else str(one) for one in values)
                text = f"({self.row(value)} IN ({listed}))"
                return f"COALESCE({text}, FALSE)" if may_be_absent(value) else text
            case Logic(op=op, left=left, right=right):
                return f"({self.row(left)} {op.upper()} {self.row(right)})"
            case Not(value=value):
                return f"(NOT {self.row(value)})"
        raise LanguageError(f"{type(expr).__name__} is not a part of a row")

    def household(self, expr: Expr) -> str:
        match expr:
            case Literal(value=number):
                return str(number)
            case Mark():
                return str(self._day(expr))
            case PolicyNumber(parameter=parameter):
                return str(self.policy[parameter])
            case Aggregate():
                return f"j.{self.plan.slots[expr]}"
            case Arithmetic(op="/", left=left, right=right):
                number, by = self.household(left), self.household(right)
                ratio = f"CAST({number} AS DOUBLE) / CAST({by} AS DOUBLE)"
                return f"({ratio})" if isinstance(right, Literal) else f"CASE WHEN {by} <> 0 THEN {ratio} END"
            case Arithmetic(op=op, left=left, right=right):
                return f"({self.household(left)} {op} {self.household(right)})"
            case Extreme(op=op, left=left, right=right):
                one, other = self.household(left), self.household(right)
                # GREATEST and LEAST skip absent values; a household value computed from one is missing.
                present = f"{one} IS NOT NULL AND {other} IS NOT NULL"
                return f"CASE WHEN {present} THEN {op.upper()}({one}, {other}) END"
            case Compare(op=op, left=left, right=right):
                return f"CAST({self.household(left)} {op} {self.household(right)} AS BIGINT)"
        raise LanguageError(f"{type(expr).__name__} needs an aggregate around it")

    def _day(self, mark: Mark) -> int:
        return mark.day(self.as_of)


def households_sql(as_of: dt.date) -> str:
    """The query for the households registered on a date, each with its village."""
    compiler = _Compiler(Plan(()), as_of, DEFAULT_REGION)
    conditions = " AND ".join(compiler.row(one) for one in is_open(CONTRACTS["household"]))
    # A household that is on two villages' registers at once is taken where the code is smallest: any fixed
    # rule does, as long as every engine follows the same.
    return (
        "SELECT t.household_id, MIN(t.village_code) AS village_code FROM household t "
        f"WHERE {conditions} GROUP BY t.household_id"
    )


def coverage_table(
    coverage: Coverage, villages: Sequence[str], as_of: dt.date, region: str, plan: Plan
) -> pa.Table:
    """For each village the day numbers between which each feed is covered; null where it is not, or stale."""
    columns: dict[str, Any] = {"village_code": pa.array(villages, pa.string())}
    for one in plan.feeds:
        spans = coverage.covered_villages(one.feed, villages, as_of, region)
        fresh = [None if span is None or span.is_stale else span for span in spans]
        columns[f"{one.feed}_since"] = pa.array([span and span.since_day for span in fresh], pa.int32())
        columns[f"{one.feed}_until"] = pa.array([span and span.until_day for span in fresh], pa.int32())
    return pa.table(columns)


def _with_integer_days(table: pa.Table) -> pa.Table:
    fields = [
        pa.field(one.name, pa.int32() if pa.types.is_date32(one.type) else one.type) for one in table.schema
    ]
    return table.cast(pa.schema(fields))


def _integer_days_of_files(feed: str, paths: Sequence[Path]) -> str:
    columns = [
        f"CAST({one.name} - DATE '1970-01-01' AS INTEGER) AS {one.name}"
        if pa.types.is_date32(one.type)
        else one.name
        for one in CONTRACTS[feed].schema
    ]
    files = ", ".join(_quoted(str(path)) for path in paths)
    return f"SELECT {', '.join(columns)} FROM read_parquet([{files}], hive_partitioning = false)"


@contextmanager
def _told() -> Iterator[None]:
    """What DuckDB says of a file may hold values of it; ours says what to do. Our own mistakes stay loud."""
    try:
        yield
    except (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException):
        raise
    except duckdb.OutOfMemoryException:
        raise RunError(
            "the query needs more memory or disk than it was given: free some, or store smaller buckets"
        ) from None
    except duckdb.IOException:
        raise RunError(
            "a file could not be read or written: see whether the disk is full, and start again"
        ) from None
    except duckdb.Error:
        raise ContractError(
            "stored signals cannot be read: a file is harmed; take the rows in anew"
        ) from None


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "''") + "'"
