"""Calibration: from the model's margin to a probability that means what it says.

A straight line on the log-odds scale (Platt 1999), kept as two plain numbers. Being linear there, it
scales the contributions of the features with it, so that they still add up exactly to the calibrated
log-odds; a step function (isotonic) would break that.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import numpy.typing as npt

from scoring.errors import BundleError

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """calibrated log-odds = `slope` × margin + `intercept`; the slope is positive, so ranks never change."""

    slope: float = 1.0
    intercept: float = 0.0

    def __post_init__(self) -> None:
        if not (np.isfinite(self.slope) and np.isfinite(self.intercept) and self.slope > 0):
            raise BundleError("calibration needs a positive finite slope and a finite intercept")

    def log_odds(self, margin: Floats) -> Floats:
        """Calibrated log-odds of raw margins."""
        return self.slope * margin + self.intercept

    def explain(self, margins: Floats, values: Floats, base: Floats) -> None:
        """What explains raw margins becomes what explains their log-odds, in place.

        These are margins (n,), contributions (n, features) and bases (n,).
        """
        self._calibrate(margins, values, base)

    @cached_property
    def _calibrate(self) -> Callable[..., None]:
        # Imported here: it brings in the compiler, which who only reads a manifest need not wait for.
        from scoring.calibration_kernel import calibrate

        return partial(calibrate, self.slope, self.intercept)

    def probability(self, margin: Floats) -> Floats:
        """Calibrated probabilities of raw margins."""
        return probability(self.log_odds(margin))


def log_odds_of(probability: float) -> float:
    """The log-odds of one probability strictly between 0 and 1."""
    return math.log(probability / (1 - probability))


def probability(log_odds: Floats) -> Floats:
    """The probability of log-odds (n,), without overflow at either end."""
    if log_odds.shape == (1,):
        # One household waits longer for numpy to start than for it to work; its `exp` gives the same bits.
        one = log_odds.item()
        left = float(np.exp(-abs(one)))
        return np.array([(1.0 if one >= 0 else left) / (1.0 + left)])
    half = np.exp(-np.abs(log_odds))
    return np.where(log_odds >= 0, 1.0, half) / (1.0 + half)
