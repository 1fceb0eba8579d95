"""The batch query: a set of features as of a date, as one flat SQL text that DuckDB and Spark both run.

The text uses only what the two share (CASE, COALESCE, SUM, MIN, MAX, GREATEST, LEAST, integer arithmetic, one
floating-point division). Days enter as integers and policy amounts as whole fen, computed once in Python. It
asks for no order: an engine that wants one puts it around the text.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from features.engines.plan import FeedPlan, Plan, may_be_absent
from features.errors import LanguageError
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
from features.language.knowledge import is_open
from features.policy import DEFAULT_REGION
from features.signals import CONTRACTS, Coverage

SILENT_FEEDS = "silent_feeds"
"""The column that names the feeds of which nothing may be counted, delivered too long ago or never: each
feature that needs one is missing, and silence is not "no risk". In the order of use, joined by commas."""


def compile_sql(plan: Plan, as_of: dt.date, region: str = DEFAULT_REGION) -> str:
    """The query for one as-of date over the feeds' tables, ``h`` (households) and ``coverage``.

    Its columns: household_id, `SILENT_FEEDS`, and one a feature, null where missing.
    """
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
        keys = ["h.household_id", f"c.{SILENT_FEEDS}"]
        joined = f"j AS (SELECT {', '.join([*keys, *slots])} FROM h {' '.join(joins)})"
        outputs = [
            f"CAST({self.household(one.output)} AS DOUBLE) AS {one.name}" for one in self.plan.features
        ]
        head = ",\n".join([*passes, joined])
        return f"WITH {head}\nSELECT {', '.join(['j.household_id', f'j.{SILENT_FEEDS}', *outputs])}\nFROM j"

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
                return quoted(word)
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
                listed = ", ".join(quoted(one) if isinstance(one, str) else str(one) for one in values)
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
    """For each village the day numbers between which each feed is covered; null where it is not, or stale.

    Its `SILENT_FEEDS` names those that are null.
    """
    columns: dict[str, Any] = {"village_code": pa.array(villages, pa.string())}
    silent: list[list[str]] = [[] for _ in villages]
    for one in plan.feeds:
        spans = coverage.covered_villages(one.feed, villages, as_of, region)
        fresh = [None if span is None or span.is_stale else span for span in spans]
        for names, span in zip(silent, fresh, strict=True):
            if span is None:
                names.append(one.feed)
        columns[f"{one.feed}_since"] = pa.array([span and span.since_day for span in fresh], pa.int32())
        columns[f"{one.feed}_until"] = pa.array([span and span.until_day for span in fresh], pa.int32())
    columns[SILENT_FEEDS] = pa.array([",".join(names) for names in silent], pa.string())
    return pa.table(columns)


def with_integer_days(table: pa.Table) -> pa.Table:
    """A stored table with its dates as day numbers, as the query reads them."""
    fields = [
        pa.field(one.name, pa.int32() if pa.types.is_date32(one.type) else one.type) for one in table.schema
    ]
    return table.cast(pa.schema(fields))


def quoted(word: str) -> str:
    """A text as an SQL literal; words of contracts and paths hold no backslash, which Spark would read."""
    return "'" + word.replace("'", "''") + "'"
