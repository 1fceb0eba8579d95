"""Departments: what the smaller feeds tell of the same months: accidents, loans, schools, houses, visits.

Each feed shows one side of what happened, late and with gaps; none is computed from the outcome. What only
some households have (an account worked out at a visit, a check of the guarantees) is delivered for them
alone.
"""

from __future__ import annotations

import datetime as dt
from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from training.simulation.allowance import REVIEW_MONTH
from training.simulation.hardship import Hardship
from training.simulation.population import Population
from training.simulation.reporting import Reporter
from training.simulation.shocks import Course, Month

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

TERM_COSTS = {"compulsory": 600.0, "high_school": 3_600.0, "vocational": 3_000.0, "university": 8_500.0}
"""Yuan a term, the order of fees and board. Assumptions, like every share in this module."""

OVERDUE_DAYS = (0, 45, 75, 120)
ITEMS = ("food", "clothing", "housing", "schooling", "medical", "water")


@dataclass
class Standing:
    """One running spell of each unit (a household, a member, a loan), begun anew where its state changes."""

    feed: str
    household: Ints
    state: dict[str, npt.NDArray[Any]]
    since: Ints
    is_open: Flags

    def rows(self, units: Ints, ended: int | None) -> dict[str, Any]:
        """The spells of `units` as rows, ended on a day or going on."""
        return {
            "household": self.household[units],
            "occurred": self.since[units],
            "ended": None if ended is None else np.full(len(units), ended),
            **{name: values[units] for name, values in self.state.items()},
        }


class Departments:
    """Keeps the running spells of the smaller feeds and hands their rows to the reporter."""

    def __init__(
        self, reporter: Reporter, population: Population, course: Course, first_day: int,
        rng: np.random.Generator,
    ) -> None:  # fmt: skip
        self.reporter, self.population, self.rng = reporter, population, rng
        n, members = population.households, len(population.owner)
        before = first_day - 400
        everyone, all_members = np.arange(n), np.arange(members)
        poor = population.formerly_poor
        self.housing = Standing(
            "housing",
            everyone,
            {"grade": rng.choice(["A", "B", "C", "D"], n, p=[0.5, 0.468, 0.029, 0.003]).astype(object)},
            np.full(n, before),
            np.ones(n, dtype=bool),
        )
        self.water = Standing(
            "water", everyone, {"supply": np.full(n, "safe", dtype=object)}, np.full(n, before),
            np.ones(n, dtype=bool),
        )  # fmt: skip
        self.insurance = Standing(
            "insurance",
            population.owner,
            {"member_id": reporter.member_keys(all_members), "is_subsidised": poor[population.owner]},
            np.full(members, before),
            rng.random(members) < 0.985,
        )
        holds = rng.random(n) < np.where(poor, 0.30, 0.12)
        loans = np.flatnonzero(holds)
        purposes = rng.choice(["production", "housing", "other"], len(loans), p=[0.5, 0.35, 0.15])
        self.loan = Standing(
            "loan",
            loans,
            {
                "loan_id": np.array([f"L{one:07d}" for one in loans], dtype=object),
                "purpose": np.where(poor[loans], "microloan", purposes).astype(object),
                "outstanding_yuan": np.round(rng.uniform(8_000, 50_000, len(loans)), -2),
                "overdue_days": np.zeros(len(loans), dtype=np.int64),
            },
            np.full(len(loans), before),
            np.ones(len(loans), dtype=bool),
        )
        self.assistance = Standing(
            "assistance",
            everyone,
            {"kind": np.full(n, "dibao", dtype=object), "monthly_yuan": np.zeros(n)},
            np.full(n, before),
            np.zeros(n, dtype=bool),
        )
        checked = np.flatnonzero(poor | (rng.random(n) < 0.15))
        units = np.repeat(checked, len(ITEMS))
        self.guarantee = Standing(
            "guarantee",
            units,
            {
                "item": np.tile(np.array(ITEMS, dtype=object), len(checked)),
                "answer": np.full(len(units), "yes", dtype=object),
            },
            np.full(len(units), before),
            np.ones(len(units), dtype=bool),
        )
        self.visited = poor | (rng.random(n) < 0.05)
        self.past: deque[dict[str, Floats]] = deque(maxlen=12)
        self.school_cost: deque[Floats] = deque(maxlen=12)

    def report_month(
        self, end: dt.date, month: Month, course: Course, hardship: Hardship, allowance: Floats,
        found: list[dict[str, object]], limit: Floats,
    ) -> None:  # fmt: skip
        """Record what the smaller departments will know of one month. `limit` is what lenders carry."""
        day = int(np.datetime64(end, "D").astype(np.int64))
        self._accidents(day, month)
        self._civil(day, month, course)
        self._production(day, month)
        self._schooling(day, end, course, hardship)
        self._disabilities(day, month, course)
        self._loans(day, month, hardship, limit)
        self._houses(day, month)
        self._water(day)
        self._insurance(day, end, month, allowance)
        self._assistance(day, end, month, hardship, allowance)
        self._declarations(day, month, hardship)
        self._guarantees(day, end)
        self._accounts(day, end, month)
        self._identifications(found)

    def deliver(self) -> None:
        """Hand over the spells that go on."""
        standings = (self.housing, self.water, self.insurance, self.loan, self.assistance, self.guarantee)
        for one in standings:
            self.reporter.add_spells(one.feed, one.rows(np.flatnonzero(one.is_open), None))

    def _add(self, feed: str, household: Any, occurred: Any, **columns: Any) -> None:
        known = self.reporter.arrival(feed, occurred)
        self.reporter.add(feed, {"household": household, "occurred": occurred, "known": known, **columns})

    def _days(self, day: int, count: int) -> Ints:
        return day - self.rng.integers(0, 28, count)

    def _turn(self, standing: Standing, units: Ints, day: int, **state: Any) -> None:
        """End the running spells of `units` and begin new ones with another state."""
        running = units[standing.is_open[units]]
        self.reporter.add_spells(standing.feed, standing.rows(running, day))
        for name, values in state.items():
            standing.state[name][units] = values
        standing.since[units] = day + 1
        standing.is_open[units] = True

    def _end(self, standing: Standing, units: Ints, day: int) -> None:
        running = units[standing.is_open[units]]
        self.reporter.add_spells(standing.feed, standing.rows(running, day))
        standing.is_open[running] = False

    def _identifications(self, found: list[dict[str, object]]) -> None:
        dates = np.array([one["identified_on"] for one in found], dtype="datetime64[D]")
        self.reporter.add_spells(
            "identification",
            {
                "household": np.array([one["household"] for one in found], dtype=np.int64),
                "occurred": dates.astype(np.int64),
                "ended": None,
                "object_type": np.array([one["object_type"] for one in found], dtype=object),
                "cause": np.array([one["cause_code"] for one in found], dtype=object),
            },
        )

    def _accidents(self, day: int, month: Month) -> None:
        member, rng = month.hurt, self.rng
        injury = rng.choice(["slight", "severe"], len(member), p=[0.55, 0.45]).astype(object)
        injury[np.isin(member, month.deaths)] = "fatal"
        loss = np.round(rng.lognormal(8.0, 1.0, len(member)), 2)
        paid = np.where(rng.random(len(member)) < 0.45, loss * rng.uniform(0.3, 1.0, len(member)), 0.0)
        kinds = rng.choice(["traffic", "work", "fire", "fall", "other"], len(member),
                           p=[0.4, 0.25, 0.05, 0.2, 0.1])  # fmt: skip
        self._add(
            "accident",
            self.population.owner[member],
            self._days(day, len(member)),
            member_id=self.reporter.member_keys(member),
            kind=kinds.astype(object),
            injury=injury,
            loss_yuan=loss,
            compensated_yuan=np.round(paid, 2),
        )

    def _civil(self, day: int, month: Month, course: Course) -> None:
        members = len(self.population.owner)
        prison = np.flatnonzero(course.alive & course.is_worker & (self.rng.random(members) < 0.00004))
        for kind, who in (("death", month.deaths), ("imprisoned", prison)):
            self._add(
                "civil",
                self.population.owner[who],
                self._days(day, len(who)),
                member_id=self.reporter.member_keys(who),
                kind=np.full(len(who), kind, dtype=object),
                is_earner=self.population.is_worker[who],
            )

    def _production(self, day: int, month: Month) -> None:
        where, rng = month.failed, self.rng
        self._add(
            "production",
            where,
            self._days(day, len(where)),
            branch=rng.choice(["crops", "livestock", "forest_fruit"], len(where)).astype(object),
            trouble=rng.choice(
                ["price_fall", "epidemic", "failure", "unsold"], len(where), p=[0.3, 0.25, 0.3, 0.15]
            ).astype(object),
            loss_yuan=np.round(month.failed_loss * rng.uniform(0.5, 1.2, len(where)), -1),
            loss_percent=rng.integers(30, 100, len(where)),
        )

    def _schooling(self, day: int, end: dt.date, course: Course, hardship: Hardship) -> None:
        spent = np.zeros(self.population.households)
        if end.month in (2, 9):
            member = np.flatnonzero(course.alive & (course.school != "none"))
            owner, rng = self.population.owner[member], self.rng
            stage = course.school[member]
            usual = np.vectorize(TERM_COSTS.get, otypes=[np.float64])(stage)
            cost = np.round(usual * rng.lognormal(0.0, 0.3, len(member)), 2)
            aided = self.population.formerly_poor[owner] & (rng.random(len(member)) < 0.85)
            aid = np.round(np.where(aided, cost * rng.uniform(0.2, 0.8, len(member)), 0.0), 2)
            leaves = rng.random(len(member)) < np.where(hardship.in_difficulty[owner], 0.012, 0.0004)
            self._add(
                "schooling", owner, self._days(day, len(member)),
                member_id=self.reporter.member_keys(member), stage=stage, cost_yuan=cost, aid_yuan=aid,
                is_dropped_out=leaves,
            )  # fmt: skip
            spent[:] = np.bincount(owner, cost - aid, self.population.households)
        self.school_cost.append(spent)

    def _disabilities(self, day: int, month: Month, course: Course) -> None:
        new = month.disabled
        # Certificates take months to be issued.
        occurred = day + self.rng.integers(20, 150, len(new))
        self._add(
            "disability",
            self.population.owner[new],
            occurred,
            member_id=self.reporter.member_keys(new),
            change=np.full(len(new), "issued", dtype=object),
            grade=np.maximum(course.disability[new], 1),
        )

    def _loans(self, day: int, month: Month, hardship: Hardship, limit: Floats) -> None:
        loan, rng = self.loan, self.rng
        tight = (hardship.savings < 0.35 * limit)[loan.household]
        now = loan.state["overdue_days"]
        stage = np.searchsorted(OVERDUE_DAYS, now)
        draw = rng.random(len(now))
        # Banks renew the loans of those in trouble, and many pay late for no reason that matters.
        worse = np.where(stage == 0, draw < np.where(tight, 0.03, 0.008), draw < np.where(tight, 0.5, 0.2))
        worse &= stage < len(OVERDUE_DAYS) - 1
        clears = (stage > 0) & (draw > np.where(tight, 0.85, 0.5))
        units = np.flatnonzero(worse | clears)
        changed = np.where(clears[units], 0, np.array(OVERDUE_DAYS)[np.minimum(stage[units] + 1, 3)])
        self._turn(loan, units, day, overdue_days=changed)
        borrows = np.flatnonzero((month.self_paid > 15_000) & (rng.random(len(month.self_paid)) < 0.25))
        years = rng.integers(365, 1_500, len(borrows))
        self.reporter.add_spells("loan", {
            "household": borrows,
            "occurred": np.full(len(borrows), day),
            "ended": day + years,
            "loan_id": np.array([f"L{one:07d}{day}" for one in borrows], dtype=object),
            "purpose": np.full(len(borrows), "illness", dtype=object),
            "outstanding_yuan": np.round(month.self_paid[borrows] * 0.5, -2),
            "overdue_days": np.zeros(len(borrows), dtype=np.int64),
        })  # fmt: skip

    def _houses(self, day: int, month: Month) -> None:
        grade = self.housing.state["grade"]
        damaged = np.concatenate([
            np.empty(0, np.int64),
            *(one["household"][one["damaged"]] for one in month.disasters),  # type: ignore[index]
        ]).astype(np.int64)
        struck = np.unique(damaged[~np.isin(grade[damaged], ["C", "D"])])
        repaired = np.flatnonzero(np.isin(grade, ["C", "D"]) & (self.rng.random(len(grade)) < 0.07))
        repaired = np.setdiff1d(repaired, struck)
        self._turn(self.housing, struck, day, grade="C")
        self._turn(self.housing, repaired, day, grade="B")

    def _water(self, day: int) -> None:
        supply = self.water.state["supply"]
        fails = np.flatnonzero((supply == "safe") & (self.rng.random(len(supply)) < 0.0008))
        mended = np.flatnonzero((supply != "safe") & (self.rng.random(len(supply)) < 0.6))
        cut = self.rng.random(len(fails)) < 0.7
        self._turn(self.water, fails, day, supply=np.where(cut, "cut", "quality_failed").astype(object))
        self._turn(self.water, mended, day, supply="safe")

    def _insurance(self, day: int, end: dt.date, month: Month, allowance: Floats) -> None:
        self._end(self.insurance, month.deaths, day)
        if end.month != REVIEW_MONTH:
            return
        draw = self.rng.random(len(self.insurance.household))
        subsidised = self.insurance.state["is_subsidised"]
        lapses = self.insurance.is_open & ~subsidised & (draw < 0.008)
        self._end(self.insurance, np.flatnonzero(lapses), day)
        joins = ~self.insurance.is_open & (draw > 0.5)
        joins[month.deaths] = False
        helped = (allowance > 0)[self.insurance.household]
        units = np.flatnonzero(joins)
        self._turn(self.insurance, units, day, is_subsidised=subsidised[units] | helped[units])

    def _assistance(
        self, day: int, end: dt.date, month: Month, hardship: Hardship, allowance: Floats
    ) -> None:
        if end.month == REVIEW_MONTH or not self.past:
            drawn = self.assistance.is_open
            self._end(self.assistance, np.flatnonzero(drawn & (allowance == 0)), day)
            amount = np.round(allowance, 2)
            differs = (allowance > 0) & (~drawn | (amount != self.assistance.state["monthly_yuan"]))
            units = np.flatnonzero(differs)
            self._turn(self.assistance, units, day, monthly_yuan=amount[units])
        struck = (month.self_paid > 20_000) | (month.loss > 10_000)
        relieved = np.flatnonzero(struck & (self.rng.random(len(struck)) < 0.06))
        self.reporter.add_spells("assistance", {
            "household": relieved,
            "occurred": np.full(len(relieved), day),
            "ended": np.full(len(relieved), day + 30),
            "kind": np.full(len(relieved), "temporary_relief", dtype=object),
            "monthly_yuan": np.round(self.rng.uniform(500, 5_000, len(relieved)), -2),
        })  # fmt: skip

    def _declarations(self, day: int, month: Month, hardship: Hardship) -> None:
        n = self.population.households
        struck = (month.self_paid > 15_000) | (month.loss > 5_000)
        chances = {"self": (0.04, 0.02, 0.0008), "hotline": (0.012, 0.006, 0.0008),
                   "grid": (0.05, 0.04, 0.0015)}  # fmt: skip
        for channel, (need, trouble, usual) in chances.items():
            chance = np.where(hardship.in_difficulty, need, np.where(struck, trouble, usual))
            calls = np.flatnonzero(self.rng.random(n) < chance)
            self._add(
                "declaration", calls, self._days(day, len(calls)),
                channel=np.full(len(calls), channel, dtype=object),
            )  # fmt: skip

    def _guarantees(self, day: int, end: dt.date) -> None:
        """Every March the checked households are checked again."""
        if end.month != 3:
            return
        item, household = self.guarantee.state["item"], self.guarantee.household
        bad_house = np.isin(self.housing.state["grade"], ["C", "D"])[household]
        bad_water = (self.water.state["supply"] != "safe")[household]
        insured = np.bincount(self.population.owner, self.insurance.is_open, self.population.households)
        lacks = (insured < self.population.size)[household]
        draw = self.rng.random(len(item))
        no = (item == "housing") & bad_house | (item == "water") & bad_water | (item == "medical") & lacks
        no &= draw < 0.8
        answer = np.where(no, "no", np.where(draw > 0.985, "unknown", "yes")).astype(object)
        units = np.flatnonzero(answer != self.guarantee.state["answer"])
        self._turn(self.guarantee, units, day, answer=answer[units])

    def _accounts(self, day: int, end: dt.date, month: Month) -> None:
        """A visited household's account is worked out once a year, in its own month."""
        self.past.append({
            "wages_migrant": month.wages,
            "crops": month.business,
            "cost_crops": month.cost,
            "land_transfer": month.property,
            "pension": month.transfers,
            "self_paid_medical": month.self_paid,
            "payout_accident": np.zeros(len(month.wages)),
        })
        if len(self.past) < 12:
            return
        n = self.population.households
        due = np.flatnonzero(self.visited & (np.arange(n) % 12 == end.month - 1))
        lines = {name: sum(one[name] for one in self.past) for name in self.past[0]}
        lines["self_paid_schooling"] = sum(self.school_cost)
        for line, total in lines.items():
            amount = np.round(np.asarray(total)[due] * self.rng.uniform(0.9, 1.1, len(due)), 2)
            told = amount >= 1
            self._add(
                "account", due[told], np.full(int(told.sum()), day),
                line=np.full(int(told.sum()), line, dtype=object), amount_yuan=amount[told],
            )  # fmt: skip
