"""A household is identified as a type that the register allows; where it says nothing, people know."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from features import CONTRACTS, Coverage, Signals, take_in
from features.signals import REQUEST_FEEDS
from serving.cases.case import Case
from serving.cases.object_type import Background
from serving.cases.state import CaseState
from serving.errors import Problem
from serving.register import Register, background_of
from serving.signals_folder import SignalsFolder
from tests.serving.casework.county import (
    CADRE,
    COUNTY,
    FAR,
    HELPER,
    TOWN,
    VILLAGE,
    CountyOffice,
    statement,
)

KNOWN = {"occurred_on": "2021-03-01", "known_on": "2021-03-20"}


def register_row(household_id: str, background: str, village: str = VILLAGE, **more: Any) -> dict[str, Any]:
    return {
        **KNOWN, "household_id": household_id, "village_code": village, "background": background, "land_mu": 3,
        **more,
    }  # fmt: skip


@pytest.fixture
def register(desk: CountyOffice, tmp_path: Path) -> Register:
    rows = [
        register_row("POOR", "formerly_poor"),
        register_row("NEVER", "other"),
        # Two counties may each know a household of one key.
        register_row("TWICE", "formerly_poor", FAR),
    ]
    tables = {feed: take_in(feed, rows if feed == "household" else []).accepted for feed in CONTRACTS}
    Signals(tables, Coverage.from_rows([], REQUEST_FEEDS)).save(tmp_path / "signals")
    return Register(SignalsFolder(tmp_path / "signals", desk.corrections), desk.cases)


def approving(desk: CountyOffice, household_id: str) -> Case:
    case, day = desk.open_case(household_id), desk.cases.today
    desk.move(case, CADRE, "alert")
    desk.move(case, CADRE, "verify", visited_on=str(day))
    ends = day + dt.timedelta(days=5)
    desk.move(
        case, CADRE, "review", authorised_on=str(day), compared_on=str(day), attendance=30,
        reviewed_on=str(day), published_on=str(day), ends_on=str(ends),
    )  # fmt: skip
    after = desk.on(ends + dt.timedelta(days=1))
    return desk.move(case, TOWN, "submit", checked_on=str(after), objections=0)


def facts(object_type: str) -> dict[str, Any]:
    return {"object_type": object_type, "causes": ["01"], "is_without_labour": False}


def assert_marginal_is_refused(register: Register, case: Case) -> None:
    with pytest.raises(Problem) as raised:
        register.check_move(COUNTY, case.id, "approve", facts("marginal"))
    assert [(one.pointer, one.code) for one in raised.value.errors] == [
        ("/facts/object_type", "register_differs")
    ]


@pytest.mark.parametrize(
    ("household_id", "refused"),
    [("NEVER", "unstable_formerly_poor"), ("POOR", "marginal"), ("UNKNOWN", None), ("TWICE", None)],
)
def test_a_type_that_the_register_rules_out_is_refused(
    desk: CountyOffice, register: Register, household_id: str, refused: str | None
) -> None:
    case = approving(desk, household_id)
    for object_type in ("unstable_formerly_poor", "marginal", "sudden_hardship"):
        if object_type != refused:
            register.check_move(COUNTY, case.id, "approve", facts(object_type))
            continue
        with pytest.raises(Problem) as raised:
            register.check_move(COUNTY, case.id, "approve", facts(object_type))
        assert raised.value.code == "move_not_allowed"
        assert [(one.pointer, one.code) for one in raised.value.errors] == [
            ("/facts/object_type", "register_differs")
        ]
    assert desk.case(case.id).state is CaseState.APPROVING


@pytest.mark.parametrize("given", [None, [], "x", {}, {"object_type": None}, {"object_type": ["marginal"]}])
def test_what_is_no_type_is_left_to_the_rules_of_the_move(
    desk: CountyOffice, register: Register, given: object
) -> None:
    case = approving(desk, "POOR")
    assert_marginal_is_refused(register, case)
    register.check_move(COUNTY, case.id, "approve", given)


def test_somebody_elses_case_and_other_moves_say_nothing(desk: CountyOffice, register: Register) -> None:
    case = approving(desk, "POOR")
    assert_marginal_is_refused(register, case)
    register.check_move(COUNTY, "0" * 32, "approve", facts("marginal"))
    register.check_move(COUNTY, "../x", "approve", facts("marginal"))
    register.check_move(COUNTY, case.id, "send_back", facts("marginal"))
    # Who may not identify anybody is not told by a refusal what the register says.
    for caller in (HELPER, CADRE, TOWN):
        register.check_move(caller, case.id, "approve", facts("marginal"))


def test_a_register_that_was_corrected_counts(desk: CountyOffice, register: Register) -> None:
    day = desk.cases.today
    desk.assessments.save_release("m", "0" * 64, 12)
    desk.assessments.save([statement("NEVER", day, latest_facts={})], [VILLAGE])
    assert register.find_background("NEVER", VILLAGE, day) is Background.OTHER
    row = {"occurred_on": "2021-03-01", "village_code": VILLAGE, "background": "formerly_poor", "land_mu": 3}
    desk.visit(
        "NEVER", corrections=[{"feed": "household", "row": row, "replaces": {**row, "background": "other"}}]
    )
    (waiting,) = desk.corrections.list(TOWN).items
    assert register.find_background("NEVER", VILLAGE, day) is Background.OTHER
    desk.corrections.review(TOWN, TOWN.key_id, waiting.id, refusal=None)
    assert register.find_background("NEVER", VILLAGE, day) is Background.FORMERLY_POOR


def test_a_service_that_keeps_no_signals_knows_nothing(desk: CountyOffice, tmp_path: Path) -> None:
    for folder in (None, tmp_path / "none"):
        silent = Register(SignalsFolder(folder), desk.cases)
        assert silent.find_background("POOR", VILLAGE, desk.cases.today) is None
        silent.check_move(COUNTY, approving(desk, f"H{folder is None}").id, "approve", facts("marginal"))


def test_a_spell_that_ended_and_a_background_that_is_missing_say_nothing() -> None:
    row = {"background": "formerly_poor", "ended_on": 20_000}
    assert background_of({"household": [row]}) is None
    assert background_of({"household": [{"background": None, "ended_on": None}]}) is None
    assert background_of({}) is None
    assert background_of({"household": [{**row, "ended_on": None}]}) is Background.FORMERLY_POOR
