"""Surprise: how unlikely a count is under what was usual before.

Both numbers are Chernoff bounds on a tail: the chance of a count at least as far from the expected one is at
most exp(−surprise). They hold for any size, so a village with five rows and a county with a million are
asked the same question. Source: Hoeffding 1963, theorem 1; for Poisson counts its limit.
"""

from __future__ import annotations

import math

LEAST = 1e-4
"""A share never seen before is taken to happen once in ten thousand rows."""


def of_count(count: float, expected: float) -> float:
    """Surprise of a Poisson count against its expectation; 0 where they agree, in either direction."""
    if expected <= 0:
        return 0.0
    if count <= 0:
        return expected
    return max(0.0, count * math.log(count / expected) - count + expected)


def of_share(part: float, whole: float, usual: float) -> float:
    """Surprise of `part` of `whole` rows where the share `usual` was expected; 0 unless it is above that."""
    if whole <= 0 or part / whole <= usual:
        return 0.0
    usual, share = max(usual, LEAST), part / whole
    if share <= usual:
        return 0.0
    rest = (1 - share) * math.log((1 - share) / (1 - usual)) if share < 1 else 0.0
    return whole * (share * math.log(share / usual) + rest)
