"""The online engine: the same features compiled to one straight-line Python function for one household.

It needs nothing beyond the standard library. Each feed is read once; every condition, aggregate and
subexpression is computed once; a missing value is `None` and whatever is computed from it is missing.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from features.dates import to_day
from features.definitions import FEATURES
from features.engines.plan import FeedPlan, Plan, may_be_absent
from features.errors import ContractError, LanguageError
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
from features.signals.reading import ReadRows

Rows = Mapping[str, Sequence[Mapping[str, Any]]]
"""Feed → stored rows of one household, dates as day numbers (see `stored_row`)."""

_START = {"sum": "0", "count": "0.0", "min": "None", "max": "None"}
_PYTHON_OP = {"=": "==", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


class RowEngine:
    """Vectors for one household at a time. Build it once; it is safe to share between threads."""

    def __init__(self, features: Iterable[Feature] | None = None, region: str = DEFAULT_REGION) -> None:
        self.plan = Plan(FEATURES.values() if features is None else features)
        self.region = region
        self.names = tuple(one.name for one in self.plan.features)
        self._feeds = tuple(one.feed for one in self.plan.feeds)
        self.source = _Writer(self.plan, _by_name).source()
        self._compute = _run(self.source, "compute")
        self._compute_read = _run(_Writer(self.plan, _by_place).source(), "compute")
        self._constants = lru_cache(maxsize=512)(self._constants_of)

    def vector(self, rows: Rows, as_of: dt.date, coverage: Coverage) -> list[float | None]:
        """The values of `names`, amounts in yuan, `None` where missing.

        Raises `ContractError` when the household is not registered on the as-of date.
        """
        village = self.village_code(rows, as_of)
        since, until = coverage.stretches(self._feeds, village, as_of, self.region)
        marks, policy = self._constants(as_of)
        if isinstance(rows, ReadRows):
            read: list[float | None] = self._compute_read(rows.values_of, marks, policy, since, until)
            return read
        result: list[float | None] = self._compute(rows, marks, policy, since, until)
        return result

    def silent_feeds(self, rows: Rows, as_of: dt.date, coverage: Coverage) -> tuple[str, ...]:
        """The feeds of which nothing may be counted, delivered too long ago or never; errors as `vector`'s.

        Each feature that needs one of them is missing.
        """
        village = self.village_code(rows, as_of)
        spans = {one: coverage.covered(one, village, as_of, self.region) for one in self._feeds}
        return tuple(feed for feed, span in spans.items() if span is None or span.is_stale)

    def village_code(self, rows: Rows, as_of: dt.date) -> str:
        """The village the household is registered in on the as-of date; raises `ContractError`."""
        village: str | None
        if isinstance(rows, ReadRows):
            village = _VILLAGE_READ(rows.values_of.get("household", ()), to_day(as_of))
        else:
            village = _VILLAGE(rows.get("household", ()), to_day(as_of))
        if village is None:
            raise ContractError(
                f"no household record is open and known on {as_of}: give one with occurred_on and known_on "
                "on or before the as-of date"
            )
        return village

    def _constants_of(self, as_of: dt.date) -> tuple[tuple[int, ...], tuple[int, ...]]:
        days = tuple(mark.day(as_of) for mark in self.plan.marks)
        return days, tuple(self.plan.policy_fen(as_of, self.region).values())


def stored_row(values: Mapping[str, Any]) -> dict[str, Any]:
    """A row of stored values with its dates as day numbers, as `RowEngine` reads them."""
    return {name: to_day(value) if isinstance(value, dt.date) else value for name, value in values.items()}


Begin = Callable[[str, str, Iterable[str]], list[str]]
"""A feed, its rows' text and the columns that are needed → the lines with which a loop over them begins."""


def _by_name(feed: str, rows: str, columns: Iterable[str]) -> list[str]:
    """A loop over rows by names."""
    return [f"for r in {rows}:", *(f"  {one} = r[{one!r}]" for one in columns)]


def _by_place(feed: str, rows: str, columns: Iterable[str]) -> list[str]:
    """A loop over rows in the order of their contract's columns."""
    needed = set(columns)
    places = [one if one in needed else "_" for one in CONTRACTS[feed].columns]
    return [f"for {', '.join(places)}, in {rows}:"]


class _Writer:
    """Writes the Python text of one plan; `begin` writes how a loop over a feed's rows begins."""

    def __init__(self, plan: Plan, begin: Begin = _by_name) -> None:
        self.plan = plan
        self.begin = begin
        self.lines: list[str] = []
        self.marks = {mark: f"m{number}" for number, mark in enumerate(plan.marks)}
        self.policy = {name: f"p{number}" for number, name in enumerate(plan.parameters)}
        self.values: dict[Expr, str] = {}
        self.uncovered: dict[tuple[str, int], str] = {}

    def source(self) -> str:
        self.lines = ["def compute(rows, marks, policy, since, until):"]
        self._add(1, f"{', '.join(self.marks.values())}, = marks")
        if self.policy:
            self._add(1, f"{', '.join(self.policy.values())}, = policy")
        for feed in self.plan.feeds:
            self._pass(feed)
        for aggregate, slot in self.plan.slots.items():
            self._settle(aggregate, slot)
        results = [self._household(one.output) for one in self.plan.features]
        joined = ", ".join(
            one if _is_float(feature.output) else f"None if {one} is None else float({one})"
            for feature, one in zip(self.plan.features, results, strict=True)
        )
        self._add(1, f"return [{joined}]")
        return "\n".join(self.lines) + "\n"

    def _pass(self, feed: FeedPlan) -> None:
        for slot, aggregate in feed.slots.items():
            self._add(1, f"{slot} = {_START[aggregate.op]}")
        for line in self.begin(feed.feed, f"rows.get({feed.feed!r}, ())", self.plan.columns(feed)):
            self._add(1, line)
        shared = [self._row(one) for one in feed.shared]
        if feed.first_months:
            shared.append(f"occurred_on > {self.marks[Mark('months', feed.first_months)]}")
        if shared:
            self._add(2, f"if not ({' and '.join(shared)}): continue")
        steps = []
        for slot, aggregate in feed.slots.items():
            tests = [self._row(one) for one in feed.own_conditions(aggregate)]
            if aggregate.window:
                if aggregate.window.first_months != feed.first_months:
                    tests.append(f"occurred_on > {self.marks[Mark('months', aggregate.window.first_months)]}")
                if aggregate.window.last_months:
                    tests.append(f"occurred_on <= {self.marks[Mark('months', aggregate.window.last_months)]}")
            steps.append((tests, self._step(slot, aggregate)))
        self._nest(2, steps)

    def _nest(self, depth: int, steps: list[tuple[list[str], str]]) -> None:
        """Steps with what each is taken under: the test that most of them share is made once, around them."""
        for tests, step in steps:
            if not tests:
                self._add(depth, step)
        left = [(tests, step) for tests, step in steps if tests]
        while left:
            [(shared, _)] = Counter(test for tests, _ in left for test in tests).most_common(1)
            self._add(depth, f"if {shared}:")
            inside = [(tests, step) for tests, step in left if shared in tests]
            self._nest(depth + 1, [([one for one in tests if one != shared], step) for tests, step in inside])
            left = [(tests, step) for tests, step in left if shared not in tests]

    def _step(self, slot: str, aggregate: Aggregate) -> str:
        if aggregate.value is None:
            return f"{slot} += 1.0"
        value = self._row(aggregate.value)
        if aggregate.op == "sum":
            return f"{slot} += {value}"
        sign = ">" if aggregate.op == "max" else "<"
        return f"{slot} = {value} if {slot} is None or {value} {sign} {slot} else {slot}"

    def _settle(self, aggregate: Aggregate, slot: str) -> None:
        uncovered = self._uncovered(aggregate.feed, aggregate.covered_months)
        # Written first, as it may take lines of its own.
        empty = None if aggregate.empty is None else self._household(aggregate.empty)
        self._add(1, f"if {uncovered}: {slot} = None")
        if empty is not None:
            self._add(1, f"elif {slot} is None: {slot} = {empty}")
        self.values[aggregate] = slot

    def _uncovered(self, feed: str, months: int) -> str:
        """The name of the variable that says whether a feed's window may not be counted."""
        if (feed, months) not in self.uncovered:
            name = self.uncovered[feed, months] = f"u{len(self.uncovered)}"
            since, until = f"since[{feed!r}]", f"until[{feed!r}]"
            start = self.marks[Mark("months", months)]
            self._add(1, f"{name} = {since} is None or {since} > {start} + 1 or {until} <= {start}")
        return self.uncovered[feed, months]

    def _row(self, expr: Expr) -> str:
        match expr:
            case Literal(value=value):
                return repr(value)
            case Mark():
                return self.marks[expr]
            case Column(column=column):
                return column
            case KnownColumn(value=value, known=known):
                as_of = self.marks[AS_OF]
                test = f"{known.column} is not None and {known.column} <= {as_of}"
                return f"({value.column} if {test} else None)"
            case Arithmetic(op=op, left=left, right=right):
                return f"({self._row(left)} {op} {self._row(right)})"
            case Extreme(op=op, left=left, right=right):
                sign = "<=" if op == "least" else ">="
                one, other = self._row(left), self._row(right)
                return f"({one} if {one} {sign} {other} else {other})"
            case OrElse(value=value, other=other):
                text = self._row(value)
                return f"({self._row(other)} if {text} is None else {text})"
            case Compare(op=op, left=left, right=right):
                absent = [f"{self._row(one)} is not None" for one in (left, right) if may_be_absent(one)]
                test = f"{self._row(left)} {_PYTHON_OP[op]} {self._row(right)}"
                return f"({' and '.join([*absent, test])})"
            case OneOf(value=value, values=values):
                return f"({self._row(value)} in {{{', '.join(map(repr, values))}}})"
            case Logic(op=op, left=left, right=right):
                return f"({self._row(left)} {op} {self._row(right)})"
            case Not(value=value):
                return f"(not {self._row(value)})"
        raise LanguageError(f"{type(expr).__name__} is not a part of a row")

    def _household(self, expr: Expr) -> str:
        """The name of the variable (or the text of the constant) that holds a household value."""
        match expr:
            case Literal(value=value):
                return repr(value)
            case Mark():
                return self.marks[expr]
            case PolicyNumber(parameter=parameter):
                return self.policy[parameter]
        if expr not in self.values:
            text = self._formula(expr)
            self.values[expr] = f"x{len(self.values)}"
            self._add(1, f"{self.values[expr]} = {text}")
        return self.values[expr]

    def _formula(self, expr: Expr) -> str:
        match expr:
            case Arithmetic(op=op, left=left, right=right):
                one, other = self._household(left), self._household(right)
                missing = self._missing((left, one), (right, other))
                if op == "*" and _is_whole(expr) and _has_float(expr):
                    # Counts are floats here: none of them times a loss would be a zero below zero.
                    return _unless(missing, f"{one} * {other} + 0.0")
                if op == "/":
                    # One side a float makes the division one of floats.
                    if isinstance(right, Literal):
                        return _unless(missing, f"{one} / {float(right.value)!r}")
                    return _unless([*missing, f"{other} == 0"], f"float({one}) / {other}")
                return _unless(missing, f"{one} {op} {other}")
            case Extreme(op=op, left=left, right=right):
                one, other = self._household(left), self._household(right)
                sign = "<=" if op == "least" else ">="
                return _unless(
                    self._missing((left, one), (right, other)),
                    f"({one} if {one} {sign} {other} else {other})",
                )
            case Compare(op=op, left=left, right=right):
                one, other = self._household(left), self._household(right)
                return _unless(
                    self._missing((left, one), (right, other)),
                    f"(1.0 if {one} {_PYTHON_OP[op]} {other} else 0.0)",
                )
        raise LanguageError(f"{type(expr).__name__} needs an aggregate around it")

    def _missing(self, *sides: tuple[Expr, str]) -> list[str]:
        constants = (Literal, Mark, PolicyNumber)
        return [f"{text} is None" for expr, text in sides if not isinstance(expr, constants)]

    def _add(self, depth: int, line: str) -> None:
        self.lines.append("  " * depth + line)


def _unless(missing: list[str], text: str) -> str:
    return f"None if {' or '.join(missing)} else {text}" if missing else text


def _is_float(expr: Expr) -> bool:
    """Whether the value of a household expression is a float already, or missing."""
    match expr:
        case Arithmetic(op="/") | Aggregate(op="count") | Compare():
            return True
    return False


def _is_whole(expr: Expr) -> bool:
    """Whether the value of a household expression is a whole number, or missing."""
    match expr:
        case Arithmetic(op=op, left=left, right=right):
            return op != "/" and _is_whole(left) and _is_whole(right)
        case Extreme(left=left, right=right):
            return _is_whole(left) and _is_whole(right)
        case Literal(value=value):
            return isinstance(value, int)
    return True


def _has_float(expr: Expr) -> bool:
    """Whether some of a whole number comes as a float."""
    match expr:
        case Arithmetic(left=left, right=right) | Extreme(left=left, right=right):
            return _has_float(left) or _has_float(right)
    return _is_float(expr)


def _village_source(begin: Begin) -> str:
    writer = _Writer(Plan(()), begin)
    conditions = " and ".join(writer._row(one) for one in is_open(CONTRACTS["household"]))
    names = ("occurred_on", "known_on", "ended_on", "ended_known_on", "village_code")
    loop = "\n".join(f"  {one}" for one in begin("household", "rows", names))
    return (
        "def village(rows, m0):\n"
        "  found = None\n"
        f"{loop}\n"
        f"    if {conditions} and (found is None or village_code < found): found = village_code\n"
        "  return found\n"
    )


def _run(source: str, name: str) -> Callable[..., Any]:
    scope: dict[str, Any] = {}
    # The text comes from the definitions of this package alone; no input reaches it.
    exec(compile(source, f"<features: {name}>", "exec"), scope)
    function: Callable[..., Any] = scope[name]
    return function


_VILLAGE, _VILLAGE_READ = (_run(_village_source(one), "village") for one in (_by_name, _by_place))
