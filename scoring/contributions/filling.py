"""Filling one side's table: contributions of every pattern, leaf by leaf."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from scoring.contributions.compiling import compiled
from scoring.contributions.trees import Floats, Integers


@compiled
def fill_side(
    table: Floats,
    bits: int,
    stride: int,
    order: int,
    padded: int,
    points: Floats,
    weights: Floats,
    value: Floats,
    member_first: Integers,
    place: Integers,
    shift: Integers,
    mask: Integers,
    accepted: npt.NDArray[np.uint64],
    share: Floats,
) -> None:
    """Add every leaf of a side to its table.

    With `order` 0 a pattern's row holds the contributions. Otherwise it holds the path's product at each
    quadrature point (padded to four), then for each point the `padded` derivatives by feature.
    """
    count = len(points)
    mass = 0 if order == 0 else (order + 3) // 4 * 4
    for leaf in range(len(value)):
        begin, depth = member_first[leaf], member_first[leaf + 1] - member_first[leaf]
        with_one = np.empty((depth, count))
        without = np.empty((depth, count))
        for at in range(depth):
            for k in range(count):
                without[at, k] = (1.0 - points[k]) * share[begin + at]
                with_one[at, k] = without[at, k] + points[k]
        # A leaf knows met and unmet only: 2^depth rows, copied to the patterns that look like them.
        products = np.empty((1 << depth, count))
        slopes = np.empty((1 << depth, depth, count))
        for met in range(1 << depth):
            for k in range(count):
                product = value[leaf] * weights[k]
                for at in range(depth):
                    product *= with_one[at, k] if met >> at & 1 else without[at, k]
                products[met, k] = product
                for at in range(depth):
                    if met >> at & 1:
                        slopes[met, at, k] = product / with_one[at, k] * (1.0 - share[begin + at])
                    else:
                        slopes[met, at, k] = -product / (1.0 - points[k])
        for pattern in range(1 << bits):
            met = 0
            for at in range(depth):
                one = begin + at
                if accepted[one] >> np.uint64(pattern >> shift[one] & mask[one]) & np.uint64(1):
                    met |= 1 << at
            row = pattern * stride
            if order == 0:
                for at in range(depth):
                    total = 0.0
                    for k in range(count):
                        total += slopes[met, at, k]
                    table[row + place[begin + at]] += total
            else:
                for k in range(count):
                    table[row + k] += products[met, k]
                    for at in range(depth):
                        table[row + mass + k * padded + place[begin + at]] += slopes[met, at, k]
