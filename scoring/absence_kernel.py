"""Absence's kernel: rows one after the other, features in order, so that no batch size changes a bit."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from scoring.contributions.compiling import compiled

Floats = npt.NDArray[np.float64]


@compiled
def add_absence(weights: Floats, matrix: Floats, values: Floats, added: Floats) -> None:
    """Add the weights (features,) of the missing values of rows (n, features) to `added` (n,), in place.

    Each is added to the row's contribution in `values` (n, features) too, where that has rows.
    """
    has_values = len(values) > 0
    for row in range(len(matrix)):
        total = 0.0
        for at in range(len(weights)):
            if weights[at] != 0.0 and np.isnan(matrix[row, at]):
                total += weights[at]
                if has_values:
                    values[row, at] += weights[at]
        added[row] = total
