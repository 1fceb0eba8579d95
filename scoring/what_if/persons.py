"""Persons: whether a household has as many as its plan helps.

Work is counted together, whatever measure brings it: one able member fills one post at a time. Where the
register of members is silent nobody can be counted, and nothing is refused.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

from features import Coverage
from features.dates import to_day
from features.engines.row import Rows
from features.policy.measures import Whom
from scoring.what_if.application import is_open_on
from scoring.what_if.matching import find_labour
from scoring.what_if.plan import Plan, PlanError, PlanFault

_IS_ONE: dict[Whom, Callable[[Mapping[str, Any]], bool]] = {
    "member": lambda row: True,
    "worker": lambda row: row["labour"] != "none",
    "pupil": lambda row: row["school"] == "compulsory",
    "vocational_pupil": lambda row: row["school"] == "vocational",
    "older_pupil": lambda row: row["school"] in ("high_school", "vocational", "university"),
    "disabled": lambda row: row["disability_grade"] > 0,
}
"""For whom a measure is → whether a member is one, from the register of members."""

_WORDS: dict[Whom, str] = {
    "member": "members",
    "worker": "members able to work, weakly too",
    "pupil": "members in compulsory school",
    "vocational_pupil": "members in vocational school",
    "older_pupil": "members in school or study beyond compulsory school",
    "disabled": "members with a disability grade",
}


def check_persons(rows: Rows, plan: Plan, as_of: dt.date, coverage: Coverage) -> None:
    """Raise `PlanError` where a plan is for more persons than the household has of those it is for.

    `rows` are stored rows, as known on the date. Raises `ContractError` when the household is not registered.
    """
    if not any(one.measure.whom for one in plan.measures):
        return
    if find_labour(rows, as_of, coverage, plan.region) is None:
        return
    today = to_day(as_of)
    members = [row for row in rows.get("member", ()) if is_open_on(row, today)]
    faults = []
    for planned in plan.measures:
        whom = planned.measure.whom
        if whom is None:
            continue
        have = len({row["member_id"] for row in members if _IS_ONE[whom](row)})
        wanted = planned.persons
        if planned.measure.changes.kind == "wages":
            # Posts before it in the plan are filled; so the later one is the one too many.
            wanted += sum(
                one.persons
                for one in plan.measures
                if one.number < planned.number
                and one.measure.changes.kind == "wages"
                and one.overlaps(planned)
            )
        if wanted > have:
            way_out = f"plan for at most the {have} {_WORDS[whom]}, by member signals, not for {wanted}"
            faults.append(PlanFault(planned.number, "persons", "too_many_persons", way_out))
    if faults:
        raise PlanError(sorted(faults, key=lambda one: one.number))
