"""The demo's casework: half a year of lists, visits, cases and help, made by invented officials.

Every step goes through the stores as the service's own routes do, as the account of somebody whose area it
is, on the day that it belongs to. Nothing here is a result: what a visit finds is drawn by lot from the
household's score.

    python deploy/demo_cases.py --database sqlite:////path/scores.db --models demo/models --until 2026-11-16
"""

from __future__ import annotations

import argparse
import datetime as dt
import heapq
import itertools
import json
import random
import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select

from serving.access import Role
from serving.access.account_desk import AccountDesk
from serving.access.commands import OPERATOR, opened
from serving.access.passwords import make_start_password
from serving.access.scope import ALL_AREAS
from serving.cases.clocks import CHINA, region_of
from serving.cases.guarantees import ITEMS
from serving.cases.plan_form import read_delivery, read_measure
from serving.cases.run_leads import find_run_leads
from serving.cases.visit import read_visit
from serving.cases.worklist import Why
from serving.errors import Problem
from serving.leads.from_run import add_run_leads
from serving.storage import AccountStore, AuditLog, KeyStore
from serving.storage.accounts import Account
from serving.storage.assessments import Run
from serving.storage.case_tables import case_file, worklist, worklist_entry
from serving.storage.cases import CaseStore
from serving.storage.elimination import lock_elimination
from serving.storage.leads import LeadStore
from serving.storage.plans import PlanStore
from serving.storage.tables import assessment
from serving.storage.visits import VisitStore
from serving.storage.worklists import WorklistStore
from serving.worklists.capacity import get_capacity
from serving.worklists.making import Terms, find_run, make_worklists

PEOPLE: dict[str, Role] = {
    "demo.province": Role.PROVINCE_OFFICIAL, "demo.county": Role.COUNTY_OFFICIAL,
    "demo.township": Role.TOWNSHIP_OFFICIAL, "demo.village": Role.VILLAGE_OFFICIAL,
    "demo.helper": Role.HELPER, "demo.auditor": Role.AUDITOR,
    "demo.accounts": Role.ACCOUNTS, "demo.monitor": Role.MONITOR,
}  # fmt: skip
"""The demo's accounts."""
LASTS = dt.timedelta(days=30)
FOLLOWED = 90
"""Cases of the first run that are gone through; the others of its leads are left to the lists."""
FRESH = 60
"""Cases of the last run that somebody has begun with."""
MADE = (5, 36, 66)
"""Days after the first run on which lists are made, a month apart."""
VISITED_SHARE = 0.85
MOST_VISITS = 250
"""Visits that come of one list, beside those by lot: the county is large, and the demo is to begin soon."""
MEASURE, CAUSE = "medical_assistance", "01"


@dataclass
class Clock:
    """The demo's time: nine in the morning of a day, a second later with each look."""

    day: dt.date
    looks: int = 0

    def __call__(self) -> dt.datetime:
        self.looks += 1
        return dt.datetime.combine(self.day, dt.time(9), CHINA) + dt.timedelta(seconds=self.looks % 30_000)


class Town:
    """Stores with the demo's clock, and the officials whose names stand under what is done."""

    def __init__(self, engine: Engine, key: AuditLog, clock: Clock, county: str, seed: int) -> None:
        self.engine, self.clock, self.county = engine, clock, county
        self.rng = random.Random(seed)
        self.audit = AuditLog(engine, key._key, now=clock)
        self.cases = CaseStore(engine, self.audit, clock, {"resolve": lock_elimination(clock)})
        self.leads = LeadStore(engine, self.audit, self.cases, now=clock)
        self.visits = VisitStore(engine, self.audit, self.cases, clock)
        self.plans = PlanStore(engine, self.audit, self.cases, clock)
        self.lists = WorklistStore(engine, self.audit, clock)
        self.accounts = AccountStore(engine)
        self.desk = AccountDesk(self.accounts, self.audit)
        self.officials: dict[str, Account] = {}
        self.done: Counter[str] = Counter()

    def official(self, village: str, role: Role = Role.TOWNSHIP_OFFICIAL) -> Account:
        """Who does it: the county's official, or that of the household's township."""
        return self.officials[self.county if role is Role.COUNTY_OFFICIAL else village[:9]]

    def move(self, case_id: str, name: str, role: Role, **facts: Any) -> None:
        """Make a move as whoever it belongs to."""
        by = self.official(self._case(case_id).village_code, role)
        version = self._case(case_id).version
        told = {key: one.isoformat() if isinstance(one, dt.date) else one for key, one in facts.items()}
        self.cases.move(by.caller, by.id, case_id, version, name, told)
        self.done[name] += 1

    def try_move(self, case_id: str, name: str, role: Role, **facts: Any) -> bool:
        """Make a move that the service may refuse: a later visit may have found difficulty again."""
        try:
            self.move(case_id, name, role, **facts)
        except Problem as problem:
            if problem.code != "move_not_allowed":
                raise
            self.done[f"{name}_refused"] += 1
            return False
        return True

    def visit(self, household: str, village: str, finding: str, **more: Any) -> str | None:
        """Record a visit of today; answers the household's case, if it has one."""
        by = self.official(village)
        form = read_visit(
            {
                "submission_key": f"demo-{self.rng.getrandbits(96):024x}",
                "visited_on": self.clock.day.isoformat(), "finding": finding, **more,
            },
            household, self.clock.day, region_of(village),
        )  # fmt: skip
        made = self.visits.record(by.caller, by.id, household, form)
        self.done[f"visit_{finding}"] += 1
        return made.case_id if made else None

    def _case(self, case_id: str) -> Any:
        with self.engine.connect() as connection:
            return connection.execute(select(case_file).where(case_file.c.id == case_id)).one()


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
    Path(options.accounts).write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")
    Path(options.accounts).chmod(0o600)
    print(", ".join(f"{count} {name}" for name, count in sorted(town.done.items())))


def parse_arguments() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description="Half a year of casework in the demo's county.")
    for name in ("database", "models", "county", "first-run", "last-run", "until", "accounts"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--seed", type=int, default=7)
    return parser.parse_args()


def add_key(store: KeyStore) -> str:
    """A key for the demo's own request."""
    made, _ = store.add(Role.PLATFORM, ALL_AREAS, "demo", LASTS)
    return made.text


def add_accounts(town: Town) -> list[dict[str, str]]:
    """The demo's accounts with passwords made at random, and those of officials nobody signs in as."""
    with town.engine.connect() as connection:
        villages = sorted(connection.execute(select(assessment.c.village_code).distinct()).scalars())
    area = {2: town.county[:2], 6: town.county, 9: villages[0][:9], 12: villages[0]}
    told = []
    for name, role in PEOPLE.items():
        code = area[role.area_lengths[-1]] if role.area_lengths else None
        made, _ = town.desk.add(OPERATOR, name, role, code, LASTS)
        password = make_start_password()
        hashed = town.desk.passwords.hash(password)
        with town.accounts.writer.begin() as connection:
            # It is told once, like any; nobody of the demo is made to change it first.
            town.accounts.set_password_in(connection, made, hashed, is_start=False)
        told.append({"login_name": name, "role": role.value, "area": code or "", "password": password})
        if code in {town.county, area[9]} and role is not Role.PROVINCE_OFFICIAL:
            town.officials[code] = made
    for number, code in enumerate(sorted({one[:9] for one in villages} - set(town.officials))):
        made, _ = town.desk.add(OPERATOR, f"demo.colleague{number}", Role.TOWNSHIP_OFFICIAL, code, LASTS)
        town.officials[code] = made
        town.desk.lock(OPERATOR, town.desk.by_id(made.id))
    return told


Course = Iterator[dt.date]
"""What happens to a household: it goes on on the days that it yields, one after the other."""


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


def open_case(engine: Engine, household: str) -> Any:
    """The household's open case."""
    with engine.connect() as connection:
        query = select(case_file).where(
            case_file.c.household_id == household, case_file.c.closed_on.is_(None)
        )
        return connection.execute(query).first()


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


def look(town: Town, household: str, village: str, score: float) -> Course:
    """One visit of a list: difficulty as often as the score says, now and then nobody at home."""
    yield town.clock.day
    drawn = town.rng.random()
    if drawn > 0.95:
        town.visit(household, village, "not_met")
        return
    if town.rng.random() >= score:
        town.visit(household, village, "no_difficulty", guarantees=dict.fromkeys(ITEMS, "yes"))
        return
    case_id = town.visit(household, village, "difficulty", causes=[CAUSE], **assured(town, is_poor=True))
    if (
        case_id is not None
        and (case := open_case(town.engine, household)) is not None
        and case.state == "found"
    ):
        yield from follow(town, case, town.rng.randint(0, 40))


def assured(town: Town, *, is_poor: bool) -> dict[str, Any]:
    """The account and the checks of a visit; every number is invented."""
    members = town.rng.randint(2, 5)
    wages = members * (town.rng.randint(5_000, 8_000) if is_poor else town.rng.randint(15_000, 24_000))
    lines = [
        {"line": "wages_migrant", "amount_yuan": wages},
        {"line": "dibao", "amount_yuan": members * 1_200},
        {"line": "self_paid_medical", "amount_yuan": town.rng.randint(9_000, 20_000) if is_poor else 1_500},
    ]
    return {
        "account": {"members": members, "lines": lines},
        "guarantees": dict.fromkeys(ITEMS, "yes"),
        "rigid_spending": "unsolved" if is_poor else "solved",
    }


def begin_with(town: Town, case: Any, number: int, until: dt.date) -> Course:
    """The first steps of a fresh case: how far depends on its number."""
    yield town.clock.day
    if case.household_id in _touched(town, case.id):
        return
    if number % 10 == 9:
        town.move(case.id, "exclude", Role.TOWNSHIP_OFFICIAL, reason="moved_away")
        return
    town.move(case.id, "alert", Role.TOWNSHIP_OFFICIAL)
    if number % 5 == 0:
        return
    yield town.clock.day + dt.timedelta(days=1)
    town.visit(
        case.household_id, case.village_code, "difficulty", causes=[CAUSE], **assured(town, is_poor=True)
    )
    town.move(case.id, "verify", Role.TOWNSHIP_OFFICIAL, visited_on=town.clock.day)
    if number % 5 == 1:
        return
    if number % 12 == 2:
        town.move(
            case.id, "green_lane", Role.TOWNSHIP_OFFICIAL, event="serious_illness", occurred_on=town.clock.day
        )
        return
    yield town.clock.day + dt.timedelta(days=1)
    review(town, case.id)
    if number % 5 == 2:
        return
    yield town.clock.day + dt.timedelta(days=7)
    town.move(case.id, "submit", Role.TOWNSHIP_OFFICIAL, checked_on=town.clock.day, objections=0)


def _touched(town: Town, case_id: str) -> set[str]:
    """The household, where somebody went on with its case meanwhile."""
    case = town._case(case_id)
    return {case.household_id} if case.state != "found" else set()


def review(town: Town, case_id: str) -> None:
    """The village's review with a notice of six days."""
    today = town.clock.day
    town.move(
        case_id, "review", Role.TOWNSHIP_OFFICIAL, authorised_on=today, compared_on=today, reviewed_on=today,
        attendance=town.rng.randint(9, 24), published_on=today, ends_on=today + dt.timedelta(days=6),
    )  # fmt: skip


def follow(town: Town, case: Any, number: int) -> Course:
    """A case from its first lead as far as half a year takes it: helped, followed, resolved, relapsed, or
    none.
    """
    yield town.clock.day
    if case is None or _touched(town, case.id):
        return
    town.move(case.id, "alert", Role.TOWNSHIP_OFFICIAL)
    yield town.clock.day + dt.timedelta(days=town.rng.randint(1, 2))
    if number % 3 == 0:
        town.visit(
            case.household_id, case.village_code, "no_difficulty", guarantees=dict.fromkeys(ITEMS, "yes")
        )
        town.move(case.id, "verify", Role.TOWNSHIP_OFFICIAL, visited_on=town.clock.day)
        town.move(case.id, "exclude", Role.TOWNSHIP_OFFICIAL, reason="no_difficulty")
        yield town.clock.day + dt.timedelta(days=2)
        town.move(case.id, "tell", Role.TOWNSHIP_OFFICIAL, told_on=town.clock.day)
        return
    town.visit(
        case.household_id, case.village_code, "difficulty", causes=[CAUSE], **assured(town, is_poor=True)
    )
    town.move(case.id, "verify", Role.TOWNSHIP_OFFICIAL, visited_on=town.clock.day)
    yield town.clock.day + dt.timedelta(days=1)
    review(town, case.id)
    yield town.clock.day + dt.timedelta(days=7)
    town.move(case.id, "submit", Role.TOWNSHIP_OFFICIAL, checked_on=town.clock.day, objections=0)
    yield town.clock.day + dt.timedelta(days=1)
    town.move(
        case.id, "approve", Role.COUNTY_OFFICIAL, object_type="sudden_hardship", causes=[CAUSE],
        is_without_labour=number % 11 == 10,
    )  # fmt: skip
    yield town.clock.day + dt.timedelta(days=2)
    town.move(case.id, "tell", Role.TOWNSHIP_OFFICIAL, told_on=town.clock.day)
    help_with(town, case)
    yield town.clock.day + dt.timedelta(days=12)
    deliver(town, case)
    town.visit(case.household_id, case.village_code, "no_difficulty", **assured(town, is_poor=False))
    town.move(case.id, "follow", Role.TOWNSHIP_OFFICIAL, delivered_on=town.clock.day)
    identified = town._case(case.id).identified_on
    looks = 0
    while looks < 7:
        looks += 1
        yield town.clock.day + dt.timedelta(days=28)
        town.visit(case.household_id, case.village_code, "no_difficulty", **assured(town, is_poor=False))
        if (town.clock.day - identified).days > 205 and number % 4 == 1:
            break
        town.move(case.id, "follow_up", Role.TOWNSHIP_OFFICIAL, visited_on=town.clock.day, is_steady=True)
    if number % 4 != 1 or number % 11 == 10:
        return
    yield from resolve(town, case, number)


def resolve(town: Town, case: Any, number: int) -> Course:
    """The same steps as at the beginning, after the lock has opened; some come back."""
    visited = town.clock.day
    yield visited + dt.timedelta(days=8)
    is_resolved = town.try_move(
        case.id, "resolve", Role.COUNTY_OFFICIAL, visited_on=visited, reviewed_on=visited, attendance=12,
        published_on=visited, ends_on=visited + dt.timedelta(days=6),
    )  # fmt: skip
    if not is_resolved or number % 8 != 1:
        return
    yield town.clock.day + dt.timedelta(days=6)
    town.try_move(case.id, "relapse", Role.COUNTY_OFFICIAL, visited_on=town.clock.day, reason="spending_rose")


def help_with(town: Town, case: Any) -> None:
    """Plan a measure that answers the case's cause."""
    by, today = town.official(case.village_code), town.clock.day
    document = {
        "measure": MEASURE, "cause": CAUSE, "starts_on": today.isoformat(),
        "due_on": (today + dt.timedelta(days=60)).isoformat(),
    }  # fmt: skip
    town.plans.add(by.caller, by.id, case.id, read_measure(document, today, region_of(case.village_code)))
    town.done["measures"] += 1


def deliver(town: Town, case: Any) -> None:
    """Write down that the planned help arrived."""
    by, today = town.official(case.village_code), town.clock.day
    plan = town.plans.find(by.caller, case.id)
    assert plan is not None
    (measure,) = plan.measures
    document = {
        "submission_key": f"demo-{secrets.token_hex(12)}", "delivered_on": today.isoformat(),
        "amount_yuan": (measure.amount_fen or 0) // 100,
    }  # fmt: skip
    form = read_delivery(document, measure.entry, today)
    town.plans.deliver(by.caller, by.id, case.id, measure.id, form)
    town.done["deliveries"] += 1


if __name__ == "__main__":
    main()
