"""What a case's page offers: what a visit asks for first, and no form that could only be refused."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
from typing import Any

import pytest

from serving.access import Role
from serving.cases.case import Case
from serving.cases.codes import EXCLUSIONS, OBJECT_TYPES
from serving.cases.elimination import EliminationFacts, judge_elimination
from serving.cases.errors import FactsRefused
from serving.cases.exclusion import check_exclusion, possible_exclusions
from serving.cases.moves import MOVES, reason_fits_state
from serving.cases.moving import possible_moves
from serving.cases.next_step import Met, find_next_step
from serving.cases.object_type import Background, check_object_type, fits_background
from serving.cases.offers import Beside
from serving.cases.practice import practice_of
from serving.cases.state import CaseState as S
from serving.console.case_offers import offers_view
from serving.console.texts import texts
from tests.serving.cases.test_walk import new_case

TODAY = dt.date(2026, 11, 12)
VILLAGE = "500999100201"
PRACTICE = practice_of(VILLAGE, TODAY)
V, T, C, H = Role.VILLAGE_OFFICIAL, Role.TOWNSHIP_OFFICIAL, Role.COUNTY_OFFICIAL, Role.HELPER
NEED = Met(TODAY, is_difficulty=True, has_gap=False)
GAP = Met(TODAY, is_difficulty=False, has_gap=True)
WELL = Met(TODAY, is_difficulty=False, has_gap=False)
ZH = texts("zh")

EXPECTED: dict[tuple[S, bool], list[str]] = {
    (S.FOUND, True): ["alert", "verify"],
    (S.ALERTED, True): ["verify"],
    (S.VERIFYING, True): ["review"],
    (S.FOLLOWING, True): ["help_again"],
    (S.FOUND, False): ["alert", "verify", "exclude"],
    (S.ALERTED, False): ["verify", "exclude"],
    (S.VERIFYING, False): ["exclude"],
    (S.REVIEWING, False): ["exclude"],
    (S.APPROVING, False): ["exclude"],
}
"""Written by hand from DOMAIN §2: after a visit, state and whether it found any need."""


def case_in(state: S, **more: Any) -> Case:
    made = new_case(VILLAGE, TODAY - dt.timedelta(days=3))
    return dataclasses.replace(made, state=state, last_visited_on=TODAY, **more)


def offered(case: Case, role: Role, beside: Beside, language: str = "zh") -> dict[str, Any]:
    return offers_view(case, role.value, beside, None, TODAY, language)


@pytest.mark.parametrize(("state", "met"), [*itertools.product(S, (NEED, GAP, WELL, None))])
def test_a_visit_asks_for_the_next_moves(state: S, met: Met | None) -> None:
    found = find_next_step(case_in(state), met, PRACTICE)
    wanted = EXPECTED.get((state, met.is_in_need), []) if met else []
    assert (list(found.moves) if found else []) == wanted


def test_the_moves_that_are_asked_for_lead_from_one_to_the_next() -> None:
    for (state, _), names in EXPECTED.items():
        at = state
        for name in names:
            assert at in MOVES[name].from_states
            at = MOVES[name].reaches(at)


def test_while_a_household_is_followed_only_a_visit_since_then_counts() -> None:
    case = case_in(S.FOLLOWING, entered_on=TODAY)
    assert (
        find_next_step(case, dataclasses.replace(NEED, visited_on=TODAY - dt.timedelta(days=1)), PRACTICE)
        is None
    )


def test_a_county_that_has_no_such_move_is_offered_none() -> None:
    without = dataclasses.replace(PRACTICE, moves=tuple(one for one in PRACTICE.moves if one != "help_again"))
    assert find_next_step(case_in(S.FOLLOWING), NEED, without) is None


@pytest.mark.parametrize("role", [V, T, H, C])
def test_after_a_visit_without_difficulty_excluding_comes_first_for_who_may(role: Role) -> None:
    view = offered(case_in(S.VERIFYING), role, Beside(met=WELL))
    names = [one["name"] for one in view["moves"]]
    assert ZH["next_no_difficulty"].format(date="2026-11-12") == view["next"]["found"]
    assert view["next"]["is_excluded"]
    if role in (T, C):
        assert names[0] == "exclude"
        (first, *rest) = view["moves"]
        assert first["is_next"]
        assert not any(one["is_next"] for one in rest)
        assert first["fields"][0]["value"] == "no_difficulty"
        assert view["next"]["said"] == ZH["next_own"].format(move="排除")
    else:
        assert "exclude" not in names
        assert view["next"]["said"] == ZH["next_of"].format(move="排除", roles="乡镇干部、区县干部")


def test_after_a_visit_with_difficulty_the_day_is_filled_in() -> None:
    view = offered(case_in(S.ALERTED), V, Beside(met=NEED))
    first = view["moves"][0]
    assert (first["name"], first["is_next"], first["fields"][0]["value"]) == ("verify", True, "2026-11-12")
    assert view["next"]["day"] == ZH["next_day"]
    found = offered(case_in(S.FOUND), V, Beside(met=NEED))
    assert found["moves"][0]["name"] == "alert"
    assert found["next"]["day"] is None
    assert found["next"]["later"] == ZH["next_later"].format(moves="入户核实")


def test_what_a_visit_did_not_ask_for_is_offered_as_before() -> None:
    view = offered(case_in(S.VERIFYING), T, Beside())
    assert view["next"] is None
    assert [one["name"] for one in view["moves"]] == [
        one.name for one in possible_moves(case_in(S.VERIFYING), T.value, PRACTICE)
    ]
    assert not any(one["is_next"] for one in view["moves"])


def refuses(check: Any, *given: Any, **named: Any) -> bool:
    try:
        check(*given, **named)
    except FactsRefused:
        return True
    return False


@pytest.mark.parametrize(
    ("state", "met"),
    [
        *itertools.product(
            (S.FOUND, S.ALERTED, S.VERIFYING, S.REVIEWING, S.APPROVING), (NEED, GAP, WELL, None)
        )
    ],
)
def test_only_reasons_that_would_be_taken_can_be_chosen(state: S, met: Met | None) -> None:
    is_met, is_in_need = met is not None, met is not None and met.is_in_need
    taken = [
        code
        for code, _, _ in EXCLUSIONS
        if not refuses(check_exclusion, code, is_met=is_met, is_in_need=is_in_need)
        and not refuses(reason_fits_state, case_in(state), {"reason": code}, TODAY)
    ]
    assert list(possible_exclusions(state, is_met=is_met, is_in_need=is_in_need)) == taken
    (form,) = (
        one for one in offered(case_in(state), T, Beside(met=met))["moves"] if one["name"] == "exclude"
    )
    assert [key for key, _ in form["fields"][0]["options"]] == taken
    assert (ZH["exclude_visit_first"] in form["notes"]) == (len(taken) < len(EXCLUSIONS) - 1)


def test_an_elimination_is_offered_once_its_conditions_are_met() -> None:
    case = case_in(S.FOLLOWING, identified_on=TODAY - dt.timedelta(days=20))
    facts = EliminationFacts(TODAY, "CN-50", case.identified_on, is_without_labour=False, deliveries=0)
    view = offered(case, C, Beside(conditions=judge_elimination(facts)))
    (resolve,) = (one for one in view["moves"] if one["name"] == "resolve")
    assert "认定未满规定月数" in resolve["missing"]
    assert "没有已落实的帮扶措施（风险回退以前的不算）" in resolve["missing"]
    met = [dataclasses.replace(one, unmet=()) for one in judge_elimination(facts)]
    (resolve,) = (
        one for one in offered(case, C, Beside(conditions=met))["moves"] if one["name"] == "resolve"
    )
    assert resolve["missing"] == []
    # Once somebody was there since, that is what comes next, and who helps is told whose it is.
    for role, said in ((C, ZH["next_own"]), (H, ZH["next_of"])):
        unlocked = offered(case, role, Beside(met=WELL, conditions=met))
        assert unlocked["next"]["said"] == said.format(move="风险消除", roles="区县干部")
    assert offered(case, C, Beside(met=WELL, conditions=judge_elimination(facts)))["next"] is None


def test_what_waits_says_for_what_and_what_is_over_is_not_offered() -> None:
    running = case_in(S.REVIEWING, notice_ends_on=TODAY)
    (submit,) = (one for one in offered(running, T, Beside())["moves"] if one["name"] == "submit")
    assert submit["missing"] == [ZH["fault_notice_running"]]
    ran = case_in(S.REVIEWING, notice_ends_on=TODAY - dt.timedelta(days=1))
    (submit,) = (one for one in offered(ran, T, Beside())["moves"] if one["name"] == "submit")
    assert submit["missing"] == []
    helped = case_in(S.HELPING, identified_on=TODAY)
    assert "regularise" not in [one["name"] for one in offered(helped, T, Beside())["moves"]]
    first = case_in(S.HELPING, is_green_lane=True)
    forms = {one["name"]: one for one in offered(first, T, Beside())["moves"]}
    assert forms["regularise"]["missing"] == []
    assert forms["follow"]["missing"] == [ZH["fault_not_identified"]]


FITS = {
    (Background.FORMERLY_POOR, "unstable_formerly_poor"), (Background.FORMERLY_POOR, "sudden_hardship"),
    (Background.OTHER, "marginal"), (Background.OTHER, "sudden_hardship"),
    (None, "unstable_formerly_poor"), (None, "marginal"), (None, "sudden_hardship"),
}  # fmt: skip
"""DOMAIN §2, written by hand."""


@pytest.mark.parametrize("background", [*Background, None])
def test_the_types_are_those_that_the_register_allows(background: Background | None) -> None:
    for code, _, _ in OBJECT_TYPES:
        assert fits_background(code, background) == ((background, code) in FITS)
        assert refuses(check_object_type, code, background) == ((background, code) not in FITS)
    case = case_in(S.APPROVING, notice_ends_on=TODAY - dt.timedelta(days=1))
    (form,) = (
        one for one in offered(case, C, Beside(background=background))["moves"] if one["name"] == "approve"
    )
    told = [key for key, _ in form["fields"][0]["options"]]
    assert told == [code for code, _, _ in OBJECT_TYPES if (background, code) in FITS]
    assert form["notes"] == [ZH[f"register_{background.value if background else 'unknown'}"]]
