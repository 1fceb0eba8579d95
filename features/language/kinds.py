"""Which kind each part of a row is: a number, a day, a flag or a word. Kinds never mix.

Python and SQL answer a comparison of a word with a number, or a sum of words, each in its own way; so none
is accepted.
"""

from __future__ import annotations

from typing import Literal as OneOfWords

from features.errors import LanguageError
from features.language.expressions import (
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
)

Kind = OneOfWords["number", "day", "flag", "word"]


def check_kinds(aggregate: Aggregate) -> None:
    """Raise `LanguageError` unless conditions are flags and the value can be added up or compared."""
    for condition in aggregate.where:
        _need("a condition", kind_of(condition), "flag")
    if aggregate.value is not None:
        allowed: tuple[Kind, ...] = ("number",) if aggregate.op == "sum" else ("number", "day")
        _need(aggregate.op, kind_of(aggregate.value), *allowed)


def kind_of(expr: Expr) -> Kind:
    """The kind of a row expression; raises `LanguageError` where kinds mix."""
    match expr:
        case Literal(value=str()):
            return "word"
        case Literal(value=bool()):
            return "flag"
        case Literal():
            return "number"
        case Mark():
            return "day"
        case Column(kind=kind) | KnownColumn(value=Column(kind=kind)):
            return kind
        case Arithmetic():
            return _of_arithmetic(expr)
        case Extreme():
            _need(expr.op, kind_of(expr.left), "number", "day")
            return _same(expr.left, expr.right)
        case OrElse():
            return _same(expr.value, expr.other)
        case Compare():
            kind = _same(expr.left, expr.right)
            if expr.op != "=":
                _need(f"a comparison with {expr.op}", kind, "number", "day")
            return "flag"
        case OneOf():
            _need("is_in", kind_of(expr.value), "number", "word")
            if not expr.values:
                raise LanguageError("is_in needs at least one value")
            for value in expr.values:
                _same(expr.value, Literal(value))
            return "flag"
        case Logic():
            _need(expr.op, kind_of(expr.left), "flag")
            _need(expr.op, kind_of(expr.right), "flag")
            return "flag"
        case Not():
            _need("~", kind_of(expr.value), "flag")
            return "flag"
    raise LanguageError(f"{type(expr).__name__} is not a part of a row")


def _of_arithmetic(expr: Arithmetic) -> Kind:
    left, right = kind_of(expr.left), kind_of(expr.right)
    _need(expr.op, left, "number", "day")
    _need(expr.op, right, "number", "day")
    if left == right == "number":
        return "number"
    if expr.op == "-" and left == "day":
        return "number" if right == "day" else "day"
    if expr.op == "+" and left != right:
        return "day"
    raise LanguageError("days take a number of days more or less, or their distance; nothing else")


def _same(left: Expr, right: Expr) -> Kind:
    kind = kind_of(left)
    _need(f"what meets a {kind}", kind_of(right), kind)
    return kind


def _need(what: str, found: Kind, *allowed: Kind) -> None:
    if found not in allowed:
        raise LanguageError(f"{what} is a {' or a '.join(allowed)} here, not a {found}")
