"""A database with cases in a few villages, a clock that the test moves, and people who work on them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from serving.access import Caller, Role, Scope
from serving.cases.case import Case
from serving.cases.clocks import china_day
from serving.storage import AuditLog, open_database
from serving.storage.cases import CaseStore, Guard
from serving.storage.household_record import RecordStore
from tests.serving.readers import AUDIT_KEY

VILLAGE = "500119100201"
START = dt.datetime(2026, 11, 2, 2, tzinfo=dt.UTC)
"""A Monday, 10 in the morning in China."""


class Town:
    """`clock` is its time; `store` its cases, `records` all that is known of them."""

    def __init__(self, url: str, guards: Mapping[str, Guard] | None = None, village: str = VILLAGE) -> None:
        self.clock = START
        self.village = village
        self.engine = open_database(url)
        self.audit = AuditLog(self.engine, AUDIT_KEY, now=self.now)
        self.store = CaseStore(self.engine, self.audit, self.now, guards or {})
        self.records = RecordStore(self.engine, self.audit, self.now)

    def now(self) -> dt.datetime:
        return self.clock

    @property
    def today(self) -> dt.date:
        return china_day(self.clock)

    def pass_days(self, days: int) -> None:
        self.clock += dt.timedelta(days=days)

    def day(self, back: int = 0) -> str:
        return (self.today - dt.timedelta(days=back)).isoformat()

    def open(self, household_id: str = "H1", village: str | None = None, **more: Any) -> Case:
        said: dict[str, Any] = {
            "opened_on": self.today, "grade": 2, "theme": "illness", "is_hard": False, "disagreement": None,
            "causes": ["01"], **more,
        }  # fmt: skip
        with self.store.writer.begin() as connection:
            return self.store.open_in(
                connection, household_id=household_id, village_code=village or self.village, **said
            )

    def person(self, role: Role, village: str | None = None) -> Caller:
        length = {
            Role.COUNTY_OFFICIAL: 6, Role.TOWNSHIP_OFFICIAL: 9, Role.PROVINCE_OFFICIAL: 2,
        }.get(role, 12)  # fmt: skip
        return Caller("p0123456789a", role, Scope((village or self.village)[:length]))

    def move(self, case: Case, role: Role, name: str, **facts: Any) -> Case:
        caller = self.person(role, case.village_code)
        return self.store.move(caller, caller.key_id, case.id, case.version, name, facts)

    def notice(self) -> dict[str, Any]:
        """The facts of a review that was held today, and of a notice that begins today."""
        return {
            "reviewed_on": self.day(), "attendance": 12, "published_on": self.day(), "ends_on": self.day(-5)
        }  # fmt: skip

    def ran_notice(self) -> dict[str, Any]:
        """The same of a notice that is over."""
        return {
            "reviewed_on": self.day(6), "attendance": 12, "published_on": self.day(6), "ends_on": self.day(1)
        }  # fmt: skip

    def review(self, case: Case) -> Case:
        case = self.move(case, Role.TOWNSHIP_OFFICIAL, "alert")
        case = self.move(case, Role.VILLAGE_OFFICIAL, "verify", visited_on=self.day())
        signed = {"authorised_on": self.day(), "compared_on": self.day()}
        return self.move(case, Role.VILLAGE_OFFICIAL, "review", **signed, **self.notice())

    def identify(self, case: Case, **more: Any) -> Case:
        """From the first lead to the county's identification."""
        case = self.review(case)
        self.pass_days(6)
        case = self.move(case, Role.TOWNSHIP_OFFICIAL, "submit", checked_on=self.day(), objections=0)
        return self.approve(case, **more)

    def approve(self, case: Case, **more: Any) -> Case:
        said = {"object_type": "sudden_hardship", "causes": ["01"], "is_without_labour": False, **more}
        return self.move(case, Role.COUNTY_OFFICIAL, "approve", **said)

    def resolve(self, case: Case) -> Case:
        case = self.move(case, Role.HELPER, "follow", delivered_on=self.day())
        self.pass_days(190)
        return self.move(case, Role.COUNTY_OFFICIAL, "resolve", visited_on=self.day(), **self.ran_notice())

    def close(self) -> None:
        self.engine.dispose()
