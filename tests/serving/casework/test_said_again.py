"""What was said again after a correction was not said before it, of whatever date it is: for whoever reads both."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import update

from serving.cases.correction import CorrectionState
from serving.errors import Problem
from serving.storage import History, HistoryStore
from serving.storage.case_tables import visit
from serving.storage.rescored import save_rescored_in
from serving.storage.standing import StandingStore
from serving.storage.tables import assessment
from tests.serving.casework.county import (
    CADRE,
    FAR,
    NEIGHBOUR,
    NEXT,
    TOWN,
    TOWN_ID,
    VILLAGE,
    CountyOffice,
    statement,
)
from tests.serving.casework.test_corrections import corrected_bill
from tests.serving.casework.test_elimination import resolved

SCORED_ON, APPROVED_ON = dt.date(2026, 9, 1), dt.date(2026, 11, 2)
REASON = {"code": "07", "family": "07", "effect": "risk", "contribution": 1.0, "facts": []}


def say_again(office: CountyOffice, household_id: str, **more: Any) -> str:
    """A correction of `APPROVED_ON`, and the assessment of before made again after it."""
    office.on(APPROVED_ON)
    office.visit(household_id, corrections=[corrected_bill()])
    (waiting,) = office.corrections.list(TOWN, CorrectionState.PROPOSED).items
    office.corrections.review(TOWN, TOWN_ID, waiting.id, refusal=None)
    body = statement(household_id, SCORED_ON, corrected_on=APPROVED_ON.isoformat(), **more)
    with office.cases.writer.begin() as connection:
        save_rescored_in(connection, body, VILLAGE, waiting.id, office.now())
    return waiting.id


def assess(office: CountyOffice, household_id: str, grade: str) -> None:
    office.assessments.save_release("m", "0" * 64, 12)
    office.assessments.save([statement(household_id, SCORED_ON, grade)], [VILLAGE])
    write_back(office)


def write_back(office: CountyOffice) -> None:
    """Let what is assessed have been written on its day, whatever the clock of the machine says."""
    at = dt.datetime.combine(SCORED_ON, dt.time(12), dt.UTC)
    with office.engine.begin() as connection:
        connection.execute(update(assessment).values(written_at=at))


def test_a_grade_that_a_correction_raised_is_a_sign_of_relapse(office: CountyOffice) -> None:
    assess(office, "H-ROSE", "low")
    case = resolved(office, "H-ROSE")
    assert case.closed_on is not None
    assert SCORED_ON < case.closed_on < APPROVED_ON
    assert office.eliminations.relapse_watch(TOWN).total == 0
    say_again(office, "H-ROSE", grade="high")
    (sign,) = office.eliminations.relapse_watch(TOWN).items
    assert (sign.signs, sign.grade_then, sign.grade_now) == (("score_rose",), "low", "high")


def test_answers_are_to_what_was_said_at_the_visit(office: CountyOffice) -> None:
    assess(office, "H1", "high")
    office.on(SCORED_ON)
    office.open_case("H1")
    say_again(office, "H1", risk_reasons=[REASON])
    to_former, to_latter = ([{"family": one, "is_agreed": True}] for one in ("01", "07"))
    # Kept offline since before the approval, and sent after it.
    before = APPROVED_ON - dt.timedelta(days=1)
    office.visit("H1", visited_on=before.isoformat(), answers=to_former)
    with pytest.raises(Problem):
        office.visit("H1", visited_on=before.isoformat(), answers=to_latter)
    office.visit("H1", answers=to_latter)
    with pytest.raises(Problem):
        office.visit("H1", answers=to_former)


def test_both_are_found_each_by_its_moment(office: CountyOffice) -> None:
    assess(office, "H1", "high")
    found = office.assessments.find(CADRE, "H1")
    assert isinstance(found, History)
    office.open_case("H1", opened_on=SCORED_ON)
    number = say_again(office, "H1", score=0.25)
    past = HistoryStore(office.engine, office.audit)
    moments = {office.now(): 0.25, found.latest.written_at: 0.5}
    for moment, score in moments.items():
        one = past.find(CADRE, "H1", SCORED_ON, written_at=moment)
        assert one is not None
        assert one.stored.body["score"] == score
    assert past.find(CADRE, "H1", SCORED_ON, written_at=office.now() - dt.timedelta(seconds=1)) is None
    assert past.find(NEIGHBOUR, "H1", SCORED_ON, written_at=office.now()) is None
    again = past.find_corrected(TOWN, number)
    assert again is not None
    assert again.latest.body["score"] == 0.25
    assert past.find_corrected(NEIGHBOUR, number) is None
    page = past.list(CADRE, "H1")
    assert page is not None
    assert {one.latest.body["score"] for one in page.items} == {0.25, 0.5}


def test_what_stands_on_is_of_the_newest_before_in_the_own_county(office: CountyOffice) -> None:
    office.assessments.save_release("m", "0" * 64, 12)
    for key, village, day, more in (
        ("H1", VILLAGE, SCORED_ON, {}),
        # It moved inside of its county; farther away another one has its key.
        ("H2", NEXT, SCORED_ON, {}),
        ("H3", FAR, SCORED_ON, {}),
        # What came after asked for no visit.
        ("H4", VILLAGE, SCORED_ON, {}),
        ("H4", VILLAGE, SCORED_ON + dt.timedelta(days=9), {"grade": "low", "suggested_action": "watch"}),
        ("H5", VILLAGE, SCORED_ON, {"grade": "low", "suggested_action": "watch"}),
    ):
        office.assessments.save([statement(key, day, **more)], [village])
    write_back(office)
    # Of one the assessment made again is what stands, of another what was before it.
    say_again(office, "H1", grade="low", suggested_action="watch")
    say_again(office, "H5", grade="high")
    later = dt.date(2027, 9, 1)
    silent = [
        statement(key, later, "low", stale_feeds=["illness"], suggested_action="watch")
        for key in ("H1", "H2", "H3", "H4", "H5", "H6")
    ]
    told = StandingStore(office.engine).stand_on(silent, [VILLAGE] * len(silent), later)
    standing = {one["household_id"]: one["suggested_action"] for one in told}
    # H5 was visited when its facts were corrected: somebody has looked.
    assert standing == {
        "H1": "watch",
        "H2": "visit",
        "H3": "watch",
        "H4": "watch",
        "H5": "watch",
        "H6": "watch",
    }
    with office.engine.begin() as connection:
        connection.execute(update(visit).values(finding="not_met"))
    again = StandingStore(office.engine).stand_on(silent, [VILLAGE] * len(silent), later)
    assert [one["household_id"] for one in again if one.get("standing")] == ["H2", "H5"]
    heard = [{**one, "stale_feeds": []} for one in silent]
    assert StandingStore(office.engine).stand_on(heard, [VILLAGE] * len(heard), later) == heard
