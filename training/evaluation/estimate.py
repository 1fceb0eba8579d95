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
