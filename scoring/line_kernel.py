"""The line's kernel: row by row, feature by feature in one order, so that no batch size changes a bit."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from scoring.contributions.compiling import compiled

Floats = npt.NDArray[np.float64]


@compiled
def add_line(
    is_log: npt.NDArray[np.bool_],
    low: Floats,
    high: Floats,
    slope: Floats,
    known: Floats,
    missing: Floats,
    zero: Floats,
    intercept: float,
    tree_share: float,
    matrix: Floats,
    start: int,
    stop: int,
    values: Floats,
    margins: Floats,
) -> None:
    """Margins of rows `start` to `stop` into `margins`; contributions into `values`, unless it is empty.

    A feature adds `slope` × value + `known`, which is `zero` of a zero, or `missing` where it has no value.
    """
    line_share = 1 - tree_share
    is_told = len(values) > 0
    for row in range(start, stop):
        margin = intercept
        for at in range(len(slope)):
            value = matrix[row, at]
            if value == 0.0:
                # Spares the logarithm: most amounts and counts are zero.
                adds = zero[at]
            elif np.isnan(value):
                adds = missing[at]
            elif slope[at] == 0.0:
                adds = known[at]
            else:
                if is_log[at]:
                    value = np.log1p(value) if value >= 0 else -np.log1p(-value)
                value = min(max(value, low[at]), high[at])
                adds = slope[at] * value + known[at]
            margin += adds
            if is_told:
                values[row, at] = tree_share * values[row, at] + line_share * adds
        margins[row] = margin
