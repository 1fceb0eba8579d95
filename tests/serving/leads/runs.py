"""A run that lists are made from: its terms, and visits to its households."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import Engine

from scoring.capacity import Capacity, Quota
from serving.storage import Run
from serving.storage.case_tables import visit
from serving.worklists.making import Terms
from tests.serving.leads.conftest import DAY, NOW

RUN = Run(DAY, "m")
MADE_ON = dt.date(2026, 11, 1)


def save_visit(engine: Engine, household: str, village: str, on: dt.date, **more: Any) -> None:
    row = {
        "id": f"{household}-{on}", "household_id": household, "village_code": village,
        "submission_key": f"{household}-{on}", "visited_on": on, "received_at": NOW, "visitor": "a",
        "role": "helper", "is_random": 0, "chance": None, "finding": "no_difficulty", "body": {}, **more,
    }  # fmt: skip
    with engine.begin() as connection:
        connection.execute(visit.insert().values(row))


def terms(**more: Any) -> Terms:
    given = {
        "capacity": Capacity(Quota(share=0.15), "village"),
        "made_on": MADE_ON,
        "random_share": 0.2,
        **more,
    }
    return Terms.of(RUN, given.pop("capacity"), given.pop("made_on"), "CN-50", seed="s", **given)
