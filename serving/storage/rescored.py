"""Assessments made again after a correction, and all assessments of a household together with them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import Connection, Subquery, select, union_all

from serving.storage.case_tables import rescored_assessment
from serving.storage.database import insert_into
from serving.storage.tables import assessment

_READ = ("id", "household_id", "as_of_date", "model_version", "village_code", "body", "written_at")


@cache
def every_assessment() -> Subquery:
    """Assessments of runs and those made again after a correction as one table: to read a household's."""
    parts = [select(*(table.c[name] for name in _READ)) for table in (assessment, rescored_assessment)]
    return union_all(*parts).subquery("every_assessment")


def save_rescored_in(
    connection: Connection,
    body: Mapping[str, Any],
    village_code: str,
    correction_id: str,
    now: dt.datetime,
) -> None:
    """Keep what was said after a correction, once, beside whatever was said before."""
    row = {
        "household_id": body["household_id"],
        "as_of_date": dt.date.fromisoformat(body["as_of_date"]),
        "model_version": body["model_version"],
        "village_code": village_code,
        "body": dict(body),
        "written_at": now,
        "correction_id": correction_id,
    }
    connection.execute(insert_into(connection, rescored_assessment).values(row).on_conflict_do_nothing())
