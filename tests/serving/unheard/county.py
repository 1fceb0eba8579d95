"""Households of a county that is heard, and of one of which every department is silent."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
from sqlalchemy import select

from features import CONTRACTS, Coverage, Signals, take_in
from serving.storage import FROM_FILES, AssessmentStore
from serving.storage.household_record import RecordStore
from serving.storage.tables import assessment, unheard_household
from tests.serving.conftest import a_household, a_request
from tests.serving.readers import Everything

AS_OF = dt.date(2026, 10, 31)
HEARD, NEAR, SILENT = "500999100201", "500999100202", "500998100201"
LOUD = tuple(f"H{n}" for n in range(4))
QUIET = ("Q0", "Q1", "Q2")


def signals_of(heard: tuple[str, ...] = LOUD, silent: tuple[str, ...] = QUIET, **more: Any) -> Signals:
    """Households of a covered county, and of one whose departments have told nothing."""
    bodies = [
        a_household(key, self_paid=more.get("yuan", 2_000.0) * n) for n, key in enumerate((*heard, *silent))
    ]
    for body in bodies[len(heard) :]:
        body["signals"]["household"][0]["village_code"] = SILENT
    made = a_request(*bodies)
    coverage = [
        {**row, "area_code": area} for row in made["coverage"] for area in more.get("covered", (HEARD[:6],))
    ]
    tables: dict[str, pa.Table] = {}
    for feed in CONTRACTS:
        rows = [
            {**row, "household_id": one["household_id"]}
            for one in bodies
            for row in one["signals"].get(feed, ())
        ]
        taken = take_in(feed, rows)
        assert not taken.quarantined, taken.quarantined
        tables[feed] = taken.accepted
    own = [row for row in coverage if row["feed"] != "neighbourhood"]
    return Signals(tables, Coverage.from_rows(own, CONTRACTS))


def stored(store: AssessmentStore) -> tuple[set[str], set[str]]:
    """Whom the run has with a score, and whom without one."""
    with store.engine.connect() as connection:
        scored, silent = (
            list(connection.execute(select(table.c.household_id)).scalars())
            for table in (assessment, unheard_household)
        )
    assert len(set(scored)) == len(scored)
    assert len(set(silent)) == len(silent)
    return set(scored), set(silent)


def tell_from_files(store: AssessmentStore, household_id: str) -> None:
    """As if a job had made the household's score of files of its own."""
    with store.writer.begin() as connection:
        of_it = assessment.c.household_id == household_id
        row = connection.execute(select(assessment).where(of_it)).one()
        connection.execute(assessment.update().where(of_it).values(body={**row.body, FROM_FILES: True}))


def records_of(store: AssessmentStore) -> RecordStore:
    reader = Everything(store).store
    assert reader.audit is not None
    return RecordStore(reader.engine, reader.audit)
