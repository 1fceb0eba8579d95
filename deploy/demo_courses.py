"""The courses of the demo's households: what happens to each, from a visit or a first lead on.

What a visit finds is drawn by lot from the household's score, or follows from the case's number.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Iterator, Sequence
from typing import Any

from deploy.demo_town import Town, open_case, resolved_case
from serving.access import Role
from serving.cases.clocks import region_of
from serving.cases.guarantees import ITEMS
from serving.cases.lead import make_lead
from serving.cases.lead_code import GRID_REPORT
from serving.cases.plan_form import read_delivery, read_measure

ILLNESS = "01"
MEASURES = {
    ILLNESS: "medical_assistance", "02": "temporary_relief", "05": "temporary_relief",
    "06": "production_grant", "07": "travel_subsidy", "09": "temporary_relief",
}  # fmt: skip
"""What answers each cause, so that it fits the reason."""

REPORTED_DAYS = 5
"""So long before the last day the grid reports those who were resolved: there is to be time to look."""

Course = Iterator[dt.date]
"""What happens to a household: it goes on on the days that it yields, one after the other."""


def main_cause(causes: Sequence[str]) -> str:
    """The first cause of a case that the demo has help for."""
    return next((one for one in causes if one in MEASURES), ILLNESS)


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
    case_id = town.visit(household, village, "difficulty", causes=[ILLNESS], **assured(town, is_poor=True))
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


def begin_with(town: Town, case: Any, number: int) -> Course:
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
    cause = main_cause(case.causes)
    town.visit(
        case.household_id, case.village_code, "difficulty", causes=[cause], **assured(town, is_poor=True)
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
    case = town.find_case(case_id)
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
    cause = main_cause(case.causes)
    town.visit(
        case.household_id, case.village_code, "difficulty", causes=[cause], **assured(town, is_poor=True)
    )
    town.move(case.id, "verify", Role.TOWNSHIP_OFFICIAL, visited_on=town.clock.day)
    yield town.clock.day + dt.timedelta(days=1)
    review(town, case.id)
    yield town.clock.day + dt.timedelta(days=7)
    town.move(case.id, "submit", Role.TOWNSHIP_OFFICIAL, checked_on=town.clock.day, objections=0)
    yield town.clock.day + dt.timedelta(days=1)
    former = resolved_case(town.engine, case.household_id)
    if former is not None:
        # It fell back, and is not identified anew.
        visited = town.find_case(case.id).last_visited_on
        town.move(former.id, "relapse", Role.COUNTY_OFFICIAL, visited_on=visited, reason="spending_rose")
        return
    town.move(
        case.id, "approve", Role.COUNTY_OFFICIAL, object_type="sudden_hardship", causes=[cause],
        is_without_labour=number % 11 == 10,
    )  # fmt: skip
    yield town.clock.day + dt.timedelta(days=2)
    town.move(case.id, "tell", Role.TOWNSHIP_OFFICIAL, told_on=town.clock.day)
    help_with(town, case, cause)
    yield town.clock.day + dt.timedelta(days=12)
    deliver(town, case)
    town.visit(case.household_id, case.village_code, "no_difficulty", **assured(town, is_poor=False))
    town.move(case.id, "follow", Role.TOWNSHIP_OFFICIAL, delivered_on=town.clock.day)
    identified = town.find_case(case.id).identified_on
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
    if not is_resolved:
        return
    yield town.clock.day + dt.timedelta(days=6)
    if number % 8 != 1 or open_case(town.engine, case.household_id) is not None:
        yield max(town.clock.day, town.until - dt.timedelta(days=REPORTED_DAYS))
        report(town, case)
        return
    town.try_move(case.id, "relapse", Role.COUNTY_OFFICIAL, visited_on=town.clock.day, reason="spending_rose")


def report(town: Town, case: Any) -> None:
    """The grid reports a resolved household again: whether its risk is back somebody has to look."""
    report_of_grid(town, case.household_id, case.village_code, "07")


def report_of_grid(town: Town, household: str, village: str, cause: str) -> None:
    """A report of today by whoever keeps the household's grid."""
    today, by = town.clock.day, town.official(village, Role.VILLAGE_OFFICIAL)
    lead = make_lead(
        household, village, GRID_REPORT, by.id, occurred_on=today, known_on=today,
        region=region_of(village), facts={"cause": cause},
    )  # fmt: skip
    town.done["leads"] += town.leads.add(by.caller, [lead], on=today).new


def help_with(town: Town, case: Any, cause: str) -> None:
    """Plan a measure that answers a cause."""
    by, today = town.official(case.village_code), town.clock.day
    document = {
        "measure": MEASURES[cause], "cause": cause, "starts_on": today.isoformat(),
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
