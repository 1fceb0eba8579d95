"""Fitting the season of identifications: one wave a year, kept only where the past shows it clearly.

A Poisson regression of the identifications of each calendar month on one harmonic: two numbers, since some
hundred identifications tell no more. It learns from every identification of the whole years before the last
training label was settled, also from those before the first training date: more than the labels hold.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import minimize

from scoring.season import Season

Floats = npt.NDArray[np.float64]

CLEAR = 5.991
"""95 % point of χ² with two degrees of freedom: what twice the gain in log-likelihood must exceed."""

STIFFNESS = 10.0
"""Penalty ½ · STIFFNESS · (a² + b²), as if ten identifications had shown no season."""


@dataclass(frozen=True)
class FittedSeason:
    """What was tried on `identified` households over `months`: `gain` is twice that in log-likelihood.

    `season` is None where the gain is not clear, or no whole year is on record.
    """

    identified: int
    months: int
    gain: float
    season: Season | None


def fit_season(identified_on: pd.Series, until: dt.date) -> FittedSeason:
    """From the days of all identifications up to `until`, which is settled; later ones are not looked at.

    Years are counted back from the last whole month before or on `until`; the first month with an
    identification may be one in which recording began, and is not counted.
    """
    months = identified_on[identified_on <= pd.Timestamp(until)].dt.to_period("M")
    # The month of `until` counts only when it is its last day.
    end = (pd.Timestamp(until) + pd.Timedelta(days=1)).to_period("M") - 1
    years = max(0, (end - months.min()).n // 12) if len(months) else 0
    inside = months[(months > end - 12 * years) & (months <= end)]
    if not len(inside):
        return FittedSeason(0, 12 * years, 0.0, None)
    counts = np.bincount(inside.dt.month.to_numpy() - 1, minlength=12).astype(np.float64)
    angle = 2 * np.pi * (np.arange(12) + 0.5) / 12
    wave = np.column_stack([np.cos(angle), np.sin(angle)])

    def loss(numbers: Floats) -> tuple[float, Floats]:
        expected = np.exp(numbers[0] + wave @ numbers[1:])
        value = float((expected - counts * np.log(expected)).sum())
        slope = expected - counts
        penalty = STIFFNESS * numbers[1:]
        gradient = np.concatenate([[slope.sum()], wave.T @ slope + penalty])
        return value + float(penalty @ numbers[1:]) / 2, gradient

    flat = np.array([np.log(counts.mean()), 0.0, 0.0])
    best = minimize(loss, flat, jac=True, method="L-BFGS-B", options={"ftol": 1e-14, "gtol": 1e-8}).x
    gain = 2 * (loss(flat)[0] - loss(best)[0])
    strengths = np.exp(wave @ best[1:])
    season = Season(by_month=tuple((strengths / strengths.mean()).tolist())) if gain > CLEAR else None
    return FittedSeason(len(inside), 12 * years, float(gain), season)
