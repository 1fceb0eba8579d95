"""A case that went on in its household's relapse: what was planned in it counts there, and it is kept for that."""

from __future__ import annotations

import datetime as dt

import pytest

from serving.cases.case import Case
from serving.cases.clocks import Clock
from serving.cases.plan_form import read_delivery
from serving.errors import Problem
from serving.retention.casework import delete_closed_cases
from serving.storage.household_record import RecordStore
from tests.serving.casework.county import CADRE, COUNTY, TOWN, CountyOffice
from tests.serving.casework.test_elimination import codes_of, help_once, resolved, unmet_codes

BACK = dt.date(2026, 10, 12)


def fall_back(office: CountyOffice) -> tuple[Case, Case]:
    """A case that relapsed on `BACK`, and the one that went on in it: help was planned there two days before."""
    case = resolved(office, "H1")
    began = office.on(BACK - dt.timedelta(days=2))
    beside = office.open_case("H1")
    office.move(beside, TOWN, "green_lane", event="accident", occurred_on=str(began))
    help_once(office, beside)
    office.on(BACK)
    return office.move(case, COUNTY, "relapse", visited_on=str(BACK), reason="sudden_event"), beside


def deliver(office: CountyOffice, case: Case, day: dt.date) -> None:
    """Write down today that something arrived on a day."""
    plan = office.plans.find(CADRE, case.id)
    assert plan is not None
    given = {
        "submission_key": f"help-of-{day}", "delivered_on": str(day), "amount_yuan": 1, "is_above_plan": True,
    }  # fmt: skip
    form = read_delivery(given, plan.measures[0].entry, office.cases.today)
    assert office.plans.deliver(CADRE, CADRE.key_id, case.id, plan.measures[0].id, form) is not None


def first_measure(office: CountyOffice, case: Case) -> dt.date | None:
    """When the last clock of the first measure stopped."""
    whole = RecordStore(office.engine, office.audit, office.now).find_case(COUNTY, case.id)
    assert whole is not None
    return [one.stopped_on for one in whole.clocks if one.clock is Clock.FIRST_MEASURE][-1]


def test_what_arrives_of_its_plan_is_the_first_measure_of_the_relapse(office: CountyOffice) -> None:
    case, beside = fall_back(office)
    office.on(BACK + dt.timedelta(days=5))
    # What came before the relapse helped against what was there before.
    deliver(office, beside, BACK - dt.timedelta(days=1))
    assert first_measure(office, case) is None
    deliver(office, beside, BACK + dt.timedelta(days=3))
    assert first_measure(office, case) == BACK + dt.timedelta(days=3)
    assert office.case(case.id).due_on is None


def test_it_is_kept_as_long_as_the_relapse_is_open(office: CountyOffice) -> None:
    case, beside = fall_back(office)
    deliver(office, beside, BACK)
    assert "no_measure_delivered" not in unmet_codes(office, case)
    with office.engine.begin() as connection:
        assert delete_closed_cases(connection, BACK + dt.timedelta(days=4_000)) == 0
    assert "no_measure_delivered" not in unmet_codes(office, case)


def test_it_makes_no_move_any_more(office: CountyOffice) -> None:
    _, beside = fall_back(office)
    with pytest.raises(Problem) as refused:
        office.move(beside, CADRE, "tell", told_on=str(BACK))
    assert codes_of(refused) == {"wrong_state"}


def test_what_came_before_a_relapse_is_not_its_first_measure(office: CountyOffice) -> None:
    case = resolved(office, "H1")
    office.on(BACK)
    case = office.move(case, COUNTY, "relapse", visited_on=str(BACK), reason="sudden_event")
    office.on(BACK + dt.timedelta(days=5))
    deliver(office, case, BACK - dt.timedelta(days=1))
    assert first_measure(office, case) is None
    deliver(office, case, BACK)
    assert first_measure(office, case) == BACK
