"""Contributions as LightGBM computes them (TreeSHAP; Lundberg et al. 2020, Nature Machine Intelligence)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def contributions(booster: Any, matrix: Floats) -> tuple[Floats, Floats]:
    """Contribution of every feature and the base value, in margin units.

    `matrix` is (n, features); returns (n, features) and (n,). A row's contributions plus its base value
    add up to its margin, up to rounding.
    """
    if len(matrix) == 0:
        return np.zeros(matrix.shape), np.zeros(0)
    whole = np.asarray(booster.predict(matrix, pred_contrib=True), dtype=np.float64)
    return whole[:, :-1], whole[:, -1]
