"""Estimate: a measured number with its interval. No number of an evaluation stands without one."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from dataclasses import dataclass
from typing import Any

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


@dataclass(frozen=True)
class TieEstimate:
    """A number at capacity: its mean over all orders of ties with interval, and the worst and best order."""

    value: float
    low: float
    high: float
    worst: float
    best: float


def plain(found: Any) -> Any:
    """Dataclasses, tuples, dates and numbers as JSON's plain data.

    What is None or not a number is left out: an absent section is an absent key.
    """
    if dataclasses.is_dataclass(found) and not isinstance(found, type):
        return plain({one.name: getattr(found, one.name) for one in dataclasses.fields(found)})
    if isinstance(found, dict):
        return {str(key): plain(value) for key, value in found.items() if not _is_absent(value)}
    if isinstance(found, list | tuple):
        return [plain(one) for one in found]
    if isinstance(found, dt.date):
        return found.isoformat()
    if isinstance(found, np.generic):
        return found.item()
    return found


def _is_absent(value: Any) -> bool:
    return value is None or (isinstance(value, float) and not math.isfinite(value))
