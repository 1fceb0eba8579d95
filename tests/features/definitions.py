"""Random feature definitions, written the way people write them: through views."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from features.language import Feature, View, feature, greatest, least, yuan
from features.language.expressions import Expr, PolicyNumber
from features.signals import CONTRACTS
from features.signals.fields import Category, Count, Date, Field, Flag, Money

_MONTHS = st.sampled_from((1, 2, 3, 6, 12, 24))


@st.composite
def feature_sets(draw: st.DrawFn) -> list[Feature]:
    size = draw(st.integers(1, 5))
    return [as_feature(f"generated_{number}", *draw(household_values(2))) for number in range(size)]


def as_feature(name: str, expr: Expr, power: int) -> Feature:
    def define() -> Expr:
        return expr

    define.__name__, define.__doc__ = name, "Made up."
    return feature("造", "made up", unit="yuan" if power else "count", theme="income", cause="99")(define)


@st.composite
def household_values(draw: st.DrawFn, depth: int) -> tuple[Expr, int]:
    """A household expression and its power of money, 0 or 1."""
    kind = draw(st.sampled_from(("leaf", "leaf", "+-", "*", "/", "extreme", "compare"))) if depth else "leaf"
    if kind == "leaf":
        return draw(aggregates())
    left, power = draw(household_values(depth - 1))
    right, other = draw(household_values(depth - 1) | constants(power))
    match kind:
        case "*":
            return left * draw(st.integers(-3, 3)), power
        case "/" if power >= other:
            return left / right, power - other
        case "/":
            return right / left, other - power
    if other != power:
        right, _ = draw(constants(power))
    match kind:
        case "+-":
            return (left + right if draw(st.booleans()) else left - right), power
        case "extreme":
            return draw(st.sampled_from((greatest, least)))(left, right), power
    return draw(compared(left, right)), 0


@st.composite
def constants(draw: st.DrawFn, power: int) -> tuple[Expr, int]:
    number = draw(st.integers(1, 9000) | st.integers(-5, -1))
    if power:
        return draw(st.sampled_from((yuan(number), PolicyNumber("monitoring_line")))), 1
    return least(number, number), 0


@st.composite
def compared(draw: st.DrawFn, left: Any, right: Any) -> Expr:
    match draw(st.sampled_from(("<", "<=", ">", ">=", "="))):
        case "<":
            return left < right  # type: ignore[no-any-return]
        case "<=":
            return left <= right  # type: ignore[no-any-return]
        case ">":
            return left > right  # type: ignore[no-any-return]
        case ">=":
            return left >= right  # type: ignore[no-any-return]
    return left.equals(right)  # type: ignore[no-any-return]


@st.composite
def aggregates(draw: st.DrawFn) -> tuple[Expr, int]:
    view = View(CONTRACTS[draw(st.sampled_from(list(CONTRACTS)))])
    is_event = view.contract.kind == "event"
    if draw(st.booleans()):
        view = view.where(*draw(st.lists(conditions(view, 2), max_size=2)), **draw(plain_tests(view)))
    if view.contract.name == "member" and draw(st.booleans()):
        years = draw(st.sampled_from((1, 16, 60)))
        view = view.aged_below(years) if draw(st.booleans()) else view.aged_at_least(years)
    narrowed = draw(st.sampled_from(("last", "previous") if is_event else ("all", "open", "during")))
    match narrowed:
        case "last":
            view = view.last(months=draw(_MONTHS))
        case "previous":
            view = view.previous(months=draw(_MONTHS))
        case "open":
            view = view.open()
        case "during":
            view = view.during(months=draw(_MONTHS))
    special = {"last": ["since"], "previous": ["since"], "during": ["days"]}.get(narrowed, [])
    # Some feeds have no number to add up or to compare.
    numeric = ["sum", "min", "max"] if _fields(view, Money, Count) else []
    match draw(st.sampled_from(["count", "any", *numeric, *special])):
        case "count":
            return view.count(), 0
        case "any":
            return view.any(), 0
        case "since":
            return view.days_since_last(), 0
        case "days":
            return view.days(), 0
        case "sum":
            value, power = draw(row_numbers(view))
            return view.sum(value), power
        case op:
            value, power = draw(row_numbers(view))
            empty = draw(st.none() | st.just(0) | constants(power).map(lambda pair: pair[0]))
            return getattr(view, op)(value, empty=empty), power


def _fields(view: View, *kinds: type[Field]) -> list[Field]:
    hidden = ("known_on", "ended_known_on", "is_known_on_estimated")
    return [one for one in view.contract.fields if isinstance(one, kinds) and one.name not in hidden]


@st.composite
def row_numbers(draw: st.DrawFn, view: View) -> tuple[Expr, int]:
    """A value of every row that can be added up, and its power of money."""
    field = draw(st.sampled_from(_fields(view, Money, Count)))
    value, power = getattr(view, field.name), int(isinstance(field, Money))
    match draw(st.sampled_from(("plain", "plain", "+", "-", "*", "extreme"))):
        case "+":
            value = value + (yuan(1) if power else 1)
        case "-":
            other = draw(st.sampled_from([one for one in _fields(view, type(field)) if one.is_required]))
            value = value - getattr(view, other.name)
        case "*":
            value = value * draw(st.integers(-2, 3))
        case "extreme":
            bound = draw(st.sampled_from((0, 1, 4000)))
            value = draw(st.sampled_from((greatest, least)))(value, yuan(bound) if power else bound)
    return value, power


@st.composite
def conditions(draw: st.DrawFn, view: View, depth: int) -> Expr:
    """A condition on one row; spells' ends may be absent in it."""
    kind = draw(st.sampled_from(("test", "test", "and", "or", "not"))) if depth else "test"
    match kind:
        case "not":
            return ~draw(conditions(view, depth - 1))
        case "and":
            return draw(conditions(view, depth - 1)) & draw(conditions(view, depth - 1))
        case "or":
            return draw(conditions(view, depth - 1)) | draw(conditions(view, depth - 1))
    field = draw(st.sampled_from(_fields(view, Money, Count, Date, Flag, Category)))
    value = getattr(view, field.name)
    match field:
        case Flag():
            return value  # type: ignore[no-any-return]
        case Category(categories=words):
            return value.is_in(*draw(st.lists(st.sampled_from(words), min_size=1, max_size=3)))  # type: ignore[no-any-return]
        case Date():
            other = draw(st.sampled_from([one.name for one in _fields(view, Date)]))
            return draw(compared(value, getattr(view, other)))
        case Money():
            number, power = draw(row_numbers(view))
            return draw(compared(value, number if power else yuan(3000)))
    return draw(compared(value, draw(st.integers(0, 100))))


@st.composite
def plain_tests(draw: st.DrawFn, view: View) -> dict[str, str | int | bool]:
    """Fields compared with constants: ``where(source="wages")``."""
    tests: dict[str, str | int | bool] = {}
    for field in _fields(view, Category, Flag, Count):
        if draw(st.integers(0, 3)) == 0:
            if isinstance(field, Category):
                tests[field.name] = draw(st.sampled_from(field.categories))
            else:
                tests[field.name] = draw(st.booleans() if isinstance(field, Flag) else st.integers(0, 4))
    return tests
