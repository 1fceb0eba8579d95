"""Lines: a few linear predictors over the same few covariates, as plain numbers.

What is worked out of a household alone, in a batch and in a province has to be equal to the last bit. So
covariates are taken by the square root, which every processor rounds correctly, and added one after the
other: a matrix product adds in another order for one row than for many.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from scoring.errors import BundleError

Floats = npt.NDArray[np.float64]

LOG_ODDS = "log_odds"
"""The covariate that is no feature: the calibrated log-odds of the score, as they are."""

FARTHEST = 4.0
"""Scales from the centre beyond which a covariate counts no more: one bill decides nothing alone."""


class Lines(BaseModel):
    """Line k is ``intercepts[k]`` + Σ ``weights[k][j]`` × z_j of covariate j.

    z = (√x − centre) / scale, within ±`FARTHEST`, and 0 where the feature is missing; √ keeps the sign, and
    log-odds are taken without it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    covariates: tuple[str, ...] = ()
    centres: tuple[float, ...] = ()
    scales: tuple[float, ...] = Field(default=())
    intercepts: tuple[float, ...]
    weights: tuple[tuple[float, ...], ...]

    @model_validator(mode="after")
    def _fit_together(self) -> Lines:
        width = len(self.covariates)
        if len(set(self.covariates)) != width or {len(self.centres), len(self.scales)} != {width}:
            raise ValueError("lines need a centre and a scale for each covariate, each named once")
        if len(self.weights) != len(self.intercepts) or any(len(one) != width for one in self.weights):
            raise ValueError("lines need a weight for each covariate and an intercept for each line")
        if any(one <= 0 for one in self.scales):
            raise ValueError("scales are above 0")
        return self

    @classmethod
    def constant(cls, intercepts: Sequence[float]) -> Lines:
        """Lines that are the same for every household."""
        return cls(intercepts=tuple(intercepts), weights=((),) * len(intercepts))

    def values(self, matrix: Floats, feature_names: Sequence[str], log_odds: Floats) -> list[Floats]:
        """Each line for n households, (n,) each.

        `matrix` (n, features) has the columns `feature_names`. Raises `BundleError` for a covariate that is
        none of them.
        """
        z = standardise(
            np.stack(columns_of(self.covariates, matrix, feature_names, log_odds), axis=1)
            if self.covariates
            else np.empty((len(log_odds), 0)),
            np.array(self.centres),
            np.array(self.scales),
        )
        totals = np.repeat(np.array([self.intercepts]), len(log_odds), axis=0)
        for at, weights in enumerate(zip(*self.weights, strict=True)):
            totals = totals + z[:, at, None] * np.array(weights)
        # One line after the other: what is taken of them is worked out alike for one household and many.
        return list(np.ascontiguousarray(totals.T))


def columns_of(
    covariates: Sequence[str], matrix: Floats, feature_names: Sequence[str], log_odds: Floats
) -> list[Floats]:
    """Each covariate of n households before it is standardised; raises `BundleError` for an unknown one."""
    unknown = [one for one in covariates if one != LOG_ODDS and one not in feature_names]
    if unknown:
        raise BundleError(f"lines read what the model does not: {', '.join(unknown)}")
    return [
        log_odds if one == LOG_ODDS else signed_root(matrix[:, feature_names.index(one)])
        for one in covariates
    ]


def standardise(column: Floats, centre: Floats | float, scale: Floats | float) -> Floats:
    """(x − centre) / scale within ±`FARTHEST`, and 0 where it is missing."""
    z = (column - centre) / scale
    return np.where(np.isnan(z), 0.0, np.clip(z, -FARTHEST, FARTHEST))


def signed_root(values: Floats) -> Floats:
    """sign(x) · √|x|: amounts are skewed, and some are negative."""
    return np.asarray(np.copysign(np.sqrt(np.abs(values)), values))
