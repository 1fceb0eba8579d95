"""Whose turn it is: whoever may make the move that the last visit asks for, in every county's practice."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from serving.access import Role, Scope
from serving.api.case_answers import told_case
from serving.cases.case import Case
from serving.cases.moves import MOVES
from serving.cases.next_step import Met, find_next_step, find_turn
from serving.cases.people import MOVERS
from serving.cases.practice import practice_of
from serving.cases.state import CaseState as S
from serving.cases.visit import read_visit
from serving.storage.case_list import CaseFilter
from serving.storage.casework import CaseworkStore
from serving.storage.move_guards import move_guards
from serving.storage.my_list import MyListStore, Wanted
from serving.storage.visits import VisitStore
from tests.serving.cases.test_walk import new_case
from tests.serving.cases.towns import Town
from tests.serving.casework.county import visit_document

V, T, C, H = Role.VILLAGE_OFFICIAL, Role.TOWNSHIP_OFFICIAL, Role.COUNTY_OFFICIAL, Role.HELPER
COUNTIES = {
    "fengdu": "500230100201", "nanchuan": "500119100201", "wushan": "500237100201", "chengkou": "500229100201",
    "default": "500999100201",
}  # fmt: skip
TODAY = dt.date(2026, 11, 2)
WELL, NEED, GAP = Met(TODAY, False, False), Met(TODAY, True, False), Met(TODAY, False, True)
OWNERS = {
    S.FOUND: T, S.ALERTED: V, S.VERIFYING: V, S.REVIEWING: T, S.APPROVING: C, S.HELPING: H, S.FOLLOWING: H,
    S.RESOLVED: C, S.EXCLUDED: V, S.JOINED: C,
}  # fmt: skip
"""Written by hand: whose turn it is where no visit says otherwise. 巫山's village looks at what is found."""


@pytest.mark.parametrize("county", COUNTIES)
@pytest.mark.parametrize("state", S)
def test_only_what_the_village_may_not_do_is_not_its_turn(county: str, state: S) -> None:
    practice = practice_of(COUNTIES[county], TODAY)
    assert practice.name == county
    case = dataclasses.replace(new_case(COUNTIES[county], TODAY), state=state)
    usual = V if (county, state) == ("wushan", S.FOUND) else OWNERS[state]
    for met in (None, NEED, GAP, dataclasses.replace(NEED, is_passed_over=True)):
        assert find_turn(case, met, practice) == usual
    # Excluding is the township's.
    assert find_turn(case, WELL, practice) == (T if state is S.VERIFYING else usual)
    assert find_turn(case, dataclasses.replace(WELL, is_passed_over=True), practice) == usual
    for met in (WELL, NEED, GAP):
        upcoming = find_next_step(case, met, practice)
        assert upcoming is None or find_turn(case, met, practice) in upcoming.roles


def test_of_those_who_may_the_nearest_to_the_village_stands_first() -> None:
    for one in MOVES.values():
        assert list(one.roles) == sorted(one.roles, key=MOVERS.index)


class Desk(Town):
    """A town whose people hand in visits, each with a list of their own."""

    def __init__(self, url: str, village: str) -> None:
        super().__init__(url, village=village)
        self.store.guards = move_guards(self.now)
        self.visits = VisitStore(self.engine, self.audit, self.store, self.now)
        self.lists = MyListStore(self.engine, self.audit, lambda: self.today)
        self.boards = CaseworkStore(self.engine, lambda: self.today)
        self.numbers = count()

    def visit(self, household_id: str = "H1", back: int = 0, **found: Any) -> None:
        self.clock += dt.timedelta(hours=1)
        document = visit_document(self.today - dt.timedelta(days=back), **found)
        form = read_visit(document, household_id, self.today)
        caller = self.person(V)
        assert self.visits.record(caller, caller.key_id, household_id, form) is not None
        self.clock += dt.timedelta(hours=1)

    def now_of(self, case: Case) -> Case:
        found = self.store.find(self.person(C), case.id)
        assert found is not None
        return found

    def turn(self, household_id: str = "H1") -> Role:
        """Whose it is, as every list has it."""
        mine = [
            role
            for role in (H, V, T, C)
            for one in self.lists.page(self.person(role), Wanted(due="mine"), limit=9, offset=0).items
            if one.household_id == household_id
        ]
        listed = [
            role
            for role in (H, V, T, C)
            for one in self.store.list(self.person(C), CaseFilter(owner=role.value)).items
            if one.household_id == household_id
        ]
        assert mine == listed
        # Never nobody's, never two people's; and whoever has it on their list sees it there in any case.
        (role,) = mine
        everywhere = [
            one.household_id for one in self.lists.page(self.person(V), Wanted(), limit=9, offset=0).items
        ]
        assert household_id in everywhere
        return role


@pytest.fixture(params=COUNTIES)
def desk(request: pytest.FixtureRequest, database_url: str) -> Iterator[Desk]:
    made = Desk(database_url, COUNTIES[request.param])
    yield made
    made.close()


def test_a_visit_without_difficulty_hands_the_case_to_whoever_excludes(desk: Desk) -> None:
    case = desk.move(desk.open(), T, "alert")
    assert desk.turn() == V
    desk.visit()
    # That it was visited the village says first.
    assert desk.turn() == V
    case = desk.move(desk.now_of(case), V, "verify", visited_on=desk.day())
    assert (case.owner, desk.turn()) == (T, T)
    # What is late is told of to the level above whoever's turn it is, on the board as in the answer.
    desk.pass_days(16)
    boards = desk.boards.count(Scope(desk.village[:9]), desk.village[:9], 12)
    told = told_case(desk.now_of(case), desk.today)
    assert +boards[desk.village].overdue == {C: 1}
    assert told["standing"]["escalated_to"] == C
    assert (told["owner"], told["owner_text"]["zh"]) == (T, "乡镇干部")
    done = desk.move(desk.now_of(case), T, "exclude", reason="no_difficulty")
    assert (done.state, done.owner) == (S.EXCLUDED, V)


def test_a_visit_that_is_handed_in_later_moves_the_turn_at_once(desk: Desk) -> None:
    case = desk.move(desk.open(), T, "alert")
    case = desk.move(case, V, "verify", visited_on=desk.day())
    assert desk.turn() == V
    desk.visit(finding="not_met")
    assert desk.turn() == V
    desk.visit()
    assert (desk.turn(), desk.now_of(case).version) == (T, case.version)
    # Nobody at home takes nothing back; a gap or difficulty does, and what was seen before that day does not.
    desk.pass_days(2)
    desk.visit(finding="not_met")
    assert desk.turn() == T
    desk.visit(guarantees={"water": "no"})
    assert desk.turn() == V
    desk.visit(back=1)
    assert desk.turn() == V
    desk.visit()
    assert desk.turn() == T


def test_who_goes_on_knowing_the_visit_is_not_asked_to_end_the_case(desk: Desk) -> None:
    case = desk.move(desk.open(), T, "alert")
    desk.visit()
    case = desk.move(desk.now_of(case), V, "verify", visited_on=desk.day())
    signed = {"authorised_on": desk.day(), "compared_on": desk.day()}
    case = desk.move(case, T, "review", **signed, **desk.notice())
    assert desk.turn() == T
    # It comes back to be done again, and that is the village's.
    case = desk.move(case, T, "send_back", reason="notice_faulty")
    assert desk.turn() == V
    desk.visit()
    assert desk.turn() == T


def test_help_that_came_first_is_not_ended_by_what_was_seen_before_it(desk: Desk) -> None:
    case = desk.open()
    desk.visit()
    case = desk.move(desk.now_of(case), T, "green_lane", event="disaster", occurred_on=desk.day())
    assert desk.turn() == H
    case = desk.move(case, V, "regularise", visited_on=desk.day())
    assert desk.turn() == V
    desk.visit()
    assert desk.turn() == T
