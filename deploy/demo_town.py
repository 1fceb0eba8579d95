"""The demo's town: the service's stores with a clock that is set, and the invented officials."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, select

from serving.access import Role
from serving.access.account_desk import AccountDesk
from serving.access.passwords import make_start_password
from serving.access.scope import ALL_AREAS
from serving.cases.clocks import CHINA, region_of
from serving.cases.state import CaseState
from serving.cases.visit import read_visit
from serving.command import OPERATOR
from serving.errors import Problem
from serving.storage import AccountStore, AuditLog, KeyStore
from serving.storage.accounts import Account
from serving.storage.case_tables import case_file
from serving.storage.cases import CaseStore
from serving.storage.leads import LeadStore
from serving.storage.move_guards import move_guards
from serving.storage.plans import PlanStore
from serving.storage.tables import assessment
from serving.storage.visits import VisitStore
from serving.storage.worklists import WorklistStore

PEOPLE: dict[str, Role] = {
    "demo.province": Role.PROVINCE_OFFICIAL, "demo.county": Role.COUNTY_OFFICIAL,
    "demo.township": Role.TOWNSHIP_OFFICIAL, "demo.village": Role.VILLAGE_OFFICIAL,
    "demo.helper": Role.HELPER, "demo.auditor": Role.AUDITOR,
    "demo.accounts": Role.ACCOUNTS, "demo.monitor": Role.MONITOR,
}  # fmt: skip
"""The demo's accounts."""
OFFICIALS = {Role.COUNTY_OFFICIAL, Role.TOWNSHIP_OFFICIAL, Role.VILLAGE_OFFICIAL}
"""Those whose names stand under what was done before the demo begins."""
LASTS = dt.timedelta(days=30)


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

    def __init__(
        self, engine: Engine, key: AuditLog, clock: Clock, until: dt.date, county: str, seed: int
    ) -> None:
        self.engine, self.clock, self.until, self.county = engine, clock, until, county
        self.rng = random.Random(seed)
        self.audit = AuditLog(engine, key._key, now=clock)
        self.cases = CaseStore(engine, self.audit, clock, move_guards(clock))
        self.leads = LeadStore(engine, self.audit, self.cases, now=clock)
        self.visits = VisitStore(engine, self.audit, self.cases, clock)
        self.plans = PlanStore(engine, self.audit, clock)
        self.lists = WorklistStore(engine, self.audit, clock)
        self.accounts = AccountStore(engine)
        self.desk = AccountDesk(self.accounts, self.audit)
        self.officials: dict[str, Account] = {}
        self.in_bulk: set[str] = set()
        """Households whose cases are written a day at a time."""
        self.done: Counter[str] = Counter()

    def official(self, village: str, role: Role = Role.TOWNSHIP_OFFICIAL) -> Account:
        """Who does it: the official of the county, or that of the household's township or village."""
        if role is Role.COUNTY_OFFICIAL:
            return self.officials[self.county]
        if role is Role.VILLAGE_OFFICIAL and village not in self.officials:
            self.add_colleague(role, village)
        return self.officials[village if role is Role.VILLAGE_OFFICIAL else village[:9]]

    def add_colleague(self, role: Role, area: str) -> None:
        """An official of an area whom nobody signs in as."""
        made, _ = self.desk.add(OPERATOR, f"demo.colleague{len(self.officials)}", role, area, LASTS)
        self.officials[area] = made
        self.desk.lock(OPERATOR, self.desk.by_id(made.id))

    def move(self, case_id: str, name: str, role: Role, **facts: Any) -> None:
        """Make a move as whoever it belongs to."""
        by = self.official(self.find_case(case_id).village_code, role)
        version = self.find_case(case_id).version
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

    def visit(
        self, household: str, village: str, finding: str, role: Role = Role.TOWNSHIP_OFFICIAL, **more: Any
    ) -> str | None:
        """Record a visit of today; answers the household's case, if it has one."""
        by = self.official(village, role)
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

    def find_case(self, case_id: str) -> Any:
        """The case as it is now."""
        with self.engine.connect() as connection:
            return connection.execute(select(case_file).where(case_file.c.id == case_id)).one()


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
        if code is not None and role in OFFICIALS:
            town.officials[code] = made
    for code in sorted({one[:9] for one in villages} - set(town.officials)):
        town.add_colleague(Role.TOWNSHIP_OFFICIAL, code)
    return told


def open_case(engine: Engine, household: str) -> Any:
    """The household's open case."""
    with engine.connect() as connection:
        query = select(case_file).where(
            case_file.c.household_id == household, case_file.c.closed_on.is_(None)
        )
        return connection.execute(query).first()


def resolved_case(engine: Engine, household: str) -> Any:
    """The household's case whose risk was marked as gone, the latest."""
    query = select(case_file).where(
        case_file.c.household_id == household, case_file.c.state == CaseState.RESOLVED.value
    )
    with engine.connect() as connection:
        return connection.execute(query.order_by(case_file.c.closed_on.desc())).first()
