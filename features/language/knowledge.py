"""What is visible of a feed as of a date. The only place that decides it.

A record is visible when it has happened and has arrived; a spell's end is visible when it, too, has
arrived. Views put `visible_rows` into every aggregate and hand out a spell's end only as `known_field`,
so a feature cannot be written that looks past its date.
"""

from __future__ import annotations

from features.errors import LanguageError
from features.language.expressions import AS_OF, Column, Compare, Expr, KnownColumn
from features.signals.contract import ENDED_KNOWN_ON, ENDED_ON, KNOWN_ON, OCCURRED_ON, Contract
from features.signals.fields import Category, Count, Date, Field, Flag, Identifier, Money

_ARRIVAL = {KNOWN_ON, ENDED_KNOWN_ON, "is_known_on_estimated"}


def visible_rows(contract: Contract) -> tuple[Expr, ...]:
    """The conditions under which a row of the feed is known on the as-of date."""
    return (
        Compare("<=", _column(contract.field(OCCURRED_ON)), AS_OF),
        Compare("<=", _column(contract.field(KNOWN_ON)), AS_OF),
    )


def known_field(contract: Contract, name: str) -> Expr:
    """A field as a feature may see it. Arrival dates are for visibility only and are refused."""
    field = contract.field(name)
    if name in _ARRIVAL:
        raise LanguageError(f"{contract.name}.{name} says when a record arrived; a feature may not use it")
    if isinstance(field, Identifier):
        raise LanguageError(f"{contract.name}.{name} is a key; a feature may not use it")
    if name == ENDED_ON:
        return KnownColumn(_column(field), _column(contract.field(ENDED_KNOWN_ON)))
    return _column(field)


def known_fields(contract: Contract) -> frozenset[Expr]:
    """Every field of the feed that a feature may see."""
    seen = [one for one in contract.fields if one.name not in _ARRIVAL and not isinstance(one, Identifier)]
    return frozenset(known_field(contract, one.name) for one in seen)


def is_open(contract: Contract) -> tuple[Expr, ...]:
    """The conditions under which a spell goes on, as far as is known on the as-of date."""
    return (*visible_rows(contract), ~Compare("<", known_field(contract, ENDED_ON), AS_OF))


def _column(field: Field) -> Column:
    match field:
        case Money():
            return Column(field.column, "number", money=1, is_nullable=not field.is_required)
        case Count():
            return Column(field.column, "number", is_nullable=not field.is_required)
        case Date():
            return Column(field.column, "day", is_nullable=not field.is_required)
        case Flag():
            return Column(field.column, "flag", is_nullable=not field.is_required)
        case Category():
            return Column(field.column, "word", is_nullable=not field.is_required)
    raise LanguageError(f"{field.name} is of a kind that no feature can use")
