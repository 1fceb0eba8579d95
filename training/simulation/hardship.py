"""Hardship: the hidden truth. A household is in difficulty when savings, kin and credit are used up.

Savings move every month by what comes in, what life needs and what shocks cost. Nothing here looks at
what departments report, and nothing departments report is computed from it; it is why a large bill rarely
ruins a well-off family, and a low income alone rarely ruins anybody.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.simulation.population import Population
from training.simulation.shocks import Course, Economy, Month

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

CAUSES = ("01", "02", "03", "04", "05", "06", "07", "09")
"""Codes of causes in the order of the rows of `Hardship.burdens`."""

FADING = 0.94
"""A month-old burden weighs this much of a new one when the cause is named."""

SURVIVAL_PER_HEAD = 420.0
"""Yuan a month that one person cannot do without; more persons share."""

HELP_PER_HEAD = 330.0
"""Yuan a month that reaches an identified household."""


@dataclass
class Hardship:
    """Savings (yuan, negative = debt), burdens by cause, who is in difficulty and since which month."""

    savings: Floats
    burdens: Floats
    in_difficulty: Flags
    since: npt.NDArray[np.int64]
    months_better: npt.NDArray[np.int64]
    income_12m: Floats


def start_hardship(population: Population, rng: np.random.Generator) -> Hardship:
    """Savings somewhere below their target; nobody in difficulty yet."""
    n = population.households
    return Hardship(
        population.wealth * rng.uniform(0.3, 1.0, n),
        np.zeros((len(CAUSES), n)),
        np.zeros(n, dtype=bool),
        np.full(n, -1),
        np.zeros(n, dtype=np.int64),
        population.permanent_income.copy(),
    )


def suffer_month(
    population: Population, economy: Economy, course: Course, month: Month, hardship: Hardship,
    helped: Flags, growth: float, number: int,
) -> Flags:  # fmt: skip
    """Move every household's savings by one month; returns who fell into difficulty in it."""
    size = population.size
    normal = population.permanent_income * growth / 12
    schooling = population.per_household(
        course.alive
        * np.select(
            [course.school == "university", np.isin(course.school, ["high_school", "vocational"])],
            [1_150.0, 420.0],
            0.0,
        )
    )
    severe = course.alive & (course.disability > 0) & (course.disability <= 2)
    care = population.per_household(severe) * 380.0
    income = month.wages + month.business - month.cost + month.transfers + month.property
    income = income + np.where(helped, HELP_PER_HEAD * size**0.7, 0.0)
    needs = SURVIVAL_PER_HEAD * growth * size**0.75
    # The poorest live off their own plots; the better-off have loans and fees that do not stop.
    survival = np.clip(needs, 0.62 * normal, 0.85 * normal)
    usual = np.maximum(survival, 0.84 * normal - 0.5 * schooling)
    # Whoever runs out of savings cuts down to what cannot be cut.
    ease = np.clip(hardship.savings / (2 * normal + 1), 0, 1)
    living = survival + (usual - survival) * ease
    rigid = month.self_paid + month.accident_self_paid + schooling + care + month.loss
    hardship.savings += income - living - rigid
    # Beyond the buffer people build, marry and furnish.
    surplus = np.maximum(0, hardship.savings - population.wealth)
    hardship.savings -= 0.5 * surplus
    hardship.income_12m += (12 * income - hardship.income_12m) / 12
    able = population.per_household(course.alive & course.is_worker)
    lost = month.wage_shortfall
    disabled = population.per_household(course.alive & (course.disability > 0)) > 0
    hardship.burdens *= FADING
    hardship.burdens += np.stack([
        1.0 * month.self_paid,
        1.3 * month.loss,
        2.6 * care + 0.3 * normal * disabled,
        1.1 * np.where(able == 0, lost + 0.35 * normal, 0.0),
        1.1 * month.accident_self_paid,
        0.8 * month.business_shortfall,
        1.35 * np.where(able > 0, lost, 0.0),
        0.75 * schooling,
    ])
    limit = -population.kin * growth
    falls = ~hardship.in_difficulty & (hardship.savings < limit)
    better = hardship.in_difficulty & (hardship.savings > 0.6 * limit)
    hardship.months_better = np.where(better, hardship.months_better + 1, 0)
    out = hardship.in_difficulty & (hardship.months_better >= 3)
    hardship.in_difficulty = (hardship.in_difficulty | falls) & ~out
    hardship.since = np.where(falls, number, np.where(out, -1, hardship.since))
    # Debts beyond the limit are not lent; the household goes without.
    hardship.savings = np.maximum(hardship.savings, 1.6 * limit)
    return falls


def main_cause(hardship: Hardship, households: npt.NDArray[np.int64]) -> npt.NDArray[np.object_]:
    """The cause that has weighed most on each, as a code of `CAUSES`."""
    heaviest = hardship.burdens[:, households].argmax(axis=0)
    return np.asarray(np.array(CAUSES, dtype=object)[heaviest])


def net_income_per_person(population: Population, hardship: Hardship) -> Floats:
    """Net income of the last 12 months per person, in yuan: what the types of object are told apart by."""
    return np.asarray(hardship.income_12m / population.size)
