"""Random feature definitions, written through views as a person would write them."""

from __future__ import annotations

import random

from features.language.checks import check_expression
from features.language.expressions import Expr, PolicyNumber, greatest, least
from features.language.feature import Feature
from features.language.views import View
from features.signals import CONTRACTS


def random_features(seed: int, count: int) -> list[Feature]:
    """`count` definitions drawn from a seed; amounts and plain numbers both occur."""
    rng = random.Random(seed)
    made = []
    for number in range(count):
        is_money = rng.random() < 0.5
        expr = _amount(rng, 2) if is_money else _number(rng, 2)
        power = check_expression(f"random_{number}", expr)
        assert power == (1 if is_money else 0)
        unit = "yuan" if is_money else "count"
        made.append(Feature(f"random_{number}", "随机", "random", unit, "income", "99", 0, "made up", expr))
    return made


def _amount(rng: random.Random, depth: int) -> Expr:
    if depth == 0 or rng.random() < 0.3:
        return _money_aggregate(rng)
    left, right = _amount(rng, depth - 1), _amount(rng, depth - 1)
    made = [left + right, left - right, greatest(left, right), least(0, left), left * _number(rng, 0),
            greatest(PolicyNumber("monitoring_line"), right), left / _number(rng, depth - 1)]  # fmt: skip
    return rng.choice(made)


def _number(rng: random.Random, depth: int) -> Expr:
    if depth == 0 or rng.random() < 0.3:
        return _count_aggregate(rng)
    left, right = _number(rng, depth - 1), _number(rng, depth - 1)
    made = [left + right, left - 3 * right, left / right, left > right, left.equals(right),
            least(left, 2),
            _amount(rng, depth - 1) / _amount(rng, depth - 1),
            _amount(rng, depth - 1) <= _amount(rng, 0)]  # fmt: skip
    return rng.choice(made)


def _event(rng: random.Random, feed: str) -> View:
    view = View(CONTRACTS[feed])
    view = view.last(months=rng.choice((1, 3, 6, 12, 24))) if rng.random() < 0.7 else view.previous(
        months=rng.choice((3, 6, 12))
    )  # fmt: skip
    if feed == "illness":
        view = rng.choice(
            (view, view.where(care="inpatient"), view.where(is_serious_disease=False),
             view.where((view.self_paid > view.reimbursed) | view.care.is_in("outpatient")))
        )  # fmt: skip
    return view


def _spell(rng: random.Random, feed: str) -> View:
    view = View(CONTRACTS[feed])
    view = view.open() if rng.random() < 0.6 else view.during(months=rng.choice((3, 12, 24)))
    if feed == "member":
        view = rng.choice(
            (view, view.aged_at_least(60), view.aged_below(16), view.where(~(view.disability_grade > 2)),
             view.where(has_chronic_illness=True, labour="none"))
        )  # fmt: skip
    return view


def _money_aggregate(rng: random.Random) -> Expr:
    feed, field = rng.choice((
        ("income", "amount"),
        ("illness", "self_paid"),
        ("disaster", "loss"),
        ("employment", "monthly_wage"),
    ))
    view = _spell(rng, feed) if feed == "employment" else _event(rng, feed)
    op = rng.choice(("sum", "max", "min", "max0", "difference"))
    if op == "sum":
        return view.sum(field)
    if op == "difference" and feed == "income":
        return view.sum(view.amount - 2 * view.cost)
    if op == "max0":
        return view.max(field, empty=0)
    return view.max(field) if op == "max" else view.min(field)


def _count_aggregate(rng: random.Random) -> Expr:
    feed = rng.choice(tuple(CONTRACTS))
    if CONTRACTS[feed].kind == "event":
        view = _event(rng, feed)
        return rng.choice((view.count(), view.any(), view.days_since_last()))
    view = _spell(rng, feed)
    made = [view.count(), view.any()]
    if view.state == "overlap":
        made.append(view.days())
    if feed == "household":
        made.append(view.max("land_mu"))
    return rng.choice(made)
