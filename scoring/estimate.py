"""Estimate: a measured number with its interval."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

TAIL = 0.025
"""What lies beyond each end of an interval: intervals are of 95 %."""

NORMAL_95 = 1.959964
"""The 97.5 % point of the normal distribution."""


@dataclass(frozen=True)
class Estimate:
    """A value with the ends of its 95 % bootstrap interval."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, value: float, drawn: Floats) -> Estimate:
        """Percentile interval over resamples; resamples in which the number does not exist are left out."""
        known = drawn[np.isfinite(drawn)]
        if not len(known):
            return cls(value, math.nan, math.nan)
        low, high = np.quantile(known, [TAIL, 1 - TAIL])
        return cls(float(value), float(low), float(high))

    @classmethod
    def of_share(cls, found: float, n: float, drawn: Floats, least: int) -> Estimate | None:
        """The share `found` ÷ `n`, None where n is 0: by resamples, or of fewer than `least` cases by Wilson.

        Of a handful of cases resamples know only what happened: of 0 found in 3 they would be sure of 0.
        """
        if n <= 0:
            return None
        return cls.of(found / n, drawn) if n >= least else cls.wilson(found / n, n)

    @classmethod
    def wilson(cls, share: float, n: float) -> Estimate:
        """A share of n cases (effective ones, where they weigh differently) with Wilson's interval (1927)."""
        z2 = NORMAL_95**2
        middle = (share + z2 / (2 * n)) / (1 + z2 / n)
        half = NORMAL_95 * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
        return cls(share, max(0.0, middle - half), min(1.0, middle + half))

    @property
    def is_above_zero(self) -> bool:
        """Whether the whole interval lies above zero."""
        return self.low > 0

    @property
    def is_below_zero(self) -> bool:
        """Whether the whole interval lies below zero."""
        return self.high < 0
