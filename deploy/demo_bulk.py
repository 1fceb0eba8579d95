"""The demo's ordinary cases: thousands of leads over the months, most of them handled in time.

Of the leads of the last run those that the demo does not go through one by one are raised on days spread over
the half year, a few in the last weeks, and go the way that most leads go: a visit that finds no difficulty.
What a visit finds is drawn by lot from the score. Some are late, some wait.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any

from deploy.demo_batch import Batch
from deploy.demo_courses import MEASURES, assured, main_cause
from serving.access import Role
from serving.cases.clocks import region_of
from serving.cases.guarantees import ITEMS
from serving.cases.lead import Lead
from serving.cases.run_leads import find_run_leads

WAITING, LATE, RECENT = 0.08, 0.05, 0.06
"""Of the cases: those of the last `WAITING_DAYS` that somebody does not go on with, those whose steps take
long, and those of the last `RECENT_DAYS`, which are under way."""
WAITING_DAYS = 28
RECENT_HERE = 0.6
"""The same where the demo's own village official works: there is to be something to do."""
RECENT_DAYS = 18
LEAST_DIFFICULTY = 0.03
TOWN, COUNTY = Role.TOWNSHIP_OFFICIAL, Role.COUNTY_OFFICIAL

Steps = Iterator[dt.date]


def find_bulk(
    batch: Batch, found: Sequence[tuple[dict[str, Any], str]], since: dt.date, until: dt.date
) -> list[tuple[dt.date, list[Lead], float]]:
    """The day on which each household's leads are raised, the leads told as of then, and its score."""
    rng, made = batch.town.rng, []
    here = min(village for _, village in found)
    span = (until - since).days
    for body, village in found:
        leads = find_run_leads(body, village, region_of(village))
        if not leads:
            continue
        share = RECENT_HERE if village == here else RECENT
        is_recent = rng.random() < share
        ago = rng.randint(0, RECENT_DAYS) if is_recent else rng.randint(RECENT_DAYS, span)
        day = until - dt.timedelta(days=ago)
        told = [
            dataclasses.replace(one, known_on=min(one.known_on, day), occurred_on=min(one.occurred_on, day))
            for one in leads
        ]
        made.append((day, told, float(body["score"] or 0.0)))
    return made


def handle(batch: Batch, leads: list[Lead], score: float) -> Steps:
    """A case from its leads on: looked at, and most often excluded; where there is difficulty, helped."""
    town, rng = batch.town, batch.town.rng
    pace = 5 if rng.random() < LATE else 1
    may_wait = (town.until - town.clock.day).days <= WAITING_DAYS
    waits_at = rng.randint(0, 3) if may_wait and rng.random() < WAITING else None

    def after(least: int, most: int) -> dt.date:
        return town.clock.day + dt.timedelta(days=pace * rng.randint(least, most))

    case_id = batch.open(leads)
    if waits_at == 0:
        return
    yield after(0, 2)
    batch.move(case_id, "alert", TOWN)
    if waits_at == 1:
        return
    yield after(1, 4)
    if rng.random() >= max(score, LEAST_DIFFICULTY):
        batch.visit(case_id, "no_difficulty", guarantees=dict.fromkeys(ITEMS, "yes"))
        batch.move(case_id, "verify", TOWN, visited_on=town.clock.day)
        if waits_at == 2:
            return
        yield after(0, 2)
        batch.move(case_id, "exclude", TOWN, reason="no_difficulty")
        yield after(0, 2)
        batch.move(case_id, "tell", TOWN, told_on=town.clock.day)
        return
    cause = main_cause(batch.cases[case_id].causes)
    batch.visit(case_id, "difficulty", causes=[cause], **assured(town, is_poor=True))
    batch.move(case_id, "verify", TOWN, visited_on=town.clock.day)
    if waits_at == 2:
        return
    yield after(0, 1)
    today = town.clock.day
    batch.move(
        case_id, "review", TOWN, authorised_on=today, compared_on=today, reviewed_on=today,
        attendance=rng.randint(9, 24), published_on=today, ends_on=today + dt.timedelta(days=6),
    )  # fmt: skip
    yield today + dt.timedelta(days=7)
    batch.move(case_id, "submit", TOWN, checked_on=town.clock.day, objections=0)
    yield after(1, 1)
    batch.move(
        case_id, "approve", COUNTY, object_type="sudden_hardship", causes=[cause], is_without_labour=False
    )
    if waits_at == 3:
        return
    yield after(1, 2)
    yield from _help(batch, case_id, cause)


def _help(batch: Batch, case_id: str, cause: str) -> Steps:
    town, rng = batch.town, batch.town.rng
    today = town.clock.day
    batch.move(case_id, "tell", TOWN, told_on=today)
    due = today + dt.timedelta(days=60)
    batch.help_with(
        case_id,
        {
            "measure": MEASURES[cause],
            "cause": cause,
            "starts_on": today.isoformat(),
            "due_on": due.isoformat(),
        },
    )
    yield today + dt.timedelta(days=rng.randint(2, 6))
    batch.deliver(case_id)
    batch.visit(case_id, "no_difficulty", **assured(town, is_poor=False))
    batch.move(case_id, "follow", TOWN, delivered_on=town.clock.day)
    while True:
        yield town.clock.day + dt.timedelta(days=rng.randint(24, 29))
        batch.visit(case_id, "no_difficulty", **assured(town, is_poor=False))
        batch.move(case_id, "follow_up", TOWN, visited_on=town.clock.day, is_steady=True)
