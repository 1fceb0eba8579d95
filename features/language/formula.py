"""Formula: an expression as people read it, for the reference pages and `explain`."""

from __future__ import annotations

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
    PolicyNumber,
)
from features.language.knowledge import visible_rows
from features.signals import CONTRACTS

_SIGNS = {"*": "×", "/": "÷", "-": "−", "<=": "≤", ">=": "≥"}


def formula(expr: Expr) -> str:
    """The expression in one line. That rows must be known by the date goes without saying."""
    match expr:
        case Literal(value=bool() as flag):
            return "yes" if flag else "no"
        case Literal(value=int() as number, money=1):
            return f"{number / 100:g} yuan"
        case Literal(value=value):
            return str(value)
        case Mark(unit="as_of"):
            return "the date"
        case Mark(unit=unit, back=back):
            return f"{back} {unit} before the date"
        case PolicyNumber(parameter=parameter):
            return parameter
        case Column(column=column):
            return column.removesuffix("_fen")
        case KnownColumn(value=value):
            return f"known {formula(value)}"
        case OrElse(value=value, other=other):
            return f"({formula(value)}, or else {formula(other)})"
        case OneOf(value=value, values=values):
            return f"{formula(value)} in {{{', '.join(map(str, values))}}}"
        case Not(value=value):
            return f"not ({formula(value)})"
        case Extreme(op=op, left=left, right=right):
            return f"{op}({formula(left)}, {formula(right)})"
        case Arithmetic(op=op, left=left, right=right):
            return f"({formula(left)} {_SIGNS.get(op, op)} {formula(right)})"
        case Compare(op=op, left=left, right=right):
            return f"({formula(left)} {_SIGNS.get(op, op)} {formula(right)})"
        case Logic(op=op, left=left, right=right):
            return f"({formula(left)} {op} {formula(right)})"
        case Aggregate():
            return _aggregate(expr)
    raise TypeError(f"{type(expr).__name__} has no formula")


def _aggregate(expr: Aggregate) -> str:
    visible = visible_rows(CONTRACTS[expr.feed])
    conditions = [formula(one) for one in expr.where if one not in visible]
    value = "" if expr.value is None else f" of {formula(expr.value)}"
    text = f"{expr.op} of {expr.feed}{value}"
    if conditions:
        text += f" where {' and '.join(conditions)}"
    if expr.window:
        span = f"last {expr.window.first_months} months"
        if expr.window.last_months:
            span = f"{expr.window.first_months} to {expr.window.last_months} months before the date"
        text += f", {span}"
    if expr.empty is not None:
        text += f", {formula(expr.empty)} where there is none"
    return f"[{text}]"
