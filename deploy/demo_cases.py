"""The demo's casework: half a year of lists, visits, cases and help, made by invented officials.

Every step goes through the stores as the service's own routes do, as the account of somebody whose area it
is, on the day that it belongs to. Nothing here is a result: what a visit finds is drawn by lot from the
household's score.

    python -m deploy.demo_cases --database sqlite:////path/scores.db --models demo/models --until 2026-11-16
"""

from __future__ import annotations

import argparse
import datetime as dt
import heapq
import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select

from deploy.demo_courses import Course, begin_with, follow, look
from deploy.demo_town import Clock, Town, add_accounts, add_key, open_case
from serving.access.commands import OPERATOR, opened
from serving.cases.clocks import region_of
from serving.cases.run_leads import find_run_leads
from serving.cases.worklist import Why
from serving.leads.from_run import add_run_leads
from serving.storage.assessments import Run
from serving.storage.case_tables import worklist, worklist_entry
from serving.storage.tables import assessment
from serving.worklists.capacity import get_capacity
from serving.worklists.making import Terms, find_run, make_worklists

FOLLOWED = 90
"""Cases of the first run that are gone through; the others of its leads are left to the lists."""
FRESH = 60
"""Cases of the last run that somebody has begun with."""
MADE = (5, 36, 66)
"""Days after the first run on which lists are made, a month apart."""
VISITED_SHARE = 0.85
MOST_VISITS = 250
"""Visits that come of one list, beside those by lot: the county is large, and the demo is to begin soon."""


def main() -> None:
    """Walk the county's cases."""
    options = parse_arguments()
    until = dt.date.fromisoformat(options.until)
    with opened(options.database, None) as (store, log):
        log.check_key()
        clock = Clock(dt.date.fromisoformat(options.first_run) + dt.timedelta(days=1))
        town = Town(store.engine, log, clock, options.county, options.seed)
        told = {"accounts": add_accounts(town), "key": add_key(store)}
        first, last = (
            find_run(store.engine, options.county, dt.date.fromisoformat(one), None)
            for one in (options.first_run, options.last_run)
        )
        walk(town, first, last, until, Path(options.models))
    accounts = Path(options.accounts)
    # Nobody else's before anything is in it.
    accounts.touch(0o600)
    accounts.chmod(0o600)
    accounts.write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")
    print(", ".join(f"{count} {name}" for name, count in sorted(town.done.items())))


def parse_arguments() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description="Half a year of casework in the demo's county.")
    for name in ("database", "models", "county", "first-run", "last-run", "until", "accounts"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--seed", type=int, default=7)
    return parser.parse_args()


def walk(town: Town, first: Run, last: Run, until: dt.date, models: Path) -> None:
    """Everything up to a day, each on its own."""
    start = first.as_of_date + dt.timedelta(days=3)
    fresh = max(last.as_of_date + dt.timedelta(days=1), until - dt.timedelta(days=11))
    queue: list[tuple[dt.date, int, Course]] = []
    numbers = itertools.count()

    def begin(on: dt.date, course: Course) -> None:
        heapq.heappush(queue, (on, next(numbers), course))

    begin(start, open_followed(town, first, begin))
    for days in MADE:
        on = first.as_of_date + dt.timedelta(days=days)
        begin(on, make_lists(town, first, on, models, begin))
    begin(fresh, open_fresh(town, last, models, begin, until))
    while queue and queue[0][0] <= until:
        on, number, course = heapq.heappop(queue)
        town.clock.day = on
        try:
            following = next(course)
        except StopIteration:
            continue
        heapq.heappush(queue, (max(on, following), number, course))


def open_followed(town: Town, run: Run, begin: Any) -> Course:
    """Leads of the first run's most urgent households, and the course of each of their cases."""
    today = town.clock.day
    yield today
    for at, (body, village) in enumerate(urgent(town.engine, run, FOLLOWED)):
        leads = find_run_leads(body, village, region_of(village))
        if not leads:
            continue
        town.leads.add(OPERATOR, leads, on=today)
        begin(
            today + dt.timedelta(days=1 + at % 4),
            follow(town, open_case(town.engine, body["household_id"]), at),
        )


def open_fresh(town: Town, run: Run, models: Path, begin: Any, until: dt.date) -> Course:
    """The last run: all of its leads, this month's lists, and the beginnings of some cases."""
    today = town.clock.day
    yield today
    town.done["leads"] += add_run_leads(
        town.engine, town.leads, OPERATOR, run, on=today, area=town.county
    ).added.new
    begin(today, make_lists(town, run, today, models, begin, VISITED_SHARE / 2))
    chosen = urgent(town.engine, run, FRESH * 3)[FRESH // 2 :: 2][:FRESH]
    for at, (body, _) in enumerate(chosen):
        case = open_case(town.engine, body["household_id"])
        if case is not None and case.state == "found":
            begin(today + dt.timedelta(days=at % 2), begin_with(town, case, at, until))


def urgent(engine: Engine, run: Run, count: int) -> Sequence[tuple[dict[str, Any], str]]:
    """The highest scores of a run, with their villages."""
    query = (
        select(assessment.c.body, assessment.c.village_code)
        .where(assessment.c.as_of_date == run.as_of_date, assessment.c.model_version == run.model_version)
        .order_by(assessment.c.score.desc(), assessment.c.household_id)
        .limit(count)
    )
    with engine.connect() as connection:
        return [(one.body, one.village_code) for one in connection.execute(query)]


def make_lists(
    town: Town, run: Run, on: dt.date, models: Path, begin: Any, share: float = VISITED_SHARE
) -> Course:
    """A month's lists, and visits to most of their households within three weeks."""
    yield on
    capacity = get_capacity(run.model_version, None, [models])
    terms = Terms.of(run, capacity, on, region_of(town.county), seed=f"{town.county} {on}")
    make_worklists(town.engine, town.lists, OPERATOR, town.county, terms)
    query = (
        select(
            worklist_entry.c.household_id,
            worklist_entry.c.village_code,
            worklist_entry.c.score,
            worklist_entry.c.why,
        )
        .join(worklist)
        .where(worklist.c.area_code == town.county, worklist.c.made_on == on)
        .order_by(worklist_entry.c.village_code, worklist_entry.c.place, worklist_entry.c.household_id)
    )
    with town.engine.connect() as connection:
        found = connection.execute(query).all()
    town.done["listed"] += len(found)
    likely = min(share, MOST_VISITS / max(1, len(found)))
    for one in found:
        if one.why == Why.RANDOM or town.rng.random() < likely:
            wait = dt.timedelta(days=town.rng.randint(1, 21))
            begin(on + wait, look(town, one.household_id, one.village_code, one.score or 0.0))


if __name__ == "__main__":
    main()
