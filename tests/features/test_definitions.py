"""Whatever can be written through views means the same on both engines as in the reference."""

from __future__ import annotations

import datetime as dt

from hypothesis import given, settings
from hypothesis import strategies as st

from features import Feature, RowEngine
from features.language import View, greatest, least, yuan
from features.language.expressions import Expr, PolicyNumber
from features.signals import CONTRACTS
from tests.features.definitions import as_feature, feature_sets
from tests.features.test_parity import check_parity
from tests.features.worlds import AS_OF_DATES, make_world

ILLNESS = View(CONTRACTS["illness"]).last(months=3)
HOUSEHOLD = View(CONTRACTS["household"]).open()


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.sampled_from(AS_OF_DATES), feature_sets())
def test_random_definitions_agree(seed: int, as_of: dt.date, features: list[Feature]) -> None:
    check_parity(make_world(seed, as_of, households=4), as_of, features, RowEngine(features))


def check_expressions(*pairs: tuple[Expr, int]) -> None:
    features = [as_feature(f"f{number}", *pair) for number, pair in enumerate(pairs)]
    for seed, as_of in enumerate(AS_OF_DATES):
        check_parity(make_world(seed, as_of, households=4), as_of, features, RowEngine(features))


def test_a_zero_keeps_its_sign_on_all_engines() -> None:
    below = ILLNESS.count() / (-1 * HOUSEHOLD.count())
    check_expressions(
        (below, 0),
        (greatest(below, 0), 0),
        (least(0, below), 0),
        (0 * below, 0),
        (below - 0, 0),
        (below * 1, 0),
    )


def test_the_value_of_an_empty_window_may_be_computed() -> None:
    line = PolicyNumber("monitoring_line")
    check_expressions(
        (ILLNESS.max("self_paid", empty=line * 2), 1),
        (ILLNESS.min("self_paid", empty=greatest(line, yuan(9000)) - yuan(1)), 1),
        (ILLNESS.min("self_paid", empty=line / 7), 1),
    )


def test_constants_and_policy_alone_are_features() -> None:
    check_expressions((yuan(5) * 3, 1), (PolicyNumber("monitoring_line") * 1, 1))


def test_a_chain_of_ratios() -> None:
    share = ILLNESS.sum("self_paid") / ILLNESS.sum("total")
    check_expressions(
        (share / share, 0), (share * 3 - share / 7, 0), (share > 1, 0), ((share > 1) + share, 0)
    )
