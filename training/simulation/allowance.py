"""Allowance: the subsistence allowance (低保) that the county's poorest already draw.

It is why the lowest recorded income is a poor guide to who falls next: whom everybody knows to be poor is
mostly looked after. Once a year each household's income is reviewed; the lower it is, the likelier the
allowance, and some of the poorest are missed.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from training.simulation.population import Population

Floats = npt.NDArray[np.float64]

STANDARD = 7_000.0
"""Yuan of 2023 per person and year: the order of Chongqing's rural standard. An assumption."""

TOPPED_UP_TO = 0.7
"""Share of the standard up to which income is topped up; reviewers count more income than there is."""

REVIEW_MONTH = 1


class Allowance:
    """What each household draws a month, in yuan; reviewed every January and before the first month."""

    def __init__(self, population: Population) -> None:
        self.population = population
        self.monthly: Floats = np.zeros(population.households)

    def review(self, income_12m: Floats, growth: float, rng: np.random.Generator) -> None:
        """Grant, change or end the allowance by the last 12 months' income (yuan) without it."""
        own = np.maximum(0.0, income_12m - 12 * self.monthly)
        standard = STANDARD * growth * self.population.size
        chance = np.clip(0.95 - 1.2 * own / standard, 0.0, 1.0)
        # Who draws it keeps it more easily than others get it.
        chance = np.where(self.monthly > 0, np.sqrt(chance), chance)
        granted = rng.random(self.population.households) < chance
        lacking = np.maximum(0.0, TOPPED_UP_TO * standard - own)
        self.monthly = np.where(granted, lacking / 12, 0.0)
