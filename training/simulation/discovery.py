"""Discovery: who is found, and when. Officials see some difficulties late and some never.

Identification follows the hidden truth, not the feeds: neighbours talk, cadres visit, households apply.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.policy import policy_value
from training.simulation.hardship import Hardship, main_cause, net_income_per_person
from training.simulation.population import Population

Flags = npt.NDArray[np.bool_]

MONTHLY_CHANCE = 0.34
"""Chance that a household in difficulty is identified in a month, in an average village."""

HIDDEN_SHARE = 0.08
"""Difficulties that nobody will find: shame, absence, a village that does not look."""

FALSE_CHANCE = 0.00005
"""Monthly chance that a household of below-median income is identified although it would have coped."""


@dataclass
class Discovery:
    """Who has been identified, and which current difficulties stay hidden."""

    identified: Flags
    hidden: Flags
    helped_until: npt.NDArray[np.int64]


def start_discovery(population: Population) -> Discovery:
    """Nobody identified yet."""
    n = population.households
    return Discovery(np.zeros(n, dtype=bool), np.zeros(n, dtype=bool), np.full(n, -1))


def discover_month(
    population: Population, hardship: Hardship, discovery: Discovery, falls: Flags, end: dt.date,
    number: int, rng: np.random.Generator,
) -> list[dict[str, object]]:  # fmt: skip
    """Identify some of those in difficulty and very few others; returns rows of the outcome table.

    `since` is the number of the month in which the difficulty began, -1 where there was none.
    """
    n = population.households
    discovery.hidden = np.where(falls, rng.random(n) < HIDDEN_SHARE, discovery.hidden)
    waited = number - hardship.since
    chance = MONTHLY_CHANCE * population.attention * np.where(population.formerly_poor, 1.4, 1.0)
    chance = np.where(waited >= 1, np.minimum(chance, 0.95), 0.04)
    seen = hardship.in_difficulty & ~discovery.hidden & (rng.random(n) < chance)
    weak = population.permanent_income / population.size < np.median(
        population.permanent_income / population.size
    )
    wrong = ~hardship.in_difficulty & weak & (rng.random(n) < FALSE_CHANCE)
    found = np.flatnonzero((seen | wrong) & ~discovery.identified)
    discovery.identified[found] = True
    discovery.helped_until[found] = number + 18
    # Help first: part of the debt is taken off at once.
    hardship.savings[found] += 0.5 * population.kin[found]
    line = policy_value("monitoring_line", "CN-50", end).value
    below = net_income_per_person(population, hardship)[found] < line
    poor = population.formerly_poor[found]
    kinds = np.where(~below, "sudden_hardship", np.where(poor, "unstable_formerly_poor", "marginal"))
    days = [end - dt.timedelta(days=int(back)) for back in rng.integers(0, 28, len(found))]
    causes = main_cause(hardship, found)
    return [
        {"household": int(household), "identified_on": day, "cause_code": cause, "object_type": str(kind),
         "since": int(since)}
        for household, day, cause, kind, since in zip(
            found, days, causes, kinds, hardship.since[found], strict=True
        )
    ]  # fmt: skip
