"""Certainty: how sure a score is, as an interval and in one of three words.

The interval comes from an inductive Venn–Abers predictor (Vovk, Petej and Fedorova 2015, *Large-scale
probabilistic predictors with and without guarantees of validity*): isotonic regression of the outcomes on
the out-of-fold scores, once with the household added as one that has the outcome (p1) and once as one that
has not (p0). One of the two is a calibrated probability; where few households resemble it, they lie far
apart. Both are step functions of the score, and their steps are all that is stored.

The word follows from what the interval would change, and from what was not known:

- *insufficient*: a quarter or more of the values that a household usually has are missing, or the interval
  reaches from a low grade to a high one;
- *high*: the interval lies within one grade, no feed is silent or at fault, and under 5 % of those values are
  missing;
- *medium*: everything else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from scoring.errors import BundleError
from scoring.grades import GradeBorders
from scoring.texts import catalogue, percent

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int8]

Level = Literal["high", "medium", "insufficient"]
LEVELS: tuple[Level, ...] = get_args(Level)

MOST_MISSING = 0.25
"""Share of the usual values from which too much is missing to be sure of anything."""

HARDLY_MISSING = 0.05
"""Share of the usual values below which what is missing hardly matters."""


@dataclass(frozen=True)
class Certainty:
    """The interval [`low`, `high`] of a score, the share of usual values that is missing, and the word."""

    level: Level
    low: float
    high: float
    missing_share: float


@dataclass(frozen=True)
class Certainties:
    """The same of n households, as columns; `levels` are places in `LEVELS`."""

    levels: Places
    low: Floats
    high: Floats
    missing_share: Floats

    def __getitem__(self, row: int) -> Certainty:
        return Certainty(
            LEVELS[int(self.levels[row])],
            float(self.low[row]),
            float(self.high[row]),
            float(self.missing_share[row]),
        )


@dataclass(frozen=True)
class Steps:
    """A probability that rises in steps: `values[0]`, then `values[i + 1]` from log-odds `starts[i]` on."""

    starts: tuple[float, ...]
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.values) != len(self.starts) + 1:
            raise BundleError("steps need one value more than there are starts")
        if not all(map(math.isfinite, self.starts)) or not (_rises(self.starts) and _rises(self.values)):
            raise BundleError("steps have to rise")
        if not (self.values[0] >= 0 and self.values[-1] <= 1):
            raise BundleError("steps are probabilities")

    def at(self, log_odds: Floats, *, side: Literal["left", "right"]) -> Floats:
        """The values at log-odds (n,); at a start itself those of the new step (`right`) or the old."""
        starts, values = self._arrays
        return values[np.searchsorted(starts, log_odds, side=side)]

    @cached_property
    def _arrays(self) -> tuple[Floats, Floats]:
        return np.array(self.starts), np.array(self.values)


@dataclass(frozen=True)
class VennAbers:
    """The steps of p0 and p1, and which features a household usually has a value of.

    A household whose score equals a calibration score stands on p0's new step and still on p1's old one.
    """

    lower: Steps
    upper: Steps
    usual: tuple[bool, ...]

    def interval(self, log_odds: Floats) -> tuple[Floats, Floats]:
        """p0 and p1 (n,) at calibrated log-odds (n,)."""
        return self.lower.at(log_odds, side="right"), self.upper.at(log_odds, side="left")

    def assess(
        self, scores: Floats, log_odds: Floats, matrix: Floats, is_watched: Bools, borders: GradeBorders
    ) -> Certainties:
        """The certainty of n scores; `is_watched` (n,) says of whom a feed is silent or at fault.

        Where the calibration's line and the steps disagree, the interval is widened to hold the score.
        """
        low, high = self.interval(log_odds)
        low, high = np.minimum(low, scores), np.maximum(high, scores)
        usual = np.array(self.usual, dtype=np.bool_)
        missing = np.isnan(matrix[:, usual]).sum(axis=1) / max(1, int(usual.sum()))
        lowest, highest = _grades(low, borders), _grades(high, borders)
        is_sure = (lowest == highest) & ~is_watched & (missing < HARDLY_MISSING)
        is_unsure = (missing >= MOST_MISSING) | (lowest - highest == 2)
        sure, fair, unsure = (LEVELS.index(one) for one in ("high", "medium", "insufficient"))
        levels = np.where(is_unsure, unsure, np.where(is_sure, sure, fair)).astype(np.int8)
        return Certainties(levels, low, high, missing)


def certainty_text(plain: Mapping[str, Any], language: str) -> str:
    """The sentence of a certainty as plain data: the word, what it means, and the interval."""
    texts = catalogue(language)["certainty"]
    said: str = texts["sentence"].format(
        word=texts["words"][plain["level"]],
        meaning=texts["meanings"][plain["level"]],
        low=percent(plain["low"]),
        high=percent(plain["high"]),
    )
    return said


def _rises(numbers: Sequence[float]) -> bool:
    return all(one < after for one, after in pairwise(numbers))


def _grades(probabilities: Floats, borders: GradeBorders) -> npt.NDArray[np.int64]:
    """Places in `GRADES`: 0 for high."""
    return np.where(probabilities >= borders.high, 0, np.where(probabilities >= borders.medium, 1, 2))


def usual_features(missing_shares: Sequence[float]) -> tuple[bool, ...]:
    """Which features a household usually has a value of: more than half of the training rows had one."""
    return tuple(one < 0.5 for one in missing_shares)
