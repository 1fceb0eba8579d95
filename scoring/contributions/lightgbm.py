"""Margins and contributions as LightGBM computes them (TreeSHAP; Lundberg et al. 2020)."""

from __future__ import annotations

from typing import Any

import numpy as np

from scoring.contributions.trees import Floats, UnsupportedTreesError


def margins(booster: Any, matrix: Floats) -> Floats:
    """Raw margins (n,) of rows (n, features)."""
    if len(matrix) == 0:
        return np.zeros(0)
    return np.asarray(booster.predict(matrix, raw_score=True), dtype=np.float64)


def contributions(booster: Any, matrix: Floats) -> tuple[Floats, Floats]:
    """Contribution of every feature and the base value, in margin units.

    `matrix` is (n, features); returns (n, features) and (n,). A row's contributions plus its base value
    add up to its margin, up to rounding. Raises `UnsupportedTreesError` where LightGBM itself computes none
    (linear leaves).
    """
    if len(matrix) == 0:
        return np.zeros(matrix.shape), np.zeros(0)
    # Imported here: it takes seconds, and who has a booster has it already.
    from lightgbm.basic import LightGBMError

    try:
        whole = np.asarray(booster.predict(matrix, pred_contrib=True), dtype=np.float64)
    except LightGBMError as error:
        raise UnsupportedTreesError(f"LightGBM computes no contributions for this model: {error}") from None
    return whole[:, :-1], whole[:, -1]
