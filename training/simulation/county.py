"""County: the months of one simulated county, and what its departments delivered of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from training.area_groups import NamedAreas, save_area_groups
from training.simulation.allowance import REVIEW_MONTH, Allowance
from training.simulation.departments import Departments
from training.simulation.discovery import discover_month, start_discovery
from training.simulation.hardship import Hardship, main_cause, start_hardship, suffer_month
from training.simulation.map import draw_map, save_map
from training.simulation.population import Population, make_population
from training.simulation.relief import Relief
from training.simulation.reporting import Reporter, household_keys
from training.simulation.settings import COUNTY_CODE, CountySettings
from training.simulation.shocks import live_month, make_economy, start_course
from training.simulation.visits import draw_visits, with_channels

YEARLY_GROWTH = 1.06
GROWTH_BASE_YEAR = 2023.5


@dataclass(frozen=True)
class County:
    """What arrived from the departments, what was identified, and the truth that nobody saw.

    `feeds` holds one frame a feed in the surface form of its contract, `visits` who was visited and what was
    found (see `draw_visits`). `truth` has a row for each difficulty: household_id, `since` (first day of the
    month in which it began), `until` (that of the month in which it was over; missing while it goes on),
    cause_code, formerly_poor, identified_on (missing where nobody found it) and helped_on (where a measure
    came instead). A household of `outcomes` that `truth` does not hold
    with a date was identified by mistake. It is for tests only: `save` does not write it. `area_groups` holds
    the area codes that are a group by name: the remote villages.
    """

    settings: CountySettings
    feeds: dict[str, pd.DataFrame]
    coverage: pd.DataFrame
    outcomes: pd.DataFrame
    truth: pd.DataFrame
    visits: pd.DataFrame
    area_groups: NamedAreas

    def save(self, directory: Path) -> None:
        """Write ``<feed>.parquet``, ``coverage.parquet``, and what `training` reads beside the signals:
        ``outcomes.parquet``, ``visits.parquet`` and ``area_groups.yaml``; and for the console
        ``map.geojson``.
        """
        directory.mkdir(parents=True, exist_ok=True)
        tables = {"coverage": self.coverage, "outcomes": self.outcomes, "visits": self.visits}
        for name, frame in (*self.feeds.items(), *tables.items()):
            frame.to_parquet(directory / f"{name}.parquet", index=False)
        save_area_groups(self.area_groups, directory)
        told = self.feeds["household"]["village_code"].astype(str)
        villages = told[told.str.fullmatch(rf"{COUNTY_CODE}\d{{6}}")].unique()
        save_map(draw_map(villages, self.settings.seed), directory)


def simulate_county(settings: CountySettings, progress: Callable[[int, int], None] | None = None) -> County:
    """Simulate a county; the same settings give the same county. `progress` gets (months done, in all)."""
    # What departments record, who is helped first and who is visited has its own chance each, so that
    # changing it leaves the truth as it was.
    streams = np.random.SeedSequence(settings.seed).spawn(4)
    rng, recording, relieving, visiting = (np.random.default_rng(one) for one in streams)
    population = make_population(settings, rng)
    economy = make_economy(population, rng)
    ends = settings.month_ends
    first_day = int(np.datetime64(ends[0].replace(day=1), "D").astype(np.int64))
    course = start_course(population, economy, first_day, rng)
    hardship, discovery = start_hardship(population, rng), start_discovery(population)
    allowance = Allowance(population)
    reporter = Reporter(settings, population, course, first_day, recording)
    departments = Departments(reporter, population, course, first_day, recording)
    outcomes: list[dict[str, object]] = []
    truth: list[pd.DataFrame] = []
    endings: list[pd.DataFrame] = []
    relief = Relief(settings.helped_first_share, relieving)
    for number, end in enumerate(ends):
        growth = YEARLY_GROWTH ** (end.year + end.month / 12 - GROWTH_BASE_YEAR)
        month = live_month(population, economy, course, end, growth, rng)
        if number == 0 or end.month == REVIEW_MONTH:
            allowance.review(hardship.income_12m, growth, rng)
        month.transfers += allowance.monthly
        helped = discovery.helped_until >= number
        was = hardship.since.copy()
        falls = suffer_month(population, economy, course, month, hardship, helped, growth, number)
        over = np.flatnonzero((was >= 0) & (hardship.since != was))
        endings.append(
            pd.DataFrame({"household_id": household_keys(over), "since": was[over], "until": number})
        )
        found = discover_month(population, hardship, discovery, falls, end, number, rng)
        found = relief.divert(found, reporter)
        outcomes += found
        truth.append(_difficulties(population, hardship, falls, number))
        reporter.report_month(end, month, course, helped)
        limit = -population.kin * growth
        departments.report_month(end, month, course, hardship, allowance.monthly, found, limit)
        if progress:
            progress(number + 1, len(ends))
    departments.deliver()
    feeds, coverage = reporter.deliver(course)
    table = _table(outcomes)
    difficulties = pd.concat(truth, ignore_index=True)
    for frame in (
        pd.concat(endings, ignore_index=True),
        table[["household_id", "since", "identified_on"]],
        _table(relief.helped)[["household_id", "since", "identified_on"]].rename(
            columns={"identified_on": "helped_on"}
        ),
    ):
        difficulties = difficulties.merge(frame, how="left", on=["household_id", "since"])
    first_days = pd.to_datetime(pd.Series([end.replace(day=1) for end in ends]))
    for name in ("since", "until"):
        difficulties[name] = difficulties[name].map(first_days)
    keys = household_keys(np.arange(population.households))
    plain = table.drop(columns="since")
    # Bills as the departments deliver them, with their dirt, are what lists are made from.
    visits = draw_visits(
        keys, ends[settings.run_in_months :], difficulties, plain, _bills(feeds["illness"]), visiting
    )
    outcomes_told = with_channels(plain, difficulties, visits, visiting)
    remote = (("remote", population.remote_villages),)
    return County(settings, feeds, coverage, outcomes_told, difficulties, visits, remote)


def _table(found: list[dict[str, object]]) -> pd.DataFrame:
    columns = ["household", "identified_on", "cause_code", "object_type", "since"]
    table = pd.DataFrame(found, columns=columns)
    table.insert(0, "household_id", household_keys(table.pop("household").to_numpy(dtype=np.int64)))
    table["identified_on"] = pd.to_datetime(table["identified_on"])
    table["since"] = table["since"].astype("int64")
    return table


def _bills(claims: pd.DataFrame) -> pd.DataFrame:
    """The claims that can be read: dirt is not a bill."""
    return pd.DataFrame({
        "household_id": claims["household_id"],
        "occurred_on": pd.to_datetime(claims["occurred_on"], errors="coerce"),
        "self_paid_yuan": pd.to_numeric(claims["self_paid_yuan"], errors="coerce"),
    })


def _difficulties(
    population: Population, hardship: Hardship, falls: npt.NDArray[np.bool_], number: int
) -> pd.DataFrame:
    where = np.flatnonzero(falls)
    return pd.DataFrame({
        "household_id": household_keys(where),
        "since": number,
        "cause_code": main_cause(hardship, where),
        "formerly_poor": population.formerly_poor[where],
    })
