"""Limits: the least and the greatest value that signals within their contracts can give each feature."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial

import numpy as np
import numpy.typing as npt

from features import FEATURES

Floats = npt.NDArray[np.float64]


def find_outside(matrix: Floats, feature_names: tuple[str, ...]) -> tuple[int, int] | None:
    """Row and column of the first value of a matrix (n, features) that is out of its feature's limits."""
    at: int = _finder(feature_names)(matrix)
    return None if at < 0 else divmod(at, len(feature_names))


@lru_cache(maxsize=8)
def _finder(feature_names: tuple[str, ...]) -> Callable[[Floats], int]:
    """The kernel with the limits of some features: three of numpy's steps take one household ten times as
    long.
    """
    # Imported here: it brings in the compiler, which who only asks for limits need not wait for.
    from scoring.limits_kernel import first_outside

    limits = np.array([FEATURES[one].limits for one in feature_names], dtype=np.float64)
    return partial(first_outside, *np.ascontiguousarray(limits.T))
