"""Population: areas, households and members, with the traits that shape their luck.

Sizes, ages, disability and income follow DOMAIN §4. Traits nobody records (skill, frailty, thrift, kin)
are persistent; the feeds show only what they lead to.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from training.simulation.settings import COUNTY_CODE, CountySettings

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

SIZE_SHARES = (0.17, 0.26, 0.22, 0.18, 0.10, 0.05, 0.02)
"""Shares of households of 1 … 7 persons; mean 3.0."""

HOUSEHOLDS_PER_VILLAGE = 80
VILLAGES_PER_TOWN = 12
REMOTE_SHARE = 0.15
"""Share of the villages that the county calls remote: those farthest out."""

FORMERLY_POOR_SHARE = 0.16
INCOME_PER_HEAD_2023 = 20_820.0
"""Yuan; Chongqing's rural disposable income per head in 2023."""

RECORDED_SHARE = 0.96
"""Share of income that any department records; the rest is cash (see `reporting`)."""


@dataclass(frozen=True)
class Population:
    """Arrays over households (h) and members (m). Money is yuan of 2023.

    `owner` maps a member to its household. `born` are day numbers. `permanent_income` is the household's
    yearly income in a normal year, `wealth` the savings it keeps as a buffer and `kin` what relatives and
    lenders carry before there is nothing left. `remote_villages` are the codes of those that the county calls
    remote; it has at least one.
    """

    village_codes: npt.NDArray[np.object_]
    village: Ints
    town: Ints
    formerly_poor: Flags
    land_mu: Ints
    size: Ints
    skill: Floats
    frailty: Floats
    permanent_income: Floats
    wealth: Floats
    kin: Floats
    attention: Floats
    remote_villages: tuple[str, ...]
    owner: Ints
    born: Ints
    is_worker: Flags
    labour: npt.NDArray[np.object_]
    disability: Ints
    chronic: Flags
    school: npt.NDArray[np.object_]

    @property
    def households(self) -> int:
        """Number of households."""
        return len(self.size)

    def per_household(self, values: Any) -> Floats:
        """The sum of a member quantity over each household."""
        counted = np.bincount(self.owner, np.asarray(values, dtype=np.float64), self.households)
        return np.asarray(counted, dtype=np.float64)


def make_population(settings: CountySettings, rng: np.random.Generator) -> Population:
    """Draw a population as of the first simulated month."""
    n = settings.households
    villages = max(2, n // HOUSEHOLDS_PER_VILLAGE)
    village = np.sort(rng.integers(0, villages, n))
    town_of = np.arange(villages) // VILLAGES_PER_TOWN
    codes = np.array(
        [f"{COUNTY_CODE}{town + 1:03d}{at % VILLAGES_PER_TOWN + 1:03d}" for at, town in enumerate(town_of)],
        dtype=object,
    )
    how_far = rng.normal(0, 1, villages)
    remoteness = how_far[village]
    poor_share = np.clip(FORMERLY_POOR_SHARE * (1 + 0.35 * remoteness), 0.02, 0.6)
    formerly_poor = rng.random(n) < poor_share
    size = rng.choice(np.arange(1, len(SIZE_SHARES) + 1), n, p=SIZE_SHARES)
    skill = rng.normal(0, 1, n) - 0.5 * formerly_poor
    frailty = rng.gamma(2.2, 1 / 2.2, n) * np.where(formerly_poor, 1.4, 0.95)
    members = _make_members(settings, size, skill, frailty, rng)
    owner = members["owner"]
    workers = np.bincount(owner, weights=members["is_worker"], minlength=n)
    per_head = np.exp(
        0.40 * skill
        + 0.34 * np.tanh(workers / size * 2 - 0.9)
        - 0.16 * formerly_poor
        - 0.10 * remoteness
        + rng.normal(0, 0.47, n)
    )
    per_head *= INCOME_PER_HEAD_2023 / RECORDED_SHARE / (per_head * size).sum() * size.sum()
    income = per_head * size
    # Savings rise faster than income: the poor hold a few weeks' needs, the well-off years.
    relative = per_head / INCOME_PER_HEAD_2023
    wealth = income * np.exp(rng.normal(-0.75, 0.6, n)) * relative**0.45 * np.where(formerly_poor, 0.55, 1.0)
    kin = (
        66_000
        * relative**0.8
        * size**0.5
        * np.exp(rng.normal(0, 0.65, n))
        * np.where(formerly_poor, 0.6, 1.0)
    )
    return Population(
        village_codes=codes[village],
        village=village,
        town=town_of[village],
        formerly_poor=formerly_poor,
        land_mu=np.clip(np.round(rng.gamma(2.0, 2.2, n)), 0, 60).astype(np.int64),
        size=size,
        skill=skill,
        frailty=frailty,
        permanent_income=income,
        wealth=wealth,
        kin=kin,
        attention=np.exp(rng.normal(0, 0.3, villages))[village],
        remote_villages=tuple(sorted(codes[np.argsort(-how_far)[: max(1, round(REMOTE_SHARE * villages))]])),
        **members,
    )


def _make_members(
    settings: CountySettings, size: Ints, skill: Floats, frailty: Floats, rng: np.random.Generator
) -> dict[str, Any]:
    """Heads, spouses, their children, parents and grandchildren, with what ability and health they have."""
    n = len(size)
    owner = np.repeat(np.arange(n), size)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(size) - size, size)
    head = np.clip(rng.normal(np.where(size <= 2, 62, 49), 11, n), 24, 88)[owner]
    noise = rng.normal(0, 3.5, len(owner))
    child = np.clip(head - 27 + noise, 0, 60)
    age = np.select(
        [place == 0, place == 1, place <= 3, place == 4],
        [head, np.clip(head - 2 + noise, 20, 90), child, np.clip(head + 25 + noise, 45, 94)],
        np.clip(head - 53 + noise, 0, 30),
    )
    first_day = np.datetime64(settings.month_ends[0], "D").astype(np.int64)
    born = (first_day - age * 365.25).astype(np.int64)
    school = np.full(len(age), "none", dtype=object)
    draw = rng.random(len(age))
    school[(age >= 6) & (age < 15.5)] = "compulsory"
    upper = (age >= 15.5) & (age < 18.5)
    school[upper & (draw < 0.55)] = "high_school"
    school[upper & (draw >= 0.55) & (draw < 0.85)] = "vocational"
    school[(age >= 18.5) & (age < 22.5) & (draw < 0.35)] = "university"
    disability = np.where(
        rng.random(len(age))
        < np.clip(0.02 + 0.0012 * np.maximum(age - 10, 0), 0, 0.3) * frailty[owner] ** 0.5,
        rng.integers(1, 5, len(age)),
        0,
    )
    chronic = rng.random(len(age)) < np.clip(0.004 * np.maximum(age - 25, 0), 0, 0.4) * frailty[owner]
    fit = rng.normal(0.55 * skill[owner], 1) - 1.8 * ((disability > 0) & (disability <= 2))
    labour = np.full(len(age), "none", dtype=object)
    able = (age >= 16) & (age < 65) & (school == "none")
    labour[able & (fit > -1.6)] = "weak"
    labour[able & (fit > -0.9)] = "ordinary"
    labour[able & (fit > 0.9)] = "skilled"
    labour[(age >= 65) & (age < 74) & (fit > 0.2)] = "weak"
    return {
        "owner": owner,
        "born": born,
        "is_worker": np.isin(labour, ["ordinary", "skilled"]),
        "labour": labour,
        "disability": disability.astype(np.int64),
        "chronic": chronic,
        "school": school,
    }


def ages(population: Population, on: dt.date) -> Floats:
    """Ages of all members in years on a date."""
    day = np.datetime64(on, "D").astype(np.int64)
    return np.asarray((day - population.born) / 365.25, dtype=np.float64)
