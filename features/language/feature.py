"""A feature: one expression with everything that people and engines need to know about it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal as OneOfWords

from features.errors import LanguageError
from features.language.checks import check_expression
from features.language.expressions import Aggregate, Arithmetic, Expr, Literal, Operand, PolicyNumber, walk
from features.language.limits import find_limits
from features.language.views import View
from features.signals import CONTRACTS, OUTCOME_FEEDS

UNITS = ("yuan", "yuan per person", "persons", "count", "days", "months", "share", "percent", "mu", "yes/no")
THEMES = (
    "composition",
    "income",
    "production",
    "employment",
    "illness",
    "accident",
    "guarantees",
    "neighbourhood",
)
"""产业 production, 就业 employment, 重病 illness and 意外 accident are the four watched on the line (线)."""


@dataclass(frozen=True, eq=False)
class Feature(Operand):
    """A named, documented quantity of a household as of a date.

    `direction` is +1 where more of it never lowers the risk, −1 where it never raises it, 0 where neither
    is certain. `cause` is the official reason code under which a cadre meets it.
    """

    name: str
    zh: str
    en: str
    unit: str
    theme: str
    cause: str
    direction: OneOfWords[-1, 0, 1]
    doc: str
    expression: Expr

    @property
    def expr(self) -> Expr:
        return self.expression

    @property
    def output(self) -> Expr:
        """What engines return: amounts in yuan, everything else as it is."""
        return Arithmetic("/", self.expression, Literal(100)) if self.is_money else self.expression

    @property
    def is_money(self) -> bool:
        """Whether the value is an amount in yuan at the surface."""
        return self.unit.startswith("yuan")

    @cached_property
    def limits(self) -> tuple[float, float]:
        """The least and greatest value that signals within their contracts can give."""
        return find_limits(self.output)

    @cached_property
    def feeds(self) -> tuple[str, ...]:
        """The feeds it is computed from, in the order of the contracts."""
        used = {node.feed for node in walk(self.expression) if isinstance(node, Aggregate)}
        return tuple(feed for feed in CONTRACTS if feed in used)

    @property
    def parameters(self) -> tuple[str, ...]:
        """The policy parameters it uses."""
        return tuple(
            sorted({node.parameter for node in walk(self.expression) if isinstance(node, PolicyNumber)})
        )

    @cached_property
    def window_months(self) -> int:
        """How far back it looks; 0 for the state on the as-of date."""
        return max(
            (node.needs_months or 0 for node in walk(self.expression) if isinstance(node, Aggregate)),
            default=0,
        )


def feature(
    zh: str, en: str, *, unit: str, theme: str, cause: str, direction: OneOfWords[-1, 0, 1] = 0
) -> Callable[[Callable[..., Expr]], Feature]:
    """Define a feature: the function's parameters are the feeds it looks at, ``line`` is the monitoring line.

    Raises `LanguageError` for a definition that could see the future, mixes units or lacks its text.
    """

    def define(function: Callable[..., Expr]) -> Feature:
        name = function.__name__
        if unit not in UNITS:
            raise LanguageError(f"{name}: unit is one of {', '.join(UNITS)}")
        if theme not in THEMES:
            raise LanguageError(f"{name}: theme is one of {', '.join(THEMES)}")
        doc = inspect.getdoc(function)
        if not (doc and zh and en):
            raise LanguageError(f"{name}: give it a Chinese and an English name and a docstring")
        expression = function(**{
            parameter: _argument(name, parameter) for parameter in inspect.signature(function).parameters
        })
        power = check_expression(name, expression)
        if (power == 1) != unit.startswith("yuan"):
            raise LanguageError(
                f"{name}: the unit is {unit}, but the value is {'' if power else 'not '}money"
            )
        return Feature(name, zh, en, unit, theme, cause, direction, doc, expression)

    return define


def _argument(name: str, parameter: str) -> View | PolicyNumber:
    if parameter == "line":
        return PolicyNumber("monitoring_line")
    if parameter in OUTCOME_FEEDS:
        raise LanguageError(f"{name}: {parameter} holds the outcome itself; no feature may look at it")
    if parameter in CONTRACTS:
        return View(CONTRACTS[parameter])
    raise LanguageError(f"{name}: {parameter} is not a feed; there are {', '.join(CONTRACTS)}, and line")
