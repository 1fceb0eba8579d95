"""Absence: what a missing value adds to the margin, so that scores keep their level when a feed is silent.

A tree sends a row without a value to the side that happened to suit the few such rows it saw, and an amount
that is absent from most rows counts as the median in the line. With a whole feed silent such steps add up,
and every household's score moves one way. The weights here, found by `training.absence`, take that back: one
number a feature, added where its value is missing. A contribution of a missing value stays a number of its
feature, so that contributions add up as before.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from scoring.errors import BundleError

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Absence:
    """`weights` (features,), in the model's order, are added to the margin where the value is missing."""

    weights: tuple[float, ...]

    def __post_init__(self) -> None:
        if not all(map(math.isfinite, self.weights)):
            raise BundleError("what a missing value adds is a finite number")

    @classmethod
    def of(cls, weights: Mapping[str, float], names: Sequence[str]) -> Absence | None:
        """The absence of a model that reads `names`, from weights by feature; None where there are none.

        Raises `BundleError` for a feature that the model does not read.
        """
        unknown = sorted(set(weights) - set(names))
        if unknown:
            raise BundleError(f"absence names features that the model does not read: {', '.join(unknown)}")
        return cls(tuple(float(weights.get(name, 0.0)) for name in names)) if weights else None

    def by_feature(self, names: Sequence[str]) -> dict[str, float]:
        """The weights other than 0, by feature."""
        return {name: one for name, one in zip(names, self.weights, strict=True) if one}

    def margins(self, matrix: Floats) -> Floats:
        """What is added to the margins (n,) of rows (n, features)."""
        return self.add_to(np.zeros((0, 0)), matrix)

    def add_to(self, values: Floats, matrix: Floats) -> Floats:
        """The same, while contributions (n, features) get each feature's part, in place."""
        # Imported here: it brings in the compiler, which who only reads a manifest need not wait for.
        from scoring.absence_kernel import add_absence

        added = np.zeros(len(matrix))
        add_absence(self.by_place, np.ascontiguousarray(matrix, dtype=np.float64), values, added)
        return added

    @cached_property
    def by_place(self) -> Floats:
        """The weights (features,)."""
        return np.array(self.weights, dtype=np.float64)
