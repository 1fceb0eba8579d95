"""Limits: the least and greatest value that a feature can have, from the contracts of what it is made of.

Each part of an expression is taken by itself, so the limits may be wider than what can happen, never
narrower. Days are counted from the as-of date. What is divided by a fraction has no limits.
"""

from __future__ import annotations

import math
from itertools import product

from features.language.expressions import (
    Aggregate,
    Arithmetic,
    Column,
    Compare,
    Expr,
    Extreme,
    KnownColumn,
    Literal,
    Mark,
    OrElse,
    PolicyNumber,
    walk,
)
from features.signals import CONTRACTS
from features.signals.contract import OCCURRED_ON
from features.signals.fields import FEN_PER_YUAN, Count, Money

Limits = tuple[float, float]

MOST_RECORDS = 100_000
"""Records of one feed that no household has: a request of so many would be several times too large."""
_DAYS = (-201 * 366, 201 * 366)
"""Between two days that a contract takes."""
_POLICY = (FEN_PER_YUAN, 1_000_000 * FEN_PER_YUAN)


def find_limits(expr: Expr, feed: str = "") -> Limits:
    """The limits of a household expression, or of a row expression of a feed."""
    match expr:
        case Literal(value=int() as value):
            return value, value
        case Mark(unit=unit, back=back):
            months = back * (12 if unit == "years" else 1)
            return -31 * months, -28 * months
        case PolicyNumber():
            return _POLICY
        case Compare():
            return 0, 1
        case Column():
            return _of_column(expr, feed)
        case KnownColumn(value=value):
            return find_limits(value, feed)
        case OrElse(value=value, other=other):
            return _either(find_limits(value, feed), find_limits(other, feed))
        case Extreme(op=op, left=left, right=right):
            pick = max if op == "greatest" else min
            (low, high), (other_low, other_high) = find_limits(left, feed), find_limits(right, feed)
            return pick(low, other_low), pick(high, other_high)
        case Arithmetic(op="/", right=right) if any(_is_division(one) for one in walk(right)):
            return -math.inf, math.inf
        case Arithmetic(op=op, left=left, right=right):
            return _combined(op, find_limits(left, feed), find_limits(right, feed))
        case Aggregate():
            return _of_aggregate(expr)
    raise TypeError(f"{type(expr).__name__} has no limits")


def _of_column(column: Column, feed: str) -> Limits:
    if column.kind == "day":
        return _DAYS
    field = next(one for one in CONTRACTS[feed].fields if one.column == column.column)
    match field:
        case Money():
            return field.minimum_yuan * FEN_PER_YUAN, field.maximum_yuan * FEN_PER_YUAN
        case Count():
            return field.minimum, field.maximum
    raise TypeError(f"{field.name} has no limits")


def _of_aggregate(one: Aggregate) -> Limits:
    if one.value is None:
        return 0, MOST_RECORDS
    low, high = find_limits(one.value, one.feed)
    if one.window and isinstance(one.value, Column) and one.value.column == OCCURRED_ON:
        low, high = -31 * one.window.first_months, 0
    if one.op == "sum":
        # Any number of records, none as well.
        return min(0, low * MOST_RECORDS), max(0, high * MOST_RECORDS)
    return (low, high) if one.empty is None else _either((low, high), find_limits(one.empty, one.feed))


def _combined(op: str, left: Limits, right: Limits) -> Limits:
    match op:
        case "+":
            return left[0] + right[0], left[1] + right[1]
        case "-":
            return left[0] - right[1], left[1] - right[0]
        case "*":
            found = [one * other for one, other in product(left, right)]
        case _:
            found = [one / other for one, other in product(left, _divisors(right))]
    return min(found), max(found)


def _divisors(limits: Limits) -> list[float]:
    """The ends of what is divided by: whole numbers, and missing is what would be divided by 0."""
    low, high = limits
    above = [max(1, low), high] if high >= 1 else []
    below = [low, min(-1, high)] if low <= -1 else []
    return above + below


def _is_division(expr: Expr) -> bool:
    return isinstance(expr, Arithmetic) and expr.op == "/"


def _either(one: Limits, other: Limits) -> Limits:
    return min(one[0], other[0]), max(one[1], other[1])
