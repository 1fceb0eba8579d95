"""Surprise is a true bound: the exact tail is never above exp(−surprise)."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from features.health import surprise


def poisson_tail(count: int, expected: float, upper: bool) -> float:
    terms = [math.exp(n * math.log(expected) - expected - math.lgamma(n + 1)) for n in range(400)]
    return sum(terms[count:] if upper else terms[: count + 1])


@given(st.integers(0, 150), st.floats(0.01, 120))
@settings(max_examples=200)
def test_a_count_is_at_most_so_likely(count: int, expected: float) -> None:
    exact = poisson_tail(count, expected, upper=count >= expected)
    assert exact <= math.exp(-surprise.of_count(count, expected)) * (1 + 1e-9)


@given(st.integers(1, 120), st.data(), st.floats(0.001, 0.999))
@settings(max_examples=200)
def test_a_share_is_at_most_so_likely(whole: int, data: st.DataObject, usual: float) -> None:
    part = data.draw(st.integers(0, whole))
    exact = sum(math.comb(whole, n) * usual**n * (1 - usual) ** (whole - n) for n in range(part, whole + 1))
    assert exact <= math.exp(-surprise.of_share(part, whole, usual)) * (1 + 1e-9)


def test_nothing_surprising() -> None:
    assert surprise.of_count(7, 7) == 0
    assert surprise.of_count(3, 0) == 0
    assert surprise.of_count(0, 5) == 5
    assert surprise.of_share(1, 10, 0.1) == 0
    assert surprise.of_share(0, 0, 0.1) == 0
    assert surprise.of_share(1, 100_000, 0.0) == 0
    assert surprise.of_share(10, 10, 0.0) > 90
