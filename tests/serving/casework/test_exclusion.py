"""No case is excluded for what nobody saw, nor for the opposite of what was seen."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from serving.cases.case import Case
from serving.cases.codes import EXCLUSIONS
from serving.cases.state import CaseState
from serving.errors import Problem
from tests.serving.casework.county import CADRE, FIRM, TOWN, CountyOffice

FROM_THE_DESK = {"declined", "moved_away", "deceased", "duplicate"}
"""Written by hand: reasons that need no visit."""


def verified(office: CountyOffice, household_id: str = "H1") -> Case:
    case = office.open_case(household_id, is_hard=True)
    office.move(case, CADRE, "alert")
    # That somebody was there is said in the move alone.
    return office.move(case, CADRE, "verify", visited_on=str(office.cases.today))


def refusal(office: CountyOffice, case: Case, reason: str) -> list[tuple[str, str]]:
    with pytest.raises(Problem) as refused:
        office.move(case, TOWN, "exclude", reason=reason)
    assert office.case(case.id).state is CaseState.VERIFYING
    return [(one.pointer, one.code) for one in refused.value.errors]


def test_what_nobody_handed_in_excludes_nobody(office: CountyOffice) -> None:
    case = verified(office)
    office.visit("H1", finding="not_met")
    for reason, *_ in EXCLUSIONS:
        if reason not in FROM_THE_DESK:
            assert refusal(office, case, reason) == [("/facts/reason", "visit_first")]
    office.visit("H1")
    assert office.move(case, TOWN, "exclude", reason="no_difficulty").state is CaseState.EXCLUDED


@pytest.mark.parametrize("reason", sorted(FROM_THE_DESK))
def test_some_reasons_need_no_visit(desk: CountyOffice, reason: str) -> None:
    assert desk.move(verified(desk), TOWN, "exclude", reason=reason).state is CaseState.EXCLUDED


@pytest.mark.parametrize(
    "found",
    [
        {"finding": "difficulty", "causes": ["01"]},
        {"finding": "no_difficulty", "guarantees": {**FIRM, "water": "no"}},
    ],
)
def test_a_visit_is_not_said_to_have_found_the_opposite(desk: CountyOffice, found: dict[str, Any]) -> None:
    case = verified(desk)
    desk.visit("H1", **found)
    desk.clock += dt.timedelta(hours=1)
    # Nobody at home later on takes nothing back.
    desk.visit("H1", finding="not_met")
    assert refusal(desk, case, "no_difficulty") == [("/facts/reason", "difficulty_found")]
    desk.clock += dt.timedelta(hours=1)
    desk.visit("H1", guarantees=FIRM)
    assert desk.move(case, TOWN, "exclude", reason="no_difficulty").state is CaseState.EXCLUDED
