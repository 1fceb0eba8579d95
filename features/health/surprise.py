"""Surprise: how unlikely a count is under what was usual before.

Both numbers are Chernoff bounds on a tail: the chance of a count at least as far from the expected one is at
most exp(−surprise). They hold for any size, so a village with five rows and a county with a million are
asked the same question. Source: Hoeffding 1963, theorem 1; for Poisson counts its limit.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.float64]

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


def of_counts(counts: Counts, expected: Counts) -> Counts:
    """`of_count` of many, to the rounding of the logarithm; an expectation without end surprises without."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.where(counts > 0, counts * np.log(counts / expected), 0.0)
        found = np.where(np.isinf(expected), np.inf, logs - counts + expected)
    return np.asarray(np.where(expected > 0, np.maximum(found, 0.0), 0.0), dtype=np.float64)


def of_shares(part: Counts, whole: Counts, usual: Counts) -> Counts:
    """`of_share` of many, to the rounding of the logarithm."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(whole > 0, part / whole, 0.0)
        held = np.maximum(usual, LEAST)
        rest = np.where(share < 1, (1 - share) * np.log((1 - share) / (1 - held)), 0.0)
        found = whole * (share * np.log(share / held) + rest)
    return np.asarray(np.where((share > usual) & (share > held), found, 0.0), dtype=np.float64)
