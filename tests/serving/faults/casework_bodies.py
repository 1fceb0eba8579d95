"""The routes of casework that take JSON: who sends what to which, and the case that it is about."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import Engine

from serving.access import Role
from serving.api import case_request, plans, worklists
from serving.api.case_request import EXAMPLE_ORDER
from serving.api.visit_documentation import EXAMPLE_DELIVERY, EXAMPLE_MEASURE, EXAMPLE_VISIT
from serving.cases.clocks import china_day
from serving.storage.case_tables import case_file, correction, plan_measure, visit
from serving.storage.keys import utc_now

KEY, VILLAGE, NUMBER = "H-1", "500999100201", "1" * 32
"""A household, where it lives, and the number of its case, its visit, its correction and its measure."""
_CASE = f"/v1/cases/{NUMBER}"
_VISIT = {**EXAMPLE_VISIT, "visited_on": china_day(utc_now()).isoformat()}
_LEAD = {
    "household_id": KEY, "village_code": VILLAGE, "channel": "department", "department": "health",
    "code": "serious_illness", "occurred_on": "2026-10-20", "known_on": "2026-10-21",
}  # fmt: skip

ROUTES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "visit": ("POST", f"/v1/households/{KEY}/visits", _VISIT),
    "correction": ("POST", f"/v1/corrections/{NUMBER}/review", {"is_approved": False, "why": "no_proof"}),
    "measure": ("POST", f"{_CASE}/measures", EXAMPLE_MEASURE),
    "end": ("POST", f"{_CASE}/measures/{NUMBER}/end", {"ended_on": "2026-11-01"}),
    "delivery": ("POST", f"{_CASE}/measures/{NUMBER}/deliveries", EXAMPLE_DELIVERY),
    "move": ("POST", f"{_CASE}/moves", EXAMPLE_ORDER),
    "leads": ("POST", "/v1/leads", {"leads": [_LEAD]}),
    "entry": ("POST", "/v1/worklists/500999/entries", {"household_id": KEY, "reason": "sudden_event"}),
}
PEOPLE = {
    **dict.fromkeys(("visit", "measure", "end", "delivery", "move", "entry"), Role.VILLAGE_OFFICIAL),
    "correction": Role.TOWNSHIP_OFFICIAL,
}
"""Who has to be signed in for which; the rest is sent with a key."""
AREAS = {Role.VILLAGE_OFFICIAL: VILLAGE, Role.TOWNSHIP_OFFICIAL: VILLAGE[:9]}
SHORT = {
    **dict.fromkeys(("measure", "end", "delivery"), plans.MOST_BYTES),
    "move": case_request.MOST_BYTES, "entry": worklists.MOST_BYTES,
}  # fmt: skip
"""Of routes that take less than the service does: how many bytes."""


def put_case(engine: Engine) -> None:
    """One case with a measure, a visit and a correction that waits, all of one number."""
    day, now = dt.date(2026, 10, 1), dt.datetime(2026, 10, 1, tzinfo=dt.UTC)
    whose = {"id": NUMBER, "household_id": KEY, "village_code": VILLAGE}
    with engine.begin() as connection:
        connection.execute(case_file.insert().values(
            **whose, version=1, practice="default@2020-01-01", state="found", opened_on=day, entered_on=day,
            grade=1, theme="illness", is_hard=0, causes=["01"], is_without_labour=0, is_green_lane=0, relapses=0,
            owner="village_official", changed_at=now,
        ))  # fmt: skip
        connection.execute(plan_measure.insert().values(
            id=NUMBER, case_id=NUMBER, measure="reimbursement", measure_group="medical", cause="01",
            department="medical_insurance", persons=1, starts_on=day, due_on=dt.date(2026, 12, 31), planned_at=now,
            planner="p",
        ))  # fmt: skip
        connection.execute(visit.insert().values(
            **whose, case_id=NUMBER, submission_key=NUMBER, visited_on=day, received_at=now, visitor="p",
            role="helper", is_random=0, finding="no_difficulty", body={},
        ))  # fmt: skip
        connection.execute(correction.insert().values(
            **whose, visit_id=NUMBER, feed="illness", row={}, replaces={"occurred_on": "2026-03-14"},
            state="proposed", proposed_at=now,
        ))  # fmt: skip
