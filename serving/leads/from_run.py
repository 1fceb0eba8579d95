"""A scored run turned into leads: its threshold hits and its high scores, in parts of bounded size.

Started again it finds what it wrote and goes on: a lead is there once, whoever finds it how often.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import Engine, func, select

from features.policy import policy_value
from scoring.missed import NOT_MET
from serving.access import Caller, Scope
from serving.cases.channel import Channel
from serving.cases.lead import Lead
from serving.cases.run_leads import find_run_leads
from serving.storage.case_tables import visit
from serving.storage.leads import Added, LeadStore
from serving.storage.ranges import inside
from serving.storage.runs import Run
from serving.storage.tables import assessment

CHUNK = 250
"""Households in one transaction: some 2.5 MB of answers."""

VISIT = "visit"
"""The suggested action of everybody with a threshold hit or a high score."""


@dataclass(frozen=True)
class RunLeads:
    """What a run came to. `left_out` high scores are of households that were visited lately."""

    run: Run
    households: int
    added: Added = field(default_factory=Added)
    left_out: int = 0

    def as_json(self) -> dict[str, Any]:
        """As one flat JSON object."""
        return {
            "as_of_date": self.run.as_of_date.isoformat(), "model_version": self.run.model_version,
            "households": self.households, "scores_left_out": self.left_out, **asdict(self.added),
        }  # fmt: skip


def add_run_leads(
    engine: Engine,
    store: LeadStore,
    caller: Caller,
    run: Run,
    *,
    on: dt.date,
    area: str = "",
    progress: Callable[[str, int, int], None] | None = None,
) -> RunLeads:
    """Add the leads of a run's households in an area, opened `on` that day.

    A high score is no lead where somebody was met at the household within the policy's `revisit_days`: what
    the score saw was looked at. A threshold always is one. Raises `PolicyError` for a day before the policy.
    """
    days = int(policy_value("revisit_days", store.region, on).value)
    ids = _ids(engine, run, area)
    added, left_out = Added(), 0
    for start in range(0, len(ids), CHUNK):
        if progress is not None:
            progress("leads", start, len(ids))
        found = _leads(engine, ids[start : start + CHUNK], store.region)
        lately = _visited_since(engine, found, on - dt.timedelta(days=days))
        kept = [
            one
            for one in found
            if one.channel is not Channel.SCORE or (one.household_id, one.village_code) not in lately
        ]
        left_out += len(found) - len(kept)
        if kept:
            added += store.add(caller, kept, on=on)
    return RunLeads(run, len(ids), added, left_out)


def _ids(engine: Engine, run: Run, area: str) -> list[int]:
    """The assessments that ask for a visit, a number each: few enough to be held, of a million households."""
    village = assessment.c.village_code
    query = select(assessment.c.id).where(
        assessment.c.as_of_date == run.as_of_date, assessment.c.model_version == run.model_version,
        assessment.c.suggested_action == VISIT, Scope(area).condition(village), *inside(area, village),
    )  # fmt: skip
    with engine.connect() as connection:
        return sorted(connection.execute(query).scalars())


def _leads(engine: Engine, ids: Sequence[int], region: str) -> list[Lead]:
    query = select(assessment.c.village_code, assessment.c.body).where(assessment.c.id.in_(ids))
    with engine.connect() as connection:
        rows = connection.execute(query.order_by(assessment.c.id)).all()
    return [lead for one in rows for lead in find_run_leads(one.body, one.village_code, region)]


def _visited_since(engine: Engine, leads: Sequence[Lead], since: dt.date) -> set[tuple[str, str]]:
    query = (
        select(visit.c.household_id, visit.c.village_code, func.max(visit.c.visited_on).label("day"))
        .where(
            visit.c.household_id.in_(sorted({one.household_id for one in leads})),
            visit.c.finding != NOT_MET, visit.c.visited_on > since,
        )
        .group_by(visit.c.household_id, visit.c.village_code)
    )  # fmt: skip
    with engine.connect() as connection:
        return {(one.household_id, one.village_code) for one in connection.execute(query)}
