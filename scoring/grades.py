"""Three grades of risk (南川's practice), cut at borders that were frozen when the model was made.

A grade orders visits; it grants and refuses nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from scoring.errors import BundleError

Grade = Literal["high", "medium", "low"]
GRADES: tuple[Grade, ...] = ("high", "medium", "low")


@dataclass(frozen=True)
class GradeBorders:
    """The least probability of each grade above ``low``."""

    high: float
    medium: float

    def __post_init__(self) -> None:
        if not 0 < self.medium <= self.high < 1:
            raise BundleError("grade borders need 0 < medium ≤ high < 1")

    def grade(self, score: float) -> Grade:
        """The grade of one score."""
        return "high" if score >= self.high else "medium" if score >= self.medium else "low"

    @classmethod
    def at_shares(cls, scores: npt.NDArray[np.float64], high: float, medium: float) -> GradeBorders:
        """Borders such that these shares of the scores fall in ``high``, and in ``high`` or ``medium``."""
        return cls(float(np.quantile(scores, 1 - high)), float(np.quantile(scores, 1 - medium)))
