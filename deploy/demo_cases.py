"""The demo's casework: half a year of lists, visits, cases and help, made by invented officials.

Every step goes through the stores as the service's own routes do, as the account of somebody whose area it
is, on the day that it belongs to. Nothing here is a result: what a visit finds is drawn by lot from the
household's score.

    python -m deploy.demo_cases --database sqlite:////path/scores.db --models demo/models …
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

from sqlalchemy import Engine, func, select

from deploy.demo_batch import Batch
from deploy.demo_bulk import find_bulk, handle
from deploy.demo_corrections import DAYS, Scored, correct, find_corrections
from deploy.demo_courses import Course, begin_with, follow, look
from deploy.demo_grids import REPORTED, report_some, take_in_grids
from deploy.demo_town import Clock, Town, add_accounts, add_key, open_case
from serving.access.commands import OPERATOR, opened
from serving.cases.clocks import region_of
from serving.cases.run_leads import find_run_leads
from serving.cases.worklist import Why
from serving.storage.case_tables import worklist, worklist_entry
from serving.storage.runs import Run, get_run
from serving.storage.tables import assessment
from serving.worklists.capacity import get_capacity
from serving.worklists.making import Terms, make_worklists

FOLLOWED = 64
"""Cases of the first run that are gone through; the others of its leads are left to the lists."""
FRESH = 60
"""Cases of the last run that somebody has begun with."""
RESOLVED_HERE = (5, 13)
OWN = 4
"""Households of the demo's own village among those whose records may be corrected first."""
MADE = (5, 36, 66)
"""Days after the first run on which lists are made, a month apart."""
VISITED_SHARE = 0.85
MOST_VISITS, MOST_OF_LATEST = 90, 600
"""Visits that come of one list, beside those by lot: the county is large, and the demo is to begin soon. What
the boards show is the latest."""
VISITED_WITHIN, LATEST_LIST = 21, 6
"""Days within which a list is visited, and those since the latest was made: who was visited before it is not
on it, so that what its visits find may be held against the scores."""


def main() -> None:
    """Walk the county's cases."""
    options = parse_arguments()
    until = dt.date.fromisoformat(options.until)
    with opened(options.database, None) as (store, log):
        log.check_key()
        clock = Clock(dt.date.fromisoformat(options.first_run) + dt.timedelta(days=1))
        town = Town(store.engine, log, clock, until, options.county, options.seed)
        told: dict[str, Any] = {"accounts": add_accounts(town), "key": add_key(store)}
        first, last = (
            get_run(store.engine, options.county, dt.date.fromisoformat(one), None)
            for one in (options.first_run, options.last_run)
        )
        take_in_grids(town, last, Path(options.grids))
        walk(town, first, last, Path(options.models), Path(options.signals))
    accounts = Path(options.accounts)
    # Nobody else's before anything is in it.
    accounts.touch(0o600)
    accounts.chmod(0o600)
    accounts.write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")
    print(", ".join(f"{count} {name}" for name, count in sorted(town.done.items())))


def parse_arguments() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description="Half a year of casework in the demo's county.")
    for name in (
        "database",
        "models",
        "signals",
        "grids",
        "county",
        "first-run",
        "last-run",
        "until",
        "accounts",
    ):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--seed", type=int, default=7)
    return parser.parse_args()


def walk(town: Town, first: Run, last: Run, models: Path, signals: Path) -> None:
    """Everything up to the last day, each day on its own."""
    until, start = town.until, first.as_of_date + dt.timedelta(days=3)
    fresh = max(last.as_of_date + dt.timedelta(days=1), until - dt.timedelta(days=11))
    batch = Batch(town)
    queue: list[tuple[dt.date, int, Course]] = []
    numbers = itertools.count()

    def begin(on: dt.date, course: Course) -> None:
        heapq.heappush(queue, (on, next(numbers), course))

    followed = urgent(town.engine, first, FOLLOWED)
    for place, one in zip(RESOLVED_HERE, near_first(town.engine, first, len(RESOLVED_HERE)), strict=False):
        # By their place these are resolved and reported again, where the demo's own officials see it.
        followed = [other for other in followed if other != one]
        followed.insert(place, one)
    begin(start, open_followed(town, followed, begin))
    beginnings = urgent(town.engine, last, FRESH * 3)[FRESH // 2 :: 2][:FRESH]
    apart = {body["household_id"] for body, _ in (*followed, *beginnings)}
    near = [one for one in near_first(town.engine, last, FRESH) if one[0]["household_id"] not in apart]
    for place, one, document in find_corrections(near, signals, until - dt.timedelta(days=max(DAYS))):
        apart.add(one[0]["household_id"])
        begin(until - dt.timedelta(days=DAYS[place]), correct(town, *one, document))
    others = [one for one in to_be_visited(town.engine, last) if one[0]["household_id"] not in apart]
    for on, leads, score in find_bulk(batch, others, start, until):
        town.in_bulk.add(leads[0].household_id)
        begin(on, handle(batch, leads, score))
    for days in MADE:
        on = first.as_of_date + dt.timedelta(days=days)
        begin(on, make_lists(town, batch, first, on, models, begin))
    begin(fresh, open_fresh(town, last, beginnings, begin))
    begin(fresh, report_some(town, unasked(town.engine, last, REPORTED)))
    on = max(fresh, until - dt.timedelta(days=LATEST_LIST))
    begin(on, make_lists(town, batch, last, on, models, begin, MOST_OF_LATEST, LATEST_LIST))
    while queue and queue[0][0] <= until:
        on, number, course = heapq.heappop(queue)
        if on != town.clock.day:
            batch.write()
        town.clock.day = on
        try:
            following = next(course)
        except StopIteration:
            continue
        heapq.heappush(queue, (max(on, following), number, course))
    batch.write()


def open_followed(town: Town, chosen: Sequence[Scored], begin: Any) -> Course:
    """Leads of the first run's most urgent households, and the course of each of their cases."""
    today = town.clock.day
    yield today
    for at, (body, village) in enumerate(chosen):
        leads = find_run_leads(body, village, region_of(village))
        if not leads:
            continue
        town.leads.add(OPERATOR, leads, on=today)
        begin(
            today + dt.timedelta(days=1 + at % 4),
            follow(town, open_case(town.engine, body["household_id"]), at),
        )


def open_fresh(town: Town, run: Run, chosen: Sequence[Scored], begin: Any) -> Course:
    """The last run: the beginnings of some cases."""
    today = town.clock.day
    yield today
    for at, (body, village) in enumerate(chosen):
        leads = find_run_leads(body, village, region_of(village))
        if leads:
            town.done["leads"] += town.leads.add(OPERATOR, leads, on=today).new
        case = open_case(town.engine, body["household_id"])
        if case is not None and case.state == "found":
            begin(today + dt.timedelta(days=at % 2), begin_with(town, case, at))


def urgent(engine: Engine, run: Run, count: int) -> list[Scored]:
    """The highest scores of a run, with their villages."""
    query = _of_run(run).order_by(assessment.c.score.desc(), assessment.c.household_id).limit(count)
    with engine.connect() as connection:
        return [(one.body, one.village_code) for one in connection.execute(query)]


def near_first(engine: Engine, run: Run, count: int) -> list[Scored]:
    """Whom the run asks to visit in the town of the demo's officials, by score behind some of the village."""
    query = _of_run(run).where(assessment.c.suggested_action == "visit")
    with engine.connect() as connection:
        here: str = connection.execute(select(func.min(assessment.c.village_code))).scalar_one()
        found = connection.execute(
            query.where(assessment.c.village_code.startswith(here[:9])).order_by(
                assessment.c.score.desc(), assessment.c.household_id
            )
        ).all()
    scored = [(one.body, one.village_code) for one in found]
    own = [one for one in scored if one[1] == here][:OWN]
    return [*own, *(one for one in scored if one not in own)][:count]


def unasked(engine: Engine, run: Run, count: int) -> list[tuple[str, str]]:
    """Households in the town of the demo's officials that the run asks nobody to visit."""
    query = select(assessment.c.household_id, assessment.c.village_code).where(
        assessment.c.as_of_date == run.as_of_date, assessment.c.model_version == run.model_version,
        assessment.c.suggested_action == "watch",
    )  # fmt: skip
    with engine.connect() as connection:
        here: str = connection.execute(select(func.min(assessment.c.village_code))).scalar_one()
        found = connection.execute(
            query
            .where(assessment.c.village_code.startswith(here[:9]))
            .order_by(assessment.c.village_code, assessment.c.household_id)
            .limit(count)
        )
        return [(one.household_id, one.village_code) for one in found]


def to_be_visited(engine: Engine, run: Run) -> list[Scored]:
    """Everybody of a run whose assessment asks for a visit."""
    query = _of_run(run).where(assessment.c.suggested_action == "visit").order_by(assessment.c.household_id)
    with engine.connect() as connection:
        return [(one.body, one.village_code) for one in connection.execute(query)]


def _of_run(run: Run) -> Any:
    return select(assessment.c.body, assessment.c.village_code).where(
        assessment.c.as_of_date == run.as_of_date, assessment.c.model_version == run.model_version
    )


def make_lists(
    town: Town, batch: Batch, run: Run, on: dt.date, models: Path, begin: Any, most: int = MOST_VISITS,
    within: int = VISITED_WITHIN,
) -> Course:  # fmt: skip
    """A month's lists, and visits to some of their households within so many days."""
    yield on
    capacity = get_capacity(run.model_version, None, [models])
    terms = Terms.of(run, capacity, on, region_of(town.county), seed=f"{town.county} {on}")
    make_worklists(town.engine, town.lists, OPERATOR, town.county, terms)
    query = (
        select(
            worklist_entry.c.worklist_id,
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
    batch.list_id = found[0].worklist_id if found else None
    likely = min(VISITED_SHARE, most / max(1, len(found)))
    for one in found:
        is_drawn = one.why == Why.RANDOM
        is_in_bulk = one.household_id in town.in_bulk and not batch.is_done_with(one.household_id)
        # Whoever has a case of the bulk is visited for that; drawn by lot, they are looked at all the same.
        if is_drawn or (not is_in_bulk and town.rng.random() < likely):
            wait = dt.timedelta(days=town.rng.randint(1, within))
            score = 0.0 if is_in_bulk else one.score or 0.0
            begin(on + wait, look(town, one.household_id, one.village_code, score))


if __name__ == "__main__":
    main()
