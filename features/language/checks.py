"""What an expression must satisfy before it may be registered as a feature.

Money never meets a plain number in a sum or comparison, rows never divide, the number of fen in a
feature is known to be one power of money or none, and every aggregate carries its feed's visibility and
speaks of nothing but the fields that its feed's view hands out.
"""

from __future__ import annotations

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
    PolicyNumber,
    aggregates,
    children,
)
from features.language.kinds import check_kinds
from features.language.knowledge import known_fields, visible_rows
from features.signals import CONTRACTS


def check_expression(name: str, expr: Expr) -> int:
    """Return the power of money of a household expression (1 for an amount, 0 for a plain number).

    Raises `LanguageError` naming the feature and the rule.
    """
    try:
        _check_visibility(expr)
        power = _money_of_household(expr)
    except LanguageError as error:
        raise LanguageError(f"{name}: {error}") from None
    if power not in (0, 1):
        raise LanguageError(
            f"{name}: a feature is an amount or a plain number, not money to the power {power}"
        )
    return power


def _check_visibility(expr: Expr) -> None:
    for node in aggregates(expr):
        contract = CONTRACTS[node.feed]
        if not set(visible_rows(contract)) <= set(node.where):
            raise LanguageError(f"the aggregate over {node.feed} could see rows not yet known: use a view")
        given = known_fields(contract)
        parts = [one for one in node.where if one not in visible_rows(contract)]
        for part in parts if node.value is None else (*parts, node.value):
            _check_fields(node.feed, part, given)
        check_kinds(node)


def _check_fields(feed: str, part: Expr, given: frozenset[Expr]) -> None:
    if isinstance(part, Column | KnownColumn) and part not in given:
        raise LanguageError(f"the aggregate over {feed} uses a field that its view does not hand out")
    # What a known field is made of, its end and the end's arrival, is not for features to see alone.
    for child in () if isinstance(part, KnownColumn | Aggregate) else children(part):
        _check_fields(feed, child, given)


def _money_of_household(expr: Expr) -> int:
    match expr:
        case Literal(value=value, money=money):
            if isinstance(value, bool | str):
                raise LanguageError("a household value meets whole numbers only, no words and no flags")
            return money
        case Mark():
            return 0
        case PolicyNumber():
            return 1
        case Aggregate():
            for condition in expr.where:
                _money_of_row(condition)
            power = 0 if expr.value is None else _money_of_row(_present(expr.value))
            if expr.empty is not None and list(aggregates(expr.empty)):
                raise LanguageError("the value of an empty window is made of constants and policy amounts")
            if (
                expr.empty is not None
                and not _is_zero(expr.empty)
                and _money_of_household(expr.empty) != power
            ):
                raise LanguageError("the value of an empty window has another unit than the rows")
            return power
        case Arithmetic() | Extreme() | Compare():
            return _money_of_pair(expr, _money_of_household(expr.left), _money_of_household(expr.right))
        case Logic() | Not() | OneOf() | OrElse():
            raise LanguageError(f"{type(expr).__name__} is for rows; compare or add household values instead")
    raise LanguageError(f"{type(expr).__name__} needs an aggregate around it")


def _money_of_row(expr: Expr) -> int:
    match expr:
        case Literal(money=money) | Column(money=money):
            return money
        case Mark():
            return 0
        case KnownColumn():
            return expr.value.money
        case Arithmetic(op="/"):
            raise LanguageError("rows do not divide: sums of ratios are not exact")
        case Arithmetic() | Extreme():
            return _money_of_pair(
                expr, _money_of_row(_present(expr.left)), _money_of_row(_present(expr.right))
            )
        case Compare():
            return _money_of_pair(expr, _money_of_row(expr.left), _money_of_row(expr.right))
        case OrElse():
            return _same(_money_of_row(expr.value), _money_of_row(_present(expr.other)))
        case Logic():
            _money_of_row(expr.left)
            _money_of_row(expr.right)
            return 0
        case Not() | OneOf():
            _money_of_row(expr.value)
            return 0
    raise LanguageError(f"{type(expr).__name__} is not a part of a row")


def _present(expr: Expr) -> Expr:
    """Engines differ in how they count with absent values, so none may reach arithmetic."""
    absent = isinstance(expr, KnownColumn) or (isinstance(expr, Column) and expr.is_nullable)
    if absent:
        raise LanguageError("a field that may be absent needs OrElse before it is counted with")
    return expr


def _money_of_pair(expr: Arithmetic | Extreme | Compare, left: int, right: int) -> int:
    if isinstance(expr, Arithmetic) and expr.op == "/" and _is_zero(expr.right):
        raise LanguageError("nothing is divided by the constant 0")
    if isinstance(expr, Arithmetic) and expr.op in "*/":
        return left + right if expr.op == "*" else left - right
    # Zero is zero in every unit.
    if _is_zero(expr.left):
        left = right
    if _is_zero(expr.right):
        right = left
    power = _same(left, right)
    return 0 if isinstance(expr, Compare) else power


def _same(left: int, right: int) -> int:
    if left != right:
        raise LanguageError("an amount of money meets a plain number; write yuan(…) for an amount")
    return left


def _is_zero(expr: Expr) -> bool:
    return isinstance(expr, Literal) and expr.value == 0
