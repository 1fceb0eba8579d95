"""What registration refuses beyond `test_leakage`: hand-made expressions, mixed kinds, missing texts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from features import CONTRACTS, RowEngine
from features.errors import LanguageError
from features.language import View, feature, greatest, yuan
from features.language.expressions import (
    AS_OF,
    Aggregate,
    Column,
    Compare,
    Expr,
    KnownColumn,
    Literal,
    Logic,
    OrElse,
    Window,
)
from features.language.knowledge import visible_rows
from tests.features.definitions import as_feature

HALF: Any = 0.5
VIEWS = {feed: View(contract) for feed, contract in CONTRACTS.items()}
INCOME = VIEWS["income"].last(months=3)
MEMBER = VIEWS["member"].open()
SEEN = visible_rows(CONTRACTS["member"])
ENDED = Column("ended_on", "day", is_nullable=True)
KNOWN = Column("known_on", "day")


def member_count(*conditions: Expr) -> Aggregate:
    return Aggregate("member", "count", None, conditions, None, None)


@pytest.mark.parametrize(
    ("expr", "match"),
    [
        (member_count(), "not yet known"),
        (member_count(SEEN[0]), "not yet known"),
        (member_count(SEEN[1]), "not yet known"),
        (member_count(Logic("or", *SEEN)), "not yet known"),
        (
            member_count(Compare("<=", Column("occurred_on", "day"), AS_OF), Compare("<", KNOWN, AS_OF)),
            "not yet known",
        ),
        (Aggregate("income", "count", None, SEEN[:1], Window(12), 12), "not yet known"),
        (
            INCOME.max("amount", empty=0) - Aggregate("income", "max", INCOME.amount, (), Window(3), 3),
            "not yet known",
        ),
        (
            INCOME.max("amount", empty=Aggregate("income", "sum", INCOME.amount, (), Window(3), 3)),
            "not yet known",
        ),
        # What a view hides cannot be written by hand either.
        (member_count(*SEEN, Compare("<", ENDED, AS_OF)), "does not hand out"),
        (member_count(*SEEN, ~Compare("<", KNOWN, AS_OF)), "does not hand out"),
        (
            member_count(*SEEN, Compare("<", KnownColumn(ENDED, Column("occurred_on", "day")), AS_OF)),
            "hand out",
        ),
        (Aggregate("member", "max", KNOWN, SEEN, None, None), "does not hand out"),
        (member_count(*SEEN, Compare("=", Column("member_id", "word"), Literal("M1"))), "does not hand out"),
        (MEMBER.where(VIEWS["illness"].is_serious_disease).count(), "does not hand out"),
    ],
)
def test_nothing_reaches_past_the_view(expr: Expr, match: str) -> None:
    with pytest.raises(LanguageError, match=match):
        as_feature("peeking", expr, 0)


@pytest.mark.parametrize(
    ("expr", "match"),
    [
        (lambda: INCOME.sum("amount") + INCOME.count(), "plain number"),
        (lambda: INCOME.sum("amount") > 5000, "plain number"),
        (lambda: INCOME.where(INCOME.amount > 5000).count(), "plain number"),
        (lambda: INCOME.where(amount=5000).count(), "plain number"),
        (lambda: greatest(INCOME.sum("amount"), 5), "plain number"),
        (lambda: INCOME.max("amount", empty=5), "another unit"),
        (lambda: INCOME.sum("amount") * INCOME.sum("amount"), "power 2"),
        (lambda: INCOME.count() / INCOME.sum("amount"), "power -1"),
        (lambda: INCOME.sum("source"), "sum is a number"),
        (lambda: MEMBER.max("labour"), "max is a number or a day"),
        (lambda: MEMBER.sum("born_on"), "sum is a number"),
        (lambda: MEMBER.sum("has_chronic_illness"), "sum is a number"),
        (lambda: MEMBER.where(MEMBER.labour > 3).count(), "what meets a word"),
        (lambda: MEMBER.where(MEMBER.disability_grade.equals("severe")).count(), "what meets a number"),
        (lambda: MEMBER.where(MEMBER.born_on > 1990).count(), "what meets a day"),
        (lambda: MEMBER.where(MEMBER.disability_grade).count(), "condition is a flag"),
        (lambda: MEMBER.where(~MEMBER.disability_grade).count(), "~ is a flag"),
        (lambda: MEMBER.where(MEMBER.has_chronic_illness & MEMBER.labour).count(), "and is a flag"),
        (
            lambda: MEMBER.where(MEMBER.has_chronic_illness > MEMBER.has_chronic_illness).count(),
            "number or a day",
        ),
        (lambda: MEMBER.where(MEMBER.labour.is_in()).count(), "at least one"),
        (lambda: MEMBER.where(MEMBER.labour.is_in("none", 1)).count(), "what meets a word"),
        (lambda: MEMBER.where(MEMBER.born_on + MEMBER.born_on > MEMBER.born_on).count(), "days take"),
        (lambda: MEMBER.count().equals("many"), "whole numbers"),
        (lambda: MEMBER.count() + True, "whole numbers"),
        (lambda: MEMBER.count() / 0, "constant 0"),
        (lambda: INCOME.sum(INCOME.amount / INCOME.cost), "do not divide"),
        (lambda: MEMBER.max(MEMBER.ended_on), "OrElse"),
        (lambda: MEMBER.where(MEMBER.ended_on - MEMBER.occurred_on > 5).count(), "OrElse"),
        (lambda: MEMBER.max(OrElse(MEMBER.ended_on, MEMBER.ended_on)), "OrElse"),
        (lambda: INCOME.max("amount", empty=INCOME.sum("cost")), "constants and policy"),
        (lambda: INCOME.where(INCOME.amount > INCOME.sum("cost")).count(), "part of a row"),
        (lambda: ~INCOME.any(), "for rows"),
        (lambda: INCOME.count().is_in(1, 2), "for rows"),
        (lambda: INCOME.amount, "aggregate around"),
        (lambda: INCOME.count() * HALF, "floating-point"),
        (lambda: INCOME.sum(HALF), "part of a row"),
        (lambda: VIEWS["income"].sum("amount"), "needs a window"),
        (lambda: VIEWS["income"].open(), "spells"),
        (lambda: VIEWS["member"].last(months=3), "events"),
        (lambda: INCOME.last(months=12), "already has a window"),
        (lambda: VIEWS["income"].last(months=0), "1 to 120"),
        (lambda: VIEWS["income"].previous(months=61), "1 to 120"),
        (lambda: MEMBER.during(months=121), "1 to 120"),
        (lambda: MEMBER.days(), "needs a period"),
        (lambda: VIEWS["member"].days_since_last(), "needs a window"),
        (lambda: MEMBER.known_on, "arrived"),
        (lambda: MEMBER.ended_known_on, "arrived"),
        (lambda: MEMBER.where(is_known_on_estimated=True), "arrived"),
        (lambda: MEMBER.household_id, "key"),
    ],
)
def test_refused(expr: Callable[[], Any], match: str) -> None:
    with pytest.raises(LanguageError, match=match):
        as_feature("refused", expr(), 0)


def test_zero_is_zero_in_every_unit() -> None:
    assert as_feature("fine", greatest(0, INCOME.sum("amount")), 1).is_money
    assert as_feature("fine", INCOME.sum("amount") > 0, 0).unit == "count"
    assert as_feature("fine", INCOME.max("amount", empty=0), 1).is_money
    assert yuan(3) != Literal(300)


@pytest.mark.parametrize(
    ("options", "doc", "match"),
    [
        ({"unit": "dollars"}, "Doc.", "unit is one of"),
        ({"theme": "weather"}, "Doc.", "theme is one of"),
        ({"unit": "yuan"}, "Doc.", "not money"),
        ({"zh": ""}, "Doc.", "docstring"),
        ({"en": ""}, "Doc.", "docstring"),
        ({}, "", "docstring"),
        ({}, None, "docstring"),
    ],
)
def test_a_feature_brings_its_texts(options: dict[str, str], doc: str | None, match: str) -> None:
    def counted(income: View) -> Expr:
        return income.last(months=3).count()

    counted.__doc__ = doc
    given: dict[str, Any] = {
        "zh": "名",
        "en": "name",
        "unit": "count",
        "theme": "income",
        "cause": "99",
        **options,
    }
    with pytest.raises(LanguageError, match=f"counted: .*{match}"):
        feature(given.pop("zh"), given.pop("en"), **given)(counted)


def test_equal_expressions_are_computed_once() -> None:
    twice = INCOME.sum("amount") + VIEWS["income"].last(months=3).sum("amount")
    assert len(RowEngine([as_feature("twice", twice, 1)]).plan.slots) == 1
