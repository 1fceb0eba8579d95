"""Who is resolved is watched: what comes up afterwards is a sign until somebody found that it is none."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from serving.cases.case import Case
from serving.storage.case_tables import case_lead
from serving.storage.elimination import RelapsePage
from tests.serving.casework.county import CADRE, NEIGHBOUR, TOWN, VILLAGE, CountyOffice, statement
from tests.serving.casework.test_elimination import resolved

__all__ = ["add_lead"]


def test_who_is_resolved_is_watched(office: CountyOffice) -> None:
    office.assessments.save_release("m", "0" * 64, 12)
    for key, then, now in (
        ("H-ROSE", "low", "high"), ("H-FELL", "high", "low"), ("H-SAME", "medium", "medium"),
        ("H-LEAD", "low", "low"), ("H-NEVER", None, None),
    ):  # fmt: skip
        case = resolved(office, key)
        for day, grade in ((dt.date(2026, 9, 1), then), (dt.date(2026, 10, 31), now)):
            if grade is not None:
                office.assessments.save([statement(key, day, grade)], [VILLAGE])
        if key == "H-LEAD":
            office.on(dt.date(2026, 10, 5))
            add_lead(office, office.open_case(key))
            assert case.is_closed
    found = office.eliminations.relapse_watch(TOWN)
    assert found.total == 2
    assert {one.case.household_id: (one.signs, one.grade_then, one.grade_now) for one in found.items} == {
        "H-ROSE": (("score_rose",), "low", "high"),
        "H-LEAD": (("new_leads",), "low", "low"),
    }
    assert office.eliminations.relapse_watch(NEIGHBOUR) == RelapsePage(0, ())
    one = office.eliminations.relapse_watch(TOWN, limit=1)
    assert (one.total, len(one.items)) == (2, 1)
    assert office.eliminations.relapse_watch(TOWN, offset=2) == RelapsePage(2, ())


def add_lead(office: CountyOffice, case: Case, number: str = "1" * 32) -> None:
    """One more lead of a case, of today."""
    day = office.cases.today
    values: dict[str, Any] = {
        "id": number, "case_id": case.id, "household_id": case.household_id, "village_code": VILLAGE,
        "channel": "department", "source": "ybj", "code": "medical_self_paid", "theme": "illness",
        "occurred_on": day, "known_on": day, "received_at": office.now(), "facts": {}, "is_hard": 1,
        "event_key": number, "dedup_key": number,
    }  # fmt: skip
    with office.cases.writer.begin() as connection:
        connection.execute(case_lead.insert().values(values))


def verified(office: CountyOffice, household_id: str) -> Case:
    """A new case of a household whose risk was gone, with a lead, that was visited without difficulty."""
    resolved(office, household_id)
    office.on(dt.date(2026, 10, 5))
    case = office.open_case(household_id)
    add_lead(office, case)
    assert [one.signs for one in office.eliminations.relapse_watch(TOWN).items] == [("new_leads",)]
    office.visit(household_id)
    office.move(case, CADRE, "alert")
    return office.move(case, CADRE, "verify", visited_on="2026-10-05")


def test_a_lead_whose_case_was_excluded_is_no_sign(office: CountyOffice) -> None:
    case = verified(office, "H1")
    # As long as nobody said that it is none it asks for a look.
    assert office.eliminations.relapse_watch(TOWN).total == 1
    office.move(case, TOWN, "exclude", reason="no_difficulty")
    assert office.eliminations.relapse_watch(TOWN) == RelapsePage(0, ())
    # What comes after that is a sign again, and counted alone.
    office.on(dt.date(2026, 10, 20))
    add_lead(office, office.open_case("H1"), "2" * 32)
    (sign,) = office.eliminations.relapse_watch(TOWN).items
    assert (sign.signs, sign.new_leads) == (("new_leads",), 1)


@pytest.mark.parametrize(("reason", "is_sign"), [("moved_away", False), ("duplicate", True)])
def test_on_file_twice_says_nothing_of_the_lead(office: CountyOffice, reason: str, is_sign: bool) -> None:
    case = verified(office, "H1")
    office.move(case, TOWN, "exclude", reason=reason)
    assert office.eliminations.relapse_watch(TOWN).total == int(is_sign)
