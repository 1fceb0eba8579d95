"""A county's casework on one database, with a clock that the test moves; everybody in it is invented."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Sequence
from typing import Any

from serving.access import Caller, Role, Scope
from serving.cases.case import Case
from serving.cases.visit import VisitForm, read_visit
from serving.storage import AssessmentStore, AuditLog, open_database
from serving.storage.cases import CaseStore
from serving.storage.corrections import CorrectionStore
from serving.storage.elimination import EliminationStore
from serving.storage.move_guards import move_guards
from serving.storage.plans import PlanStore
from serving.storage.visits import VisitStore
from tests.serving.readers import AUDIT_KEY

VILLAGE, NEXT, FAR = "500999100201", "500999100202", "500998100201"
OPENED = dt.date(2026, 3, 2)
HELPER_ID, VILLAGE_ID, TOWN_ID, COUNTY_ID = "p0000000001", "p0000000002", "p0000000003", "p0000000004"
_KEYS = itertools.count()

HELPER = Caller(HELPER_ID, Role.HELPER, Scope(VILLAGE))
CADRE = Caller(VILLAGE_ID, Role.VILLAGE_OFFICIAL, Scope(VILLAGE))
NEIGHBOUR = Caller(VILLAGE_ID, Role.VILLAGE_OFFICIAL, Scope(NEXT))
TOWN = Caller(TOWN_ID, Role.TOWNSHIP_OFFICIAL, Scope(VILLAGE[:9]))
COUNTY = Caller(COUNTY_ID, Role.COUNTY_OFFICIAL, Scope(VILLAGE[:6]))

FIRM = dict.fromkeys(("food", "clothing", "housing", "schooling", "medical", "water"), "yes")


class CountyOffice:
    """The stores of one database and its clock."""

    def __init__(self, url: str) -> None:
        self.clock = dt.datetime(2026, 3, 2, 2, tzinfo=dt.UTC)
        self.engine = open_database(url)
        self.audit = AuditLog(self.engine, AUDIT_KEY, now=self.now)
        self.cases = CaseStore(self.engine, self.audit, self.now, move_guards(self.now))
        self.visits = VisitStore(self.engine, self.audit, self.cases, self.now)
        self.corrections = CorrectionStore(self.engine, self.audit, self.now)
        self.plans = PlanStore(self.engine, self.audit, self.now)
        self.eliminations = EliminationStore(self.engine, self.audit, self.now)
        self.assessments = AssessmentStore(self.engine, self.audit)

    def now(self) -> dt.datetime:
        return self.clock

    def on(self, day: dt.date) -> dt.date:
        """Let it be ten in the morning of a day in China."""
        self.clock = dt.datetime.combine(day, dt.time(2), dt.UTC)
        return day

    def open_case(self, household_id: str, village: str = VILLAGE, **more: Any) -> Case:
        given: dict[str, Any] = {
            "opened_on": self.cases.today, "grade": 1, "theme": "illness", "is_hard": False,
            "disagreement": None, "causes": ("01",), **more,
        }  # fmt: skip
        with self.cases.writer.begin() as connection:
            return self.cases.open_in(connection, household_id=household_id, village_code=village, **given)

    def case(self, case_id: str) -> Case:
        found = self.cases.find(COUNTY, case_id)
        assert found is not None
        return found

    def move(self, case: Case, caller: Caller, name: str, **facts: Any) -> Case:
        now = self.case(case.id)
        return self.cases.move(caller, caller.key_id, case.id, now.version, name, facts)

    def identify(
        self, case: Case, *, causes: Sequence[str] = ("01",), is_without_labour: bool = False
    ) -> Case:
        """Every step from the first lead to the county's identification, on the days that they need."""
        day = self.cases.today
        self.move(case, CADRE, "alert")
        self.move(case, CADRE, "verify", visited_on=day.isoformat())
        ends = day + dt.timedelta(days=5)
        self.move(
            case, CADRE, "review", authorised_on=day.isoformat(), compared_on=day.isoformat(),
            attendance=30, reviewed_on=day.isoformat(), published_on=day.isoformat(), ends_on=ends.isoformat(),
        )  # fmt: skip
        after = self.on(ends + dt.timedelta(days=1))
        self.move(case, TOWN, "submit", checked_on=after.isoformat(), objections=0)
        return self.move(
            case, COUNTY, "approve", object_type="sudden_hardship", causes=list(causes),
            is_without_labour=is_without_labour,
        )  # fmt: skip

    def visit(self, household_id: str, caller: Caller = CADRE, **parts: Any) -> VisitForm:
        """Hand in a visit of today."""
        form = self.form(household_id, **parts)
        assert self.visits.record(caller, caller.key_id, household_id, form) is not None
        return form

    def form(self, household_id: str, **parts: Any) -> VisitForm:
        return read_visit(visit_document(self.cases.today, **parts), household_id, self.cases.today)

    def actions(self) -> list[str]:
        assert self.audit.verify().faults == ()
        return [one.action for one in self.audit.search(limit=1_000)][::-1]

    def close(self) -> None:
        self.engine.dispose()


def visit_document(day: dt.date, **parts: Any) -> dict[str, Any]:
    """A visit that found nothing, with other parts in place of its own."""
    made = {
        "submission_key": f"visit-{next(_KEYS):012d}", "visited_on": day.isoformat(),
        "finding": "no_difficulty", **parts,
    }  # fmt: skip
    return {name: value for name, value in made.items() if value is not None}


def account(yuan: float, members: int = 3) -> dict[str, Any]:
    """An account whose reference income per person is so many yuan."""
    return {"members": members, "lines": [{"line": "wages_local", "amount_yuan": yuan * members}]}


def statement(household_id: str, day: dt.date, grade: str = "high", **more: Any) -> dict[str, Any]:
    """A stored assessment without words."""
    reason = {
        "code": "01", "family": "01", "effect": "risk", "contribution": 1.0, "facts": [], "share": 0.5,
        "firmness": "firm",
    }  # fmt: skip
    return {
        "household_id": household_id, "as_of_date": day.isoformat(), "model_version": "m",
        "score": {"high": 0.5, "medium": 0.2, "low": 0.01}[grade], "grade": grade,
        "suggested_action": "visit", "risk_reasons": [reason], "protective_reasons": [], "rule_hits": [],
        **more,
    }  # fmt: skip


def silent_statement(household_id: str, day: dt.date) -> dict[str, Any]:
    """What a run keeps of a household of which nothing is known."""
    return {
        "household_id": household_id, "as_of_date": day.isoformat(), "model_version": "m",
        "missing_feeds": ["illness"], "stale_feeds": [], "partial_feeds": [],
    }  # fmt: skip
