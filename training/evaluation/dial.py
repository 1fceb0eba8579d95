"""Cost dial: how many households are missed when more or fewer visits are made, in counts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from scoring.capacity import Areas
from scoring.estimate import Estimate
from training.evaluation.lists import cut
from training.evaluation.measured import DialPoint

TIMES = (0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0)
"""How many times the capacity of each area is tried."""


def cost_dial(
    labels: npt.NDArray[np.int64],
    ranks: npt.NDArray[np.float64],
    areas: Areas,
    *,
    seed: int,
    resamples: int,
) -> tuple[DialPoint, ...]:
    """Visits, found and missed at several times the capacity; for intervals the outcomes are drawn anew."""
    positive = np.flatnonzero(labels == 1)
    weights = np.random.default_rng([seed, 3]).poisson(1.0, (resamples, len(positive))).astype(np.float64)
    points = []
    for times in TIMES:
        turned = areas.times(times)
        chance = cut(ranks, turned).chance[positive]
        points.append(
            DialPoint(
                times,
                turned.total,
                Estimate.of(float(chance.sum()), weights @ chance),
                Estimate.of(float((1 - chance).sum()), weights @ (1 - chance)),
            )
        )
    return tuple(points)
