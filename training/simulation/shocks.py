"""Shocks: what happens to households month by month: work, illness, accidents, disasters, failed ventures.

Each step draws the events of one month and returns what they cost and earn. Events leave traces (a job
ends, a disability stays, a treatment goes on), so that trouble builds up over months.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from training.simulation.population import INCOME_PER_HEAD_2023, Population, ages

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

WAGE_SHARE, BUSINESS_SHARE, PROPERTY_SHARE, TRANSFER_SHARE = 0.42, 0.34, 0.025, 0.215
"""Composition of rural income, DOMAIN §4."""

COST_SHARE = 0.38
"""Production cost as a share of gross receipts."""

HARVEST = {3: 0.10, 6: 0.24, 9: 0.36, 12: 0.30}
"""Month → share of the year's business receipts, paid at the quarter's end."""

INSURED_SHARE = 0.5
"""Households whose own policy pays part of a large bill; no department knows of it."""

HAZARDS = ("flood", "geological", "drought", "biological", "weather")
DISASTER_SEASON = np.array([0.3, 0.3, 0.5, 0.8, 1.5, 2.2, 2.6, 1.9, 1.2, 0.6, 0.3, 0.3])
"""Relative frequency of disasters by calendar month."""


@dataclass
class Work:
    """State of every member's work: employed or not, since when, and the agreed monthly wage (yuan)."""

    employed: Flags
    since: Ints
    wage: Floats


@dataclass
class Course:
    """The running state of all households that events act on."""

    work: Work
    treatment_months: Ints
    treatment_cost: Floats
    business: Floats
    alive: Flags
    is_worker: Flags
    disability: Ints
    labour: npt.NDArray[np.object_]
    school: npt.NDArray[np.object_]


@dataclass
class Month:
    """What one month brought, in yuan per household, with the events that departments will report.

    `shortfall` is what wages and business lack against a normal month.
    """

    wages: Floats
    business: Floats
    cost: Floats
    transfers: Floats
    property: Floats
    self_paid: Floats
    accident_self_paid: Floats
    loss: Floats
    wage_shortfall: Floats
    business_shortfall: Floats
    claims: list[dict[str, object]] = field(default_factory=list)
    disasters: list[dict[str, object]] = field(default_factory=list)
    job_ends: list[dict[str, object]] = field(default_factory=list)
    changes: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    deaths: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    hurt: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    disabled: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    failed: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    failed_loss: Floats = field(default_factory=lambda: np.empty(0))


@dataclass(frozen=True)
class Economy:
    """Normal yearly income of each household by source (yuan of 2023) and the wage of each worker."""

    wages: Floats
    business: Floats
    property: Floats
    transfers: Floats
    worker_wage: Floats


def make_economy(population: Population, rng: np.random.Generator) -> Economy:
    """Split permanent income into sources by who lives in the household; totals follow DOMAIN §4."""
    n = population.households
    workers = population.per_household(population.is_worker)
    elderly = population.per_household(population.born < np.median(population.born) - 365 * 8)
    wages = np.where(workers > 0, rng.beta(4, 2.6, n) * np.minimum(workers, 3) ** 0.4, 0.0)
    business = rng.beta(1.6, 2.0, n) * (0.25 + np.minimum(population.land_mu, 12) / 7)
    transfers = 0.06 + 0.22 * elderly / population.size + 0.5 * (workers == 0) + 0.05 * rng.random(n)
    owns = rng.random(n) < 0.3
    prop = np.where(owns, rng.exponential(0.06, n), 0.0)
    parts = np.stack([wages, business, prop, transfers])
    wanted = np.array([WAGE_SHARE, BUSINESS_SHARE, PROPERTY_SHARE, TRANSFER_SHARE])
    income = population.permanent_income
    for _ in range(30):
        parts = parts / parts.sum(axis=0)
        totals = (parts * income).sum(axis=1) / income.sum()
        parts = parts * (wanted / totals)[:, None]
    parts = parts / parts.sum(axis=0)
    yearly = parts * income
    shared = np.maximum(workers, 1)[population.owner]
    # A worker is out of work one month in eight, so the agreed wage is above the normal year's twelfth.
    wage = np.where(population.is_worker, yearly[0][population.owner] / shared / 12 / 0.88, 0.0)
    return Economy(yearly[0], yearly[1], yearly[2], yearly[3], wage * rng.uniform(0.85, 1.15, len(wage)))


def start_course(
    population: Population, economy: Economy, first_day: int, rng: np.random.Generator
) -> Course:
    """The state before the first month: most workers at work for a while already."""
    members = len(population.owner)
    employed = population.is_worker & (rng.random(members) < 0.88)
    since = np.where(employed, first_day - rng.integers(20, 1500, members), 0)
    return Course(
        Work(employed, since, economy.worker_wage.copy()),
        np.zeros(members, dtype=np.int64),
        np.zeros(members),
        np.ones(population.households),
        np.ones(members, dtype=bool),
        population.is_worker.copy(),
        population.disability.copy(),
        population.labour.copy(),
        population.school.copy(),
    )


def live_month(
    population: Population, economy: Economy, course: Course, end: dt.date, growth: float,
    rng: np.random.Generator,
) -> Month:  # fmt: skip
    """Draw one month's events, update the course, and return what the month brought."""
    n, owner = population.households, population.owner
    age = ages(population, end)
    claims, self_paid, accident, sick, hurt = _illness(population, course, age, end, rng)
    disasters, loss, crop = _disasters(population, economy, end, rng)
    job_ends = _work(population, course, age, sick, end, rng)
    deaths = np.flatnonzero(course.alive & (rng.random(len(owner)) < _death_hazard(age)))
    course.alive[deaths] = False
    course.is_worker[deaths] = False
    # A job left out because its holder died later would tell of the death years before it.
    job_ends.append(_jobs_left_by(course.work, deaths, end))
    disabled = _new_disabilities(course, sick, rng)
    changes = np.union1d(disabled, _new_school_year(course, age, end, rng))
    earned = np.where(course.work.employed, course.work.wage, 0.0) * growth
    wages = population.per_household(earned) * rng.uniform(0.94, 1.06, n)
    quarter = HARVEST.get(end.month, 0.0)
    failed = rng.random(n) < 0.0035
    course.business = np.minimum(1.15, course.business + 0.035 * (1 - course.business))
    kept = rng.uniform(0.1, 0.5, int(failed.sum()))
    failed_loss = economy.business[failed] * growth * course.business[failed] * (1 - kept)
    course.business[failed] *= kept
    course.business *= 1 - 0.5 * crop
    normal = economy.business * growth * quarter
    yields = np.clip(rng.normal(1.0, 0.16, n), 0.3, 1.7)
    gross = normal * course.business * yields / (1 - COST_SHARE)
    cost = normal / (1 - COST_SHARE) * COST_SHARE * rng.uniform(0.92, 1.08, n)
    pays = end.month in HARVEST
    return Month(
        wages=wages,
        business=gross,
        cost=cost,
        transfers=economy.transfers * growth / 4 * rng.uniform(0.95, 1.05, n) if pays else np.zeros(n),
        property=economy.property * growth if end.month == 12 else np.zeros(n),
        self_paid=self_paid,
        accident_self_paid=accident,
        loss=loss,
        wage_shortfall=np.maximum(0, economy.wages / 12 * growth - wages),
        business_shortfall=np.maximum(0, normal - (gross - cost)),
        claims=claims,
        disasters=disasters,
        job_ends=job_ends,
        changes=changes,
        deaths=deaths,
        hurt=np.flatnonzero(hurt),
        disabled=disabled,
        failed=np.flatnonzero(failed),
        failed_loss=failed_loss,
    )


def _illness(
    population: Population, course: Course, age: Floats, end: dt.date, rng: np.random.Generator
) -> tuple[list[dict[str, object]], Floats, Floats, Flags, Flags]:
    """Hospital stays, lasting treatment, chronic care: claims, costs, who fell ill and who was hurt."""
    owner, members = population.owner, len(population.owner)
    frailty = population.frailty[owner]
    hazard = np.interp(age, [0, 5, 20, 45, 60, 75, 95], [0.012, 0.006, 0.005, 0.010, 0.020, 0.034, 0.05])
    hazard = hazard * frailty * np.where(population.chronic, 1.5, 0.9) * 1.08
    hurt = course.alive & (rng.random(members) < 0.0004)
    stays = course.alive & ((rng.random(members) < hazard) | hurt)
    gravity = np.where(hurt, 0.5, 0.030 + 0.0011 * np.maximum(age - 30, 0))
    serious = stays & (rng.random(members) < gravity)
    body = np.exp(rng.normal(8.85, 0.75, members))
    tail = 36_000 * (1 - rng.random(members)) ** (-1 / 1.95)
    # Who can pay chooses dearer care; who cannot puts it off. So bills alone say little about need.
    means = (population.permanent_income / population.size / INCOME_PER_HEAD_2023)[owner]
    choice = np.clip(means, 0.15, 6.0) ** 0.9
    total = np.where(stays, np.minimum(np.where(serious, tail, body) * choice, 900_000), 0.0)
    share = np.clip(rng.normal(0.62, 0.09, members) + 0.07 * population.formerly_poor[owner], 0.3, 0.92)
    paid = total * (1 - share) * np.where(serious, 0.9, 0.85)
    lasting = serious & (rng.random(members) < 0.65)
    course.treatment_months = np.where(lasting, rng.integers(5, 22, members), course.treatment_months)
    course.treatment_cost = np.where(
        lasting, total * rng.uniform(0.025, 0.075, members), course.treatment_cost
    )
    treated = course.alive & ~stays & (course.treatment_months > 0)
    course.treatment_months = np.maximum(0, course.treatment_months - 1)
    care_total = np.where(treated, course.treatment_cost * rng.uniform(0.6, 1.4, members), 0.0)
    care_paid = care_total * (1 - np.clip(share - 0.08, 0.2, 0.9))
    # Chronic care is settled by the quarter.
    seen = course.alive & population.chronic & (end.month % 3 == 0) & (rng.random(members) < 0.7)
    drug_total = np.where(seen, np.exp(rng.normal(6.7, 0.6, members)), 0.0)
    drug_paid = drug_total * 0.5
    kinds = (("inpatient", total, paid, stays), ("serious_outpatient", care_total, care_paid, treated),
             ("outpatient", drug_total, drug_paid, seen))  # fmt: skip
    claims: list[dict[str, object]] = [
        {
            "member": np.flatnonzero(mask),
            "care": care,
            "total": amount[mask],
            "self_paid": own[mask],
            "serious": (serious | treated)[mask],
        }
        for care, amount, own, mask in kinds
    ]
    # The insurance sees neither board, travel and carers, nor what policies of their own pay to some.
    insured = rng.random(population.households)[owner] < INSURED_SHARE
    borne = paid - np.where(insured, 0.7 * np.maximum(0, paid - 12_000), 0.0)
    burden = population.per_household(borne * np.where(serious, 1.35, 1.1) + care_paid * 1.3 + drug_paid)
    accident = population.per_household(np.where(hurt, borne * 1.35, 0.0))
    return claims, burden - accident, accident, serious, hurt


def _work(
    population: Population, course: Course, age: Floats, sick: Flags, end: dt.date, rng: np.random.Generator
) -> list[dict[str, object]]:
    """Jobs that end and jobs that begin; serious illness costs the patient's job and often a carer's."""
    owner, members = population.owner, len(population.owner)
    work = course.work
    skill = population.skill[owner]
    ill_at_home = population.per_household(sick)[owner] > 0
    loses = work.employed & (
        (rng.random(members) < 0.020 * np.exp(-0.35 * skill))
        | (sick & (rng.random(members) < 0.85))
        | (ill_at_home & (rng.random(members) < 0.35))
    )
    ended = np.flatnonzero(loses)
    day = np.datetime64(end, "D").astype(np.int64)
    ends: list[dict[str, object]] = [
        {"member": ended, "since": work.since[ended].copy(), "wage": work.wage[ended].copy(),
         "ended": day - rng.integers(0, 28, len(ended))}
    ]  # fmt: skip
    work.employed[ended] = False
    nursing = population.per_household(course.treatment_months > 6)[owner] > 0
    finds = (
        course.is_worker
        & course.alive
        & ~work.employed
        & ~loses
        & (course.treatment_months == 0)
        & (
            rng.random(members)
            < 0.15 * np.exp(0.3 * skill - 0.03 * np.maximum(age - 48, 0)) * np.where(nursing, 0.5, 1)
        )
    )
    found = np.flatnonzero(finds)
    work.employed[found] = True
    work.since[found] = day - rng.integers(0, 28, len(found))
    return ends


def _jobs_left_by(work: Work, deaths: Ints, end: dt.date) -> dict[str, object]:
    """The jobs that end with their holders."""
    left = deaths[work.employed[deaths]]
    work.employed[left] = False
    day = np.datetime64(end, "D").astype(np.int64)
    return {"member": left, "since": work.since[left].copy(), "wage": work.wage[left].copy(),
            "ended": np.full(len(left), day)}  # fmt: skip


def _disasters(
    population: Population, economy: Economy, end: dt.date, rng: np.random.Generator
) -> tuple[list[dict[str, object]], Floats, Floats]:
    """Disasters strike towns, some of their villages, some of their households."""
    n = population.households
    loss, crop = np.zeros(n), np.zeros(n)
    records: list[dict[str, object]] = []
    towns = int(population.town.max()) + 1
    struck = np.flatnonzero(rng.random(towns) < 0.035 * DISASTER_SEASON[end.month - 1])
    for town in struck:
        severity = rng.beta(1.1, 4.5)
        villages = rng.random(int(population.village.max()) + 1) < 0.45
        hit = (population.town == town) & villages[population.village] & (rng.random(n) < 0.38)
        where = np.flatnonzero(hit)
        harm = np.clip(severity * rng.uniform(0.4, 1.9, len(where)), 0.02, 1)
        damaged = rng.random(len(where)) < 0.18 * severity * 2
        amount = harm * (0.45 * economy.business[where] + 1_500) + damaged * rng.lognormal(
            9.6, 0.7, len(where)
        ) * (0.5 + severity)
        loss[where] += amount
        crop[where] = np.maximum(crop[where], harm)
        records.append(
            {"household": where, "hazard": str(rng.choice(HAZARDS)), "loss": amount,
             "crop": np.clip(np.round(harm * 100), 0, 100), "damaged": damaged,
             "day": np.datetime64(end, "D").astype(np.int64) - int(rng.integers(0, 28))}
        )  # fmt: skip
    return records, loss, crop


def _new_disabilities(course: Course, sick: Flags, rng: np.random.Generator) -> Ints:
    """Serious illness leaves some disabled and unable to work."""
    hit = np.flatnonzero(sick & course.alive & (course.disability == 0) & (rng.random(len(sick)) < 0.12))
    course.disability[hit] = rng.integers(1, 4, len(hit))
    course.labour[hit] = "none"
    course.is_worker[hit] = False
    return hit


def _new_school_year(course: Course, age: Floats, end: dt.date, rng: np.random.Generator) -> Ints:
    """In September pupils move up, leavers look for work, and people over 65 stop working."""
    if end.month != 9:
        return np.empty(0, dtype=np.int64)
    draw = rng.random(len(age))
    school = course.school.copy()
    school[(school == "none") & (age >= 6) & (age < 15)] = "compulsory"
    upper = (school == "compulsory") & (age >= 15.5)
    school[upper] = np.where(draw < 0.55, "high_school", np.where(draw < 0.88, "vocational", "none"))[upper]
    left = np.isin(school, ["high_school", "vocational"]) & (age >= 18.5)
    school[left] = np.where((school == "high_school") & (draw < 0.6), "university", "none")[left]
    school[(school == "university") & (age >= 22.5)] = "none"
    leaver = (school == "none") & (course.school != "none") & (age >= 15.5)
    able = leaver & (course.disability == 0)
    course.labour[able] = np.where(course.school == "university", "skilled", "ordinary")[able]
    retired = np.isin(course.labour, ["ordinary", "skilled"]) & (age >= 65)
    course.labour[retired] = "weak"
    course.is_worker[able] = True
    course.is_worker[retired] = False
    changed = course.alive & ((school != course.school) | retired)
    course.school = school
    return np.flatnonzero(changed)


def _death_hazard(age: Floats) -> Floats:
    return np.interp(age, [0, 40, 60, 70, 80, 95], [0.00002, 0.0001, 0.0006, 0.0016, 0.005, 0.02])
