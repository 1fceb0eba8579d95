"""Calibration's kernel: what explains margins becomes what explains log-odds, in one pass."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from scoring.contributions.compiling import compiled

Floats = npt.NDArray[np.float64]


@compiled
def calibrate(slope: float, intercept: float, margins: Floats, values: Floats, base: Floats) -> None:
    """Margins (n,), contributions (n, features) and bases (n,) to those of calibrated log-odds, in place."""
    for row in range(len(margins)):
        margins[row] = slope * margins[row] + intercept
        base[row] = slope * base[row] + intercept
        for at in range(values.shape[1]):
            values[row, at] *= slope
