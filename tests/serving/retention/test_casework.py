"""Casework goes by its day and never while it is open; what is gone leaves nothing of itself behind."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Table, select

from serving.retention import rules_of
from serving.storage.case_tables import (
    case_clock,
    case_file,
    case_lead,
    case_move,
    correction,
    measure_delivery,
    plan_measure,
    visit,
    worklist,
    worklist_entry,
)
from tests.serving.retention.test_retention import DAY, NOW, TODAY, World

VILLAGE = "500999100201"
LINKED = (case_lead, case_move, case_clock, plan_measure, measure_delivery)


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    made = World(database_url, tmp_path / "jobs")
    yield made
    made.engine.dispose()


@dataclass(frozen=True)
class Told:
    """One case of the world: days since it was closed, whether a deadline runs, and its visit's correction."""

    closed: int | None
    runs: bool
    visited: int
    corrected: str | None


def add(connection: Connection, number: int, told: Told) -> None:
    number_of, day = f"{number:032}", TODAY - 3_000 * DAY
    closed = None if told.closed is None else TODAY - told.closed * DAY
    connection.execute(case_file.insert().values(
        id=number_of, household_id=f"H{number}", village_code=VILLAGE, version=1, practice="default@2020-01-01",
        state="helping" if closed is None else "resolved", opened_on=day, entered_on=day, grade=1, theme="illness",
        is_hard=0, causes=["01"], is_without_labour=0, is_green_lane=0, closed_on=closed, relapses=0,
        owner="village_official", changed_at=NOW,
    ))  # fmt: skip
    connection.execute(case_lead.insert().values(
        id=number_of, case_id=number_of, household_id=f"H{number}", village_code=VILLAGE, channel="grid", source="g",
        code="grid_report", theme="illness", occurred_on=day, known_on=day, received_at=NOW, facts={}, is_hard=0,
        event_key="e", dedup_key=number_of,
    ))  # fmt: skip
    connection.execute(case_move.insert().values(
        case_id=number_of, seq=1, move="alert", from_state="found", to_state="alerted", at=NOW, effective_on=day,
        actor="p", role="village_official", facts={},
    ))  # fmt: skip
    connection.execute(case_clock.insert().values(
        case_id=number_of, clock="visit", round=1, started_on=day, due_on=day,
        stopped_on=None if told.runs else day,
    ))  # fmt: skip
    connection.execute(plan_measure.insert().values(
        id=number_of, case_id=number_of, measure="reimbursement", measure_group="medical", cause="01", department="m",
        persons=1, starts_on=day, due_on=day, planned_at=NOW, planner="p",
    ))  # fmt: skip
    connection.execute(measure_delivery.insert().values(
        id=number_of, plan_measure_id=number_of, submission_key=number_of, delivered_on=day, recorded_at=NOW,
        recorder="p",
    ))  # fmt: skip
    connection.execute(visit.insert().values(
        id=number_of, case_id=number_of, household_id=f"H{number}", village_code=VILLAGE, submission_key=number_of,
        visited_on=TODAY - told.visited * DAY, received_at=NOW, visitor="p", role="helper", is_random=0,
        finding="difficulty", body={},
    ))  # fmt: skip
    if told.corrected is not None:
        connection.execute(correction.insert().values(
            id=number_of, visit_id=number_of, household_id=f"H{number}", village_code=VILLAGE, feed="illness", row={},
            replaces={}, state=told.corrected, proposed_at=NOW,
        ))  # fmt: skip


def ids(world: World, table: Table, column: str = "id") -> set[str]:
    with world.engine.connect() as connection:
        return set(connection.execute(select(table.c[column])).scalars())


def test_every_kind_of_case_and_visit_is_kept_or_goes_as_it_should(world: World) -> None:
    days = {one.subject: one.days for one in rules_of("CN-50", TODAY)}
    limit = days["cases"]
    assert days["visits"] == limit
    everyone = {
        f"{number:032}": Told(*one)
        for number, one in enumerate(
            itertools.product(
                (None, 1, limit, limit + 1), (True, False), (limit, limit + 1),
                (None, "proposed", "approved", "refused"),
            )
        )
    }  # fmt: skip
    with world.engine.begin() as connection:
        for number, told in enumerate(everyone.values()):
            add(connection, number, told)
    # Said by hand, one by one: a case goes when it is closed for longer than the limit and nothing of it runs.
    gone = {key for key, one in everyone.items() if one.closed == limit + 1 and not one.runs}
    assert len(gone) == 8
    # A visit goes with its age, once its case is gone, unless a correction of it waits or is in force.
    unseen = {
        key for key in gone
        if everyone[key].visited == limit + 1 and everyone[key].corrected in {None, "refused"}
    }  # fmt: skip
    assert len(unseen) == 2
    kept = set(everyone) - gone
    dry = world.delete(is_dry=True)
    # Undone again, the visits of the cases that would go still had them.
    assert (dry["cases"][0], dry["visits"][0]) == (8, 0)
    assert ids(world, case_file) == set(everyone)
    made = world.delete()
    assert (made["cases"], made["visits"]) == ((8, len(kept)), (2, len(everyone) - 2))
    assert ids(world, case_file) == kept
    for table in LINKED:
        column = {"case_move": "case_id", "case_clock": "case_id"}.get(table.name, "id")
        assert ids(world, table, column) == kept, table.name
    assert ids(world, visit) == set(everyone) - unseen
    refused = {key for key, one in everyone.items() if one.corrected is not None}
    assert ids(world, correction) == refused - unseen
    with world.engine.connect() as connection:
        of_nobody = connection.execute(select(visit.c.id).where(visit.c.case_id.is_(None))).scalars()
        assert set(of_nobody) == gone - unseen
    again = world.delete()
    assert (again["cases"][0], again["visits"][0]) == (0, 0)
    assert world.audit.verify().faults == ()


def test_lists_go_by_their_day_but_the_one_in_force_never_does(world: World) -> None:
    limit = next(one.days for one in rules_of("CN-50", TODAY) if one.subject == "worklists")
    lists: dict[str, tuple[str, int]] = {
        "a": ("500999", limit + 400), "b": ("500999", limit + 1), "c": ("500999", limit),
        "d": ("500998", limit + 900), "e": ("500998", limit + 500), "f": ("500997", limit + 2),
    }  # fmt: skip
    with world.engine.begin() as connection:
        for key, (area, age) in lists.items():
            day: dt.date = TODAY - age * DAY
            values: dict[str, Any] = {"id": key * 32, "area_code": area, "made_on": day, "as_of_date": day}
            connection.execute(worklist.insert().values(**values, model_version="m", terms={}, made_at=NOW))
            connection.execute(worklist_entry.insert().values(
                worklist_id=key * 32, household_id="H1", village_code=VILLAGE, grid="", place=1, why="score", is_tied=0
            ))  # fmt: skip
    assert world.delete()["worklists"] == (3, 3)
    assert ids(world, worklist) == {one * 32 for one in "cef"}
    assert ids(world, worklist_entry, "worklist_id") == {one * 32 for one in "cef"}
