"""The demo's grids (网格): a table as a county's office would keep it, taken in as such tables are.

Households of a village are cut by the order of their keys into grids of about as many as one person knows.
"""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path

from sqlalchemy import Engine, select

from deploy.demo_courses import ILLNESS, Course, assured, report_of_grid
from deploy.demo_town import Town
from serving.access import Role
from serving.command import OPERATOR
from serving.storage.grids import GridStore
from serving.storage.runs import Run
from serving.storage.tables import assessment
from serving.worklists.grid_table import COLUMNS, import_grids

SIZE = 28
"""Households of a grid, about."""
REPORTED = 12
"""Households of the demo's town, not asked to be visited by any score, that somebody finds of late."""


def take_in_grids(town: Town, run: Run, table: Path) -> None:
    """Write the table of a run's households, and take it in."""
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for village, households in _villages(town.engine, run).items():
            count = max(1, round(len(households) / SIZE))
            for number, household in enumerate(households):
                writer.writerow((household, village, f"{number * count // len(households) + 1}组"))
    made = import_grids(GridStore(town.engine, town.audit), OPERATOR, table)
    assert not made.errors
    town.done["in_grids"] += made.households_changed


def _villages(engine: Engine, run: Run) -> dict[str, list[str]]:
    """The households of each village of a run, by their keys."""
    query = (
        select(assessment.c.village_code, assessment.c.household_id)
        .where(assessment.c.as_of_date == run.as_of_date, assessment.c.model_version == run.model_version)
        .order_by(assessment.c.village_code, assessment.c.household_id)
    )
    made: dict[str, list[str]] = {}
    with engine.connect() as connection:
        for village, household in connection.execute(query):
            made.setdefault(village, []).append(household)
    return made


def report_some(town: Town, chosen: list[tuple[str, str]]) -> Course:
    """One a day, in turn found by a sweep, with illness, and reported by the grid for its work."""
    for number, (household, village) in enumerate(chosen):
        yield town.clock.day + dt.timedelta(days=min(number, 1))
        if number % 2:
            report_of_grid(town, household, village, "07")
        else:
            town.visit(
                household, village, "difficulty", Role.VILLAGE_OFFICIAL, causes=[ILLNESS],
                **assured(town, is_poor=True),
            )  # fmt: skip
