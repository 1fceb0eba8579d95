"""The closed algebra that every feature is written in.

Two levels: *row* expressions speak of one record of one feed, *household* expressions of one household.
An `Aggregate` is the only way from the first to the second. Rows hold integers, booleans and words and
know two truth values (a comparison with an absent value is false); a household value may be missing, and
then everything computed from it is missing. The only floating-point operation is a division between
household values. So sums are exact, no order of rows matters, and all engines agree to the bit.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal as OneOfWords

from features.dates import months_before, to_day
from features.errors import LanguageError


class Operand:
    """Anything that arithmetic and comparison can be written with: an expression or a whole feature."""

    @property
    def expr(self) -> Expr:
        """The expression this operand stands for."""
        raise NotImplementedError

    def __add__(self, other: Operand | int) -> Expr:
        return Arithmetic("+", self.expr, as_expr(other))

    def __radd__(self, other: int) -> Expr:
        return Arithmetic("+", as_expr(other), self.expr)

    def __sub__(self, other: Operand | int) -> Expr:
        return Arithmetic("-", self.expr, as_expr(other))

    def __rsub__(self, other: int) -> Expr:
        return Arithmetic("-", as_expr(other), self.expr)

    def __mul__(self, other: Operand | int) -> Expr:
        return Arithmetic("*", self.expr, as_expr(other))

    def __rmul__(self, other: int) -> Expr:
        return Arithmetic("*", as_expr(other), self.expr)

    def __truediv__(self, other: Operand | int) -> Expr:
        return Arithmetic("/", self.expr, as_expr(other))

    def __lt__(self, other: Operand | int) -> Expr:
        return Compare("<", self.expr, as_expr(other))

    def __le__(self, other: Operand | int) -> Expr:
        return Compare("<=", self.expr, as_expr(other))

    def __gt__(self, other: Operand | int) -> Expr:
        return Compare(">", self.expr, as_expr(other))

    def __ge__(self, other: Operand | int) -> Expr:
        return Compare(">=", self.expr, as_expr(other))

    def equals(self, other: Operand | int | str) -> Expr:
        """Equality as an expression; ``==`` keeps its Python meaning."""
        return Compare("=", self.expr, as_expr(other))

    def is_in(self, *values: int | str) -> Expr:
        """Whether the value is one of these."""
        return OneOf(self.expr, values)

    def __and__(self, other: Operand) -> Expr:
        return Logic("and", self.expr, other.expr)

    def __or__(self, other: Operand) -> Expr:
        return Logic("or", self.expr, other.expr)

    def __invert__(self) -> Expr:
        return Not(self.expr)

    def __bool__(self) -> bool:
        raise LanguageError("an expression has no truth value yet: write &, | and ~ instead of and, or, not")


@dataclass(frozen=True)
class Expr(Operand):
    """A node of the algebra. Equal nodes compare equal and hash alike, so each is computed once."""

    @property
    def expr(self) -> Expr:
        return self


@dataclass(frozen=True)
class Literal(Expr):
    """A constant. `money` is 1 for an amount in fen and 0 for a plain number or word."""

    value: int | bool | str
    money: int = 0


@dataclass(frozen=True)
class Mark(Expr):
    """A day on the calendar relative to the as-of date: that day itself, or months or years before it."""

    unit: OneOfWords["as_of", "months", "years"] = "as_of"
    back: int = 0

    def day(self, as_of: dt.date) -> int:
        """The day number of this mark for an as-of date."""
        if self.unit == "as_of":
            return to_day(as_of)
        return to_day(months_before(as_of, self.back * (12 if self.unit == "years" else 1)))


AS_OF = Mark()

STATE_MONTHS = 12
"""A state (who lives here, which jobs go on) is known where the register has been complete for a year: what
began before the first covered day was never delivered."""


@dataclass(frozen=True)
class Column(Expr):
    """A field of a record, by its stored column."""

    column: str
    kind: OneOfWords["number", "day", "flag", "word"]
    money: int = 0
    is_nullable: bool = False


@dataclass(frozen=True)
class KnownColumn(Expr):
    """A field that became known later than its record (a spell's end): absent until `known` has come."""

    value: Column
    known: Column


@dataclass(frozen=True)
class Arithmetic(Expr):
    """``+ - *`` on integers (and on household ratios); ``/`` between household values only."""

    op: OneOfWords["+", "-", "*", "/"]
    left: Expr
    right: Expr


@dataclass(frozen=True)
class Extreme(Expr):
    """The smaller (``least``) or larger (``greatest``) of two values that are there."""

    op: OneOfWords["least", "greatest"]
    left: Expr
    right: Expr


@dataclass(frozen=True)
class OrElse(Expr):
    """The row value, or another where it is absent."""

    value: Expr
    other: Expr


@dataclass(frozen=True)
class Compare(Expr):
    """A comparison; on rows false where a side is absent, for households missing where one is missing."""

    op: OneOfWords["=", "<", "<=", ">", ">="]
    left: Expr
    right: Expr


@dataclass(frozen=True)
class OneOf(Expr):
    """Whether a row value is one of a closed list."""

    value: Expr
    values: tuple[int | str, ...]


@dataclass(frozen=True)
class Logic(Expr):
    """Conjunction or disjunction of row conditions."""

    op: OneOfWords["and", "or"]
    left: Expr
    right: Expr


@dataclass(frozen=True)
class Not(Expr):
    """Negation of a row condition."""

    value: Expr


@dataclass(frozen=True)
class Window:
    """Rows that occurred after `first_months` before the as-of date and not after `last_months` before it."""

    first_months: int
    last_months: int = 0


@dataclass(frozen=True)
class Aggregate(Expr):
    """One household value from the known rows of one feed.

    Missing unless the feed is fresh, covered without a gap for `covered_months` back, and covered into the
    window: a feed that ends before a window begins says nothing about it. In a covered
    window no rows mean 0 for ``sum`` and ``count`` and `empty` (or missing) for ``min`` and ``max``.
    """

    feed: str
    op: OneOfWords["sum", "count", "min", "max"]
    value: Expr | None
    where: tuple[Expr, ...]
    window: Window | None
    needs_months: int | None
    empty: Expr | None = None

    @property
    def covered_months(self) -> int:
        """How many months back the feed must be covered."""
        return self.needs_months or STATE_MONTHS


@dataclass(frozen=True)
class PolicyNumber(Expr):
    """A policy amount in force on the as-of date in the region of the run, in fen."""

    parameter: str


def as_expr(value: Operand | int | str) -> Expr:
    """The expression of an operand or of a constant."""
    if isinstance(value, Operand):
        return value.expr
    if isinstance(value, float):
        raise LanguageError("no floating-point constants: write a ratio of whole numbers")
    return Literal(value)


def yuan(amount: int) -> Literal:
    """A constant amount of money."""
    return Literal(amount * 100, money=1)


def greatest(left: Operand | int, right: Operand | int) -> Expr:
    """The larger of two values."""
    return Extreme("greatest", as_expr(left), as_expr(right))


def least(left: Operand | int, right: Operand | int) -> Expr:
    """The smaller of two values."""
    return Extreme("least", as_expr(left), as_expr(right))


def children(expr: Expr) -> tuple[Expr, ...]:
    """The direct parts of a node, row conditions of an aggregate included."""
    match expr:
        case Arithmetic() | Compare() | Logic() | Extreme():
            return (expr.left, expr.right)
        case OrElse():
            return (expr.value, expr.other)
        case KnownColumn():
            return (expr.value, expr.known)
        case OneOf() | Not():
            return (expr.value,)
        case Aggregate():
            value = () if expr.value is None else (expr.value,)
            empty = () if expr.empty is None else (expr.empty,)
            return (*expr.where, *value, *empty)
    return ()


def walk(expr: Expr) -> Iterator[Expr]:
    """The node and everything below it."""
    yield expr
    for child in children(expr):
        yield from walk(child)


def aggregates(expr: Expr) -> Iterator[Aggregate]:
    """Every aggregate of a household expression, from left to right."""
    for node in walk(expr):
        if isinstance(node, Aggregate):
            yield node
