"""Limits' kernel: each value beside the least and the greatest of its feature."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from scoring.contributions.compiling import compiled

Floats = npt.NDArray[np.float64]


@compiled
def first_outside(least: Floats, greatest: Floats, matrix: Floats) -> int:
    """The place of the first value, row by row, that is below or above its feature's; -1 where there is none.

    NaN is neither.
    """
    features = len(least)
    for row in range(len(matrix)):
        for at in range(features):
            if matrix[row, at] < least[at] or matrix[row, at] > greatest[at]:
                return row * features + at
    return -1
