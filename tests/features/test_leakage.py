"""What was not known on the as-of date changes no vector, on either engine."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import CONTRACTS, FEATURES, RowEngine, build_vectors, feature
from features.errors import LanguageError
from features.language import View
from features.language.expressions import Aggregate, Expr, Literal, aggregates, yuan
from tests.features.worlds import AS_OF_DATES, World, make_world

ENGINE = RowEngine()
DAY = dt.timedelta(days=1)


def tamper(world: World, as_of: dt.date, rng: random.Random) -> World:
    """The same world up to the as-of date, with another future."""
    rows: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for household_id, feeds in world.rows.items():
        rows[household_id] = {}
        for feed, old in feeds.items():
            kept = []
            for row in old:
                if row["occurred_on"] > as_of or row["known_on"] > as_of:
                    continue
                known_end = row.get("ended_known_on")
                if "ended_on" in row and (known_end is None or known_end > as_of):
                    ended = rng.choice((None, row["occurred_on"], as_of))
                    row = {
                        **row,
                        "ended_on": ended,
                        "ended_known_on": ended and as_of + rng.randint(1, 90) * DAY,
                    }
                kept.append(row)
            rows[household_id][feed] = kept + [_future_row(feed, household_id, as_of, rng) for _ in range(3)]
    deliveries = [one for one in world.deliveries if one[4] <= as_of]
    deliveries += [(feed, "50", as_of - 2000 * DAY, as_of, as_of + DAY) for feed in CONTRACTS]
    return World(rows, deliveries)


def _future_row(feed: str, household_id: str, as_of: dt.date, rng: random.Random) -> dict[str, Any]:
    row = CONTRACTS[feed].parse_row(CONTRACTS[feed].generate(rng))
    assert isinstance(row, dict)
    occurred = as_of - rng.randint(-40, 300) * DAY
    known = max(occurred, as_of + rng.randint(1, 60) * DAY)
    row |= {"household_id": household_id, "occurred_on": occurred, "known_on": known}
    if "ended_on" in row:
        row |= {"ended_on": None, "ended_known_on": None}
    if feed == "household":
        row["village_code"] = "500299001001"
    return {name: 10**9 if name.endswith("_fen") else value for name, value in row.items()}


@settings(max_examples=40, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**9), as_of=st.sampled_from(AS_OF_DATES))
def test_the_future_changes_no_vector(seed: int, as_of: dt.date) -> None:
    world = make_world(seed, as_of)
    other = tamper(world, as_of, random.Random(seed))
    before = build_vectors(world.signals(), [as_of], threads=1)
    after = build_vectors(other.signals(), [as_of], threads=1)
    pd.testing.assert_frame_equal(before, after, check_exact=True)
    for household_id, _ in before.index:
        one = ENGINE.vector(world.of_household(household_id), as_of, world.coverage())
        two = ENGINE.vector(other.of_household(household_id), as_of, other.coverage())
        assert one == two


def test_the_tampering_would_be_seen_a_month_later() -> None:
    """The tampered future is not idle: once known, it changes vectors."""
    as_of = AS_OF_DATES[0]
    world = make_world(3, as_of)
    other = tamper(world, as_of, random.Random(3))
    later = as_of + 100 * DAY
    before = build_vectors(world.signals(), [later]).sum(axis=None)
    assert before != build_vectors(other.signals(), [later]).sum(axis=None)


def test_every_aggregate_of_every_feature_carries_both_dates() -> None:
    for one in FEATURES.values():
        for aggregate in aggregates(one.expression):
            columns = {getattr(getattr(test, "left", None), "column", None) for test in aggregate.where}
            assert {"occurred_on", "known_on"} <= columns, one.name


@pytest.mark.parametrize("name", ["known_on", "ended_known_on", "is_known_on_estimated"])
def test_views_refuse_arrival_dates(name: str) -> None:
    with pytest.raises(LanguageError, match="arrived"):
        getattr(View(CONTRACTS["member"]), name)


def test_views_refuse_keys_and_unknown_fields() -> None:
    with pytest.raises(LanguageError, match="key"):
        View(CONTRACTS["member"]).where(member_id="M1")
    with pytest.raises(Exception, match="no field"):
        View(CONTRACTS["member"]).where(ethnicity=1)


def refuse(function: Any, match: str, unit: str = "count") -> None:
    with pytest.raises(LanguageError, match=match):
        feature("名", "name", unit=unit, theme="income", cause="99")(function)


def test_registration_refuses_a_look_past_the_date() -> None:
    def peeking() -> Expr:
        """Counts everything ever delivered, the future included."""
        return Aggregate("illness", "count", None, (), None, None)

    refuse(peeking, "not yet known")


def test_registration_refuses_what_engines_could_differ_on() -> None:
    def windowless(illness: View) -> Expr:
        """Since when?"""
        return illness.count()

    def float_constant(illness: View) -> Expr:
        """A half."""
        return illness.last(months=3).count() * 0.5  # type: ignore[operator, no-any-return]

    def row_ratio(illness: View) -> Expr:
        """Ratios do not add up."""
        return illness.last(months=3).sum(illness.self_paid / illness.total)

    def unit_mix(illness: View) -> Expr:
        """Money and a count."""
        return illness.last(months=3).sum("self_paid") + illness.last(months=3).count()

    def plain_threshold(illness: View) -> Expr:
        """An amount against a plain number."""
        return illness.last(months=3).sum("self_paid") > 500

    def absent_sum(member: View) -> Expr:
        """Ends are mostly absent."""
        return member.open().sum(member.ended_on)

    def bare_field(illness: View) -> Expr:
        """No aggregate."""
        return illness.total

    def undocumented(illness: View) -> Expr:
        return illness.last(months=3).count()

    def unknown_feed(horoscope: View) -> Expr:
        """No such feed."""
        return horoscope.open().count()

    refuse(windowless, "window")
    refuse(float_constant, "floating-point")
    refuse(row_ratio, "divide")
    refuse(unit_mix, "plain number")
    refuse(plain_threshold, "plain number")
    refuse(absent_sum, "absent")
    refuse(bare_field, "aggregate")
    refuse(undocumented, "docstring")
    refuse(unknown_feed, "not a feed")


def test_registration_checks_the_unit_against_the_value() -> None:
    def amount(illness: View) -> Expr:
        """Money."""
        return illness.last(months=3).sum("self_paid")

    refuse(amount, "unit")
    registered = feature("名", "name", unit="yuan", theme="illness", cause="01")(amount)
    assert registered.is_money
    assert isinstance(yuan(5), Literal)
    assert yuan(5).value == 500


def test_python_truth_of_an_expression_is_an_error() -> None:
    view = View(CONTRACTS["illness"]).last(months=3)
    with pytest.raises(LanguageError, match="truth value"):
        bool(view.count() > 1)
