"""Reporting: what departments deliver of what happened, how late, and how dirty.

Every record arrives after it happened; a spell's end arrives after the spell's beginning. What has not
arrived by the last day is not in the feeds.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.signals import CONTRACTS
from training.simulation.dirt import soil
from training.simulation.hardship import HELP_PER_HEAD
from training.simulation.population import Population
from training.simulation.settings import COUNTY_CODE, CountySettings
from training.simulation.shocks import Course, Month

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

DELIVERY_DAYS = {
    "household": 20,
    "member": 25,
    "income": 35,
    "illness": 60,
    "disaster": 12,
    "employment": 40,
    "accident": 20,
    "civil": 20,
    "production": 25,
    "loan": 20,
    "schooling": 45,
    "housing": 30,
    "water": 20,
    "assistance": 20,
    "disability": 25,
    "declaration": 6,
    "insurance": 40,
    "guarantee": 30,
    "account": 15,
    "identification": 20,
}
"""Days after a month's end on which a department delivers that month."""

STANDING_FEEDS = ("household", "member", "housing", "water", "insurance", "loan", "guarantee", "assistance")
"""Feeds whose first delivery holds what began long before."""

LATE_SHARE = {"income": 0.04, "illness": 0.08, "disaster": 0.03, "employment": 0.08, "member": 0.05}
"""Share of records that come one to four months after their month's delivery."""

INFORMAL_SHARE = 0.22
"""Households part of whose wages are paid in cash and recorded nowhere."""

RECORDED_WAGES = (0.1, 0.7)
"""Lowest and highest share of such households' wages that is recorded."""

SELF_REPORTED_SHARE = 0.6
"""Households whose business is recorded as they told it a year ago; the rest keep books with a buyer or a
cooperative. DOMAIN §3 names year-old self-reported income among the defects of the feeds."""

WORK_SHARES = {"migrant": 0.55, "local": 0.33, "public_welfare": 0.04, "self_employed": 0.08}


def household_keys(households: Ints) -> npt.NDArray[np.object_]:
    """Pseudonymous keys of households by number."""
    return np.array([f"H{one:07d}" for one in households], dtype=object)


class Reporter:
    """Collects the months of a county and delivers them as the departments would."""

    def __init__(
        self, settings: CountySettings, population: Population, course: Course, first_day: int,
        rng: np.random.Generator,
    ) -> None:  # fmt: skip
        self.settings, self.population, self.rng = settings, population, rng
        self.first_day = first_day
        self.parts: dict[str, list[pd.DataFrame]] = {name: [] for name in DELIVERY_DAYS}
        members = len(population.owner)
        self.version_since = np.full(members, first_day - 365 * 3, dtype=np.int64)
        self.version = self._attributes(course, np.arange(members))
        n = population.households
        informal = rng.random(n) < INFORMAL_SHARE
        self.recorded_wages = np.where(informal, rng.uniform(*RECORDED_WAGES, n), 1.0)
        self.self_reported = rng.random(n) < SELF_REPORTED_SHARE
        self.told: list[tuple[Floats, Floats]] = []
        self.work_kind = rng.choice(list(WORK_SHARES), members, p=list(WORK_SHARES.values()))
        self.work_kind = self.work_kind.astype(object)

    def report_month(self, end: dt.date, month: Month, course: Course, helped: Any) -> None:
        """Record what departments will know of one month."""
        day = int(np.datetime64(end, "D").astype(np.int64))
        self._report_income(day, end, month, helped)
        for claim in month.claims:
            self._report_claims(day, claim)
        for one in month.disasters:
            self._report_disaster(one)
        for job in month.job_ends:
            self.add("employment", self._jobs(job["member"], job["since"], job["wage"], job["ended"]))
        self._close_versions(np.union1d(month.changes, month.deaths), day, course)

    def deliver(self, course: Course) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
        """All feeds in the surface form of their contracts, with the coverage; dirt included."""
        alive = np.flatnonzero(course.alive)
        self.add("member", self._members(alive, None))
        open_jobs = np.flatnonzero(course.work.employed)
        work = course.work
        self.add("employment", self._jobs(open_jobs, work.since[open_jobs], work.wage[open_jobs], None))
        self.add("household", self._households())
        feeds = {}
        for name, parts in self.parts.items():
            if not parts:
                # A feed with nothing to tell still has its columns.
                feeds[name] = pd.DataFrame(columns=[one.surface for one in CONTRACTS[name].fields])
                continue
            frame = pd.concat(parts, ignore_index=True)
            feeds[name] = soil(name, self._finish(name, frame), self.settings.dirt_share, self.rng)
        return feeds, self._coverage()

    def _report_income(self, day: int, end: dt.date, month: Month, helped: Any) -> None:
        support = np.where(helped, HELP_PER_HEAD * self.population.size**0.7 * 3, 0.0)
        transfers = month.transfers + (support if end.month % 3 == 0 else 0.0)
        none = np.zeros(len(transfers))
        business, cost = self._recorded_business(month)
        for source, amount, spent in (
            ("wages", month.wages * self.recorded_wages, none),
            ("business", business, cost),
            ("property", month.property, none),
            ("transfers", transfers, none),
        ):
            paid = np.flatnonzero((amount >= 1) | (spent >= 1))
            self.add(
                "income",
                {
                    "household": paid,
                    "occurred": np.full(len(paid), day),
                    "known": self.arrival("income", np.full(len(paid), day)),
                    "source": np.full(len(paid), source, dtype=object),
                    "amount_yuan": np.round(amount[paid], 2),
                    "cost_yuan": np.round(spent[paid], 2),
                },
            )

    def _recorded_business(self, month: Month) -> tuple[Floats, Floats]:
        """Receipts and cost as recorded: those of twelve months ago where households tell them themselves."""
        self.told.append((month.business, month.cost))
        if len(self.told) <= 12:
            return month.business, month.cost
        business, cost = self.told.pop(0)
        own = self.self_reported
        return np.where(own, business, month.business), np.where(own, cost, month.cost)

    def _report_claims(self, day: int, claim: dict[str, Any]) -> None:
        member = claim["member"]
        occurred = day - self.rng.integers(0, 28, len(member))
        total, own = np.round(claim["total"], 2), np.round(claim["self_paid"], 2)
        self.add(
            "illness",
            {
                "household": self.population.owner[member],
                "occurred": occurred,
                "known": self.arrival("illness", occurred) + self._settlement_days(claim["serious"]),
                "member_id": self.member_keys(member),
                "care": np.full(len(member), claim["care"], dtype=object),
                "total_yuan": total,
                "reimbursed_yuan": np.round((total - own) * 0.97, 2),
                "self_paid_yuan": own,
                "is_serious_disease": claim["serious"],
            },
        )

    def _settlement_days(self, serious: Any) -> Any:
        """Serious disease is often treated in another province, and settled there first."""
        away = serious & (self.rng.random(len(serious)) < 0.4)
        return np.where(away, self.rng.integers(30, 150, len(serious)), 0)

    def _report_disaster(self, one: dict[str, Any]) -> None:
        where = one["household"]
        occurred = np.full(len(where), one["day"])
        self.add(
            "disaster",
            {
                "household": where,
                "occurred": occurred,
                "known": self.arrival("disaster", occurred),
                "hazard": np.full(len(where), one["hazard"], dtype=object),
                # Assessors round and miss some of it.
                "loss_yuan": np.round(one["loss"] * self.rng.uniform(0.6, 1.2, len(where)), -1),
                "crop_loss_percent": one["crop"].astype(np.int64),
                "is_house_damaged": one["damaged"],
            },
        )

    def _jobs(self, member: Any, since: Any, wage: Any, ended: Any) -> dict[str, Any]:
        known = self.arrival("employment", since)
        return {
            "household": self.population.owner[member],
            "occurred": since,
            "known": known,
            "ended": ended,
            "ended_known": self.end_arrival("employment", ended, known),
            "member_id": self.member_keys(member),
            "work": self.work_kind[member],
            "monthly_wage_yuan": np.round(wage, -1),
        }

    def _attributes(self, course: Course, member: Ints) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "labour": course.labour[member],
                "disability_grade": course.disability[member],
                "has_chronic_illness": self.population.chronic[member],
                "school": course.school[member],
            },
            index=member,
        )

    def _close_versions(self, member: Ints, day: int, course: Course) -> None:
        if len(member) == 0:
            return
        self.add("member", self._members(member, np.full(len(member), day)))
        self.version_since[member] = day + 1
        self.version.loc[member] = self._attributes(course, member)

    def _members(self, member: Ints, ended: Any) -> dict[str, Any]:
        since = self.version_since[member]
        known = self.arrival("member", since)
        return {
            "household": self.population.owner[member],
            "occurred": since,
            "known": known,
            "ended": ended,
            "ended_known": self.end_arrival("member", ended, known),
            "member_id": self.member_keys(member),
            "born_on": _dates(self.population.born[member]),
            **{name: self.version.loc[member, name].to_numpy() for name in self.version.columns},
        }

    def _households(self) -> dict[str, Any]:
        n = self.population.households
        since = np.full(n, self.first_day - 365 * 3)
        return {
            "household": np.arange(n),
            "occurred": since,
            "known": self.arrival("household", since),
            "ended": None,
            "ended_known": None,
            "village_code": self.population.village_codes,
            "background": np.where(self.population.formerly_poor, "formerly_poor", "other").astype(object),
            "land_mu": self.population.land_mu,
        }

    def arrival(self, feed: str, occurred: Any) -> Any:
        """Most records come with their month's delivery, some one to four months later."""
        occurred = np.asarray(occurred)
        count = len(occurred)
        spread = self.rng.integers(5, DELIVERY_DAYS[feed] + 1, count)
        late = self.rng.random(count) < LATE_SHARE.get(feed, 0.0)
        return occurred + spread + np.where(late, self.rng.integers(30, 121, count), 0)

    def end_arrival(self, feed: str, ended: Any, known: Any) -> Any:
        """When a spell's end arrives: nobody reports the end of what they have not yet reported."""
        return None if ended is None else np.maximum(self.arrival(feed, ended), known)

    def add_spells(self, feed: str, columns: dict[str, Any]) -> None:
        """Add spells that ended on ``ended``, or go on where that is None; they arrive as deliveries do."""
        known = self.arrival(feed, columns["occurred"])
        ended = columns.pop("ended")
        self.add(
            feed,
            {
                "household": columns.pop("household"),
                "occurred": columns.pop("occurred"),
                "known": known,
                "ended": ended,
                "ended_known": self.end_arrival(feed, ended, known),
                **columns,
            },
        )

    def add(self, feed: str, columns: dict[str, Any]) -> None:
        """Add rows of a feed: arrays by column, `household`, `occurred` and `known` as numbers."""
        rows = len(columns["household"])
        if rows or not self.parts[feed]:
            self.parts[feed].append(
                pd.DataFrame({k: np.full(rows, -1) if v is None else v for k, v in columns.items()})
            )

    def _finish(self, feed: str, frame: pd.DataFrame) -> pd.DataFrame:
        """Surface columns, without what has not arrived or was silenced, in the order of arrival."""
        last = int(np.datetime64(self.settings.ends_on, "D").astype(np.int64))
        frame = frame[frame["known"] <= last]
        frame = frame[~self._silenced(feed, frame, "occurred")]
        frame = frame.sort_values(["known", "household"], kind="stable").reset_index(drop=True)
        surface = pd.DataFrame({
            "household_id": household_keys(frame["household"].to_numpy()),
            "occurred_on": _dates(frame["occurred"]),
            "known_on": _dates(frame["known"]),
        })
        if "ended" in frame:
            told = (frame["ended"] >= 0) & (frame["ended_known"] <= last)
            # A silent department does not tell that a spell ended either.
            told &= ~self._silenced(feed, frame, "ended")
            surface["ended_on"] = pd.Series(_dates(frame["ended"])).where(told)
            surface["ended_known_on"] = pd.Series(_dates(frame["ended_known"])).where(told)
        rest = [
            one
            for one in frame.columns
            if one not in ("household", "occurred", "known", "ended", "ended_known")
        ]
        return pd.concat([surface, frame[rest]], axis=1)

    def _silenced(self, feed: str, frame: pd.DataFrame, date: str) -> Any:
        """Which rows' `date` lies in the silence of their area."""
        gone = np.zeros(len(frame), dtype=bool)
        for name, area, month in self.settings.silent:
            if name == feed:
                codes = self.population.village_codes[frame["household"].to_numpy()]
                inside = np.array([code.startswith(area) for code in codes], dtype=bool)
                start = self.settings.month_ends[month].replace(day=1)
                gone |= inside & (frame[date].to_numpy() >= np.datetime64(start, "D").astype(np.int64))
        return gone

    def _coverage(self) -> pd.DataFrame:
        rows = []
        silenced = {feed for feed, _, _ in self.settings.silent}
        towns = sorted({code[:9] for code in self.population.village_codes})
        for feed, days in DELIVERY_DAYS.items():
            areas = towns if feed in silenced else [COUNTY_CODE]
            for number, end in enumerate(self.settings.month_ends):
                known = end + dt.timedelta(days=days)
                since = end.replace(day=1) if number else dt.date(end.year - 10, 1, 1)
                if feed not in STANDING_FEEDS and not number:
                    since = end.replace(day=1)
                rows += [
                    {"feed": feed, "area_code": area, "complete_from": since, "complete_until": end,
                     "known_on": known}
                    for area in areas
                    if known <= self.settings.ends_on and not self._is_silent(feed, area, number)
                ]  # fmt: skip
        frame = pd.DataFrame(rows)
        for column in ("complete_from", "complete_until", "known_on"):
            frame[column] = pd.to_datetime(frame[column])
        return frame

    def _is_silent(self, feed: str, area: str, number: int) -> bool:
        return any(
            name == feed and area.startswith(where) and number >= month
            for name, where, month in self.settings.silent
        )

    def member_keys(self, member: Any) -> npt.NDArray[np.object_]:
        """Pseudonymous keys of members by number."""
        return np.array([f"M{one:08d}" for one in np.asarray(member)], dtype=object)


def _dates(days: Any) -> Any:
    return np.asarray(days, dtype=np.int64).astype("datetime64[D]").astype("datetime64[s]")
