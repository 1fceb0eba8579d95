"""Fitting the season of identifications: one wave a year, kept only where the past shows it clearly.

A Poisson regression of the identifications of each calendar month on one harmonic: two numbers, since some
hundred identifications tell no more. Months are counted as often as the labels of the training dates look at
them, an identification once.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import minimize

from scoring.season import Season
from training.timeline import horizon_end

Floats = npt.NDArray[np.float64]

CLEAR = 5.991
"""95 % point of χ² with two degrees of freedom: what twice the gain in log-likelihood must exceed."""

STIFFNESS = 10.0
"""Penalty ½ · STIFFNESS · (a² + b²), as if ten identifications had shown no season."""


@dataclass(frozen=True)
class FittedSeason:
    """What was tried on `identified` households over `months`: `gain` is twice that in log-likelihood.

    `season` is None where the gain is not clear, or some calendar month was never looked at.
    """

    identified: int
    months: int
    gain: float
    season: Season | None


def fit_season(
    rows: pd.Index[Any], as_of_dates: list[dt.date], outcomes: pd.DataFrame, horizon_months: int
) -> FittedSeason:
    """From the identified training rows (household, date) and the dates whose labels were looked at."""
    looked: set[pd.Period] = set()
    for as_of in as_of_dates:
        first = pd.Timestamp(as_of) + pd.Timedelta(days=1)
        looked |= set(pd.period_range(first, horizon_end(as_of, horizon_months), freq="M"))
    exposure = np.bincount([one.month - 1 for one in looked], minlength=12).astype(np.float64)
    found = outcomes.set_index("household_id")["identified_on"].reindex(rows.unique("household_id"))
    counts = np.bincount(found.dt.month.to_numpy() - 1, minlength=12).astype(np.float64)
    if (exposure == 0).any() or not counts.sum():
        return FittedSeason(len(found), len(looked), 0.0, None)
    angle = 2 * np.pi * (np.arange(12) + 0.5) / 12
    wave = np.column_stack([np.cos(angle), np.sin(angle)])

    def loss(numbers: Floats) -> tuple[float, Floats]:
        expected = exposure * np.exp(numbers[0] + wave @ numbers[1:])
        value = float((expected - counts * np.log(expected)).sum())
        slope = expected - counts
        penalty = STIFFNESS * numbers[1:]
        gradient = np.concatenate([[slope.sum()], wave.T @ slope + penalty])
        return value + float(penalty @ numbers[1:]) / 2, gradient

    flat = np.array([np.log(counts.sum() / exposure.sum()), 0.0, 0.0])
    best = minimize(loss, flat, jac=True, method="L-BFGS-B", options={"ftol": 1e-14, "gtol": 1e-8}).x
    gain = 2 * (loss(flat)[0] - loss(best)[0])
    strengths = np.exp(wave @ best[1:])
    season = Season(by_month=tuple((strengths / strengths.mean()).tolist())) if gain > CLEAR else None
    return FittedSeason(len(found), len(looked), float(gain), season)
