"""The table of moves, rule by rule: who, from where, with which facts, on which day."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.access import Role
from serving.access.policy import MOVERS as MAY_ASK
from serving.cases.case import Case
from serving.cases.clocks import Clock
from serving.cases.diagram import put_into, written
from serving.cases.errors import (
    AlreadyIdentified,
    FactsRefused,
    MoveRefused,
    NotAPerson,
    NoticeRunning,
    NotIdentified,
    UnknownMove,
    WithoutLabour,
    WrongRole,
    WrongState,
)
from serving.cases.facts import CodeFact, CountFact, DayFact, FlagFact
from serving.cases.moves import MOVES
from serving.cases.moving import check_move, find_hindrances, possible_moves
from serving.cases.people import MOVERS
from serving.cases.practice import practice_of
from serving.cases.state import CaseState as S
from serving.storage.audit_actions import Action
from tests.serving.cases.test_walk import new_case

TODAY = dt.date(2026, 11, 12)
PRACTICE = practice_of("500999100201", TODAY)
T, V, C, H = Role.TOWNSHIP_OFFICIAL, Role.VILLAGE_OFFICIAL, Role.COUNTY_OFFICIAL, Role.HELPER
PAGE = Path(__file__).parents[3] / "docs" / "explanation" / "cases.md"


def day(back: int = 0) -> str:
    return (TODAY - dt.timedelta(days=back)).isoformat()


RAN = {"reviewed_on": day(6), "attendance": 9, "published_on": day(6), "ends_on": day(1)}
RIGHT: dict[str, dict[str, Any]] = {
    "alert": {},
    "verify": {"visited_on": day()},
    "review": {"authorised_on": day(7), "compared_on": day(6), **RAN},
    "submit": {"checked_on": day(), "objections": 0},
    "approve": {"object_type": "marginal", "causes": ["01", "03"], "is_without_labour": False},
    "send_back": {"reason": "objection"},
    "exclude": {"reason": "no_difficulty"},
    "green_lane": {"event": "accident", "occurred_on": day(1)},
    "regularise": {"visited_on": day()},
    "tell": {"told_on": day()},
    "follow": {"delivered_on": day()},
    "follow_up": {"visited_on": day(), "is_steady": True},
    "help_again": {"visited_on": day()},
    "resolve": {"visited_on": day(), **RAN},
    "relapse": {"visited_on": day(), "reason": "income_fell"},
    "join": {},
}
"""Facts that every move takes, written by hand."""

FROM: dict[str, tuple[set[S], set[Role]]] = {
    "alert": ({S.FOUND}, {V, T, C}),
    "verify": ({S.ALERTED}, {H, V, T}),
    "review": ({S.VERIFYING}, {V, T}),
    "submit": ({S.REVIEWING}, {T}),
    "approve": ({S.APPROVING}, {C}),
    "send_back": ({S.REVIEWING, S.APPROVING}, {T, C}),
    "exclude": ({S.FOUND, S.ALERTED, S.VERIFYING, S.REVIEWING, S.APPROVING}, {T, C}),
    "green_lane": ({S.FOUND, S.ALERTED, S.VERIFYING}, {T, C}),
    "regularise": ({S.HELPING}, {H, V, T}),
    "tell": ({S.HELPING, S.FOLLOWING, S.EXCLUDED}, {H, V, T}),
    "follow": ({S.HELPING}, {H, V, T}),
    "follow_up": ({S.FOLLOWING}, {H, V, T}),
    "help_again": ({S.FOLLOWING}, {H, V, T}),
    "resolve": ({S.FOLLOWING}, {C}),
    "relapse": ({S.RESOLVED}, {C}),
    "join": ({S.FOUND, S.ALERTED, S.VERIFYING, S.REVIEWING, S.APPROVING, S.HELPING}, {C}),
}


def a_case(state: S, **more: Any) -> Case:
    made = dataclasses.replace(new_case("500999100201", dt.date(2026, 11, 1)), state=state)
    if state in {S.REVIEWING, S.APPROVING}:
        made = dataclasses.replace(made, notice_ends_on=TODAY - dt.timedelta(days=1))
    if state in {S.FOLLOWING, S.RESOLVED}:
        made = dataclasses.replace(made, identified_on=dt.date(2026, 5, 4))
    return dataclasses.replace(made, **more)


def check(case: Case, name: str, role: Role, facts: object = None, on: dt.date = TODAY) -> dict[str, Any]:
    given = RIGHT[name] if facts is None else facts
    return check_move(case, name, role, given, on, PRACTICE, "relapse" if name == "join" else None)


def codes(refused: MoveRefused) -> set[tuple[str, str]]:
    return {(one.pointer, one.code) for one in refused.reasons}


def test_the_table_is_what_was_written_down_by_hand() -> None:
    assert {name: (set(one.from_states), set(one.roles)) for name, one in MOVES.items()} == FROM
    assert {name for name, one in MOVES.items() if one.is_optional} == {
        "green_lane", "regularise", "follow_up", "help_again"
    }  # fmt: skip
    for name, one in MOVES.items():
        assert one.name == name
        assert one.zh != one.en
        assert len(Action(one.event)) <= 20
    assert set(MOVERS) == {one.value for one in MAY_ASK}


@pytest.mark.parametrize("name", list(MOVES))
def test_only_its_roles_make_a_move_from_its_states(name: str) -> None:
    states, roles = FROM[name]
    for state in S:
        for role in Role:
            identified = None if name in {"regularise", "green_lane", "join"} else TODAY
            case = a_case(state, **({"identified_on": identified} if state in {S.HELPING} else {}))
            if role not in {T, V, C, H}:
                with pytest.raises(NotAPerson):
                    check(case, name, role)
            elif state not in states:
                with pytest.raises(WrongState):
                    check(case, name, role)
            elif role not in roles:
                with pytest.raises(WrongRole):
                    check(case, name, role)
            elif name == "exclude" and state in {S.FOUND, S.ALERTED}:
                with pytest.raises(FactsRefused):
                    check(case, name, role)
                check(case, name, role, {"reason": "moved_away"})
            else:
                assert check(case, name, role) == RIGHT[name]


def test_a_move_that_is_none() -> None:
    for name in ("", "APPROVE", "__init__", "decide", "张三"):
        with pytest.raises(UnknownMove):
            check_move(a_case(S.FOUND), name, T, {}, TODAY, PRACTICE)


def test_what_is_made_with_another_move_is_begun_by_nobody() -> None:
    assert {name for name, one in MOVES.items() if one.made_with} == {"join"}
    for state in FROM["join"][0]:
        with pytest.raises(UnknownMove):
            check_move(a_case(state), "join", C, {}, TODAY, PRACTICE)
        assert "join" not in {one.name for one in possible_moves(a_case(state), C, PRACTICE)}
    for name in set(MOVES) - {"join"}:
        with pytest.raises(UnknownMove):
            check_move(
                a_case(min(FROM[name][0])), name, min(FROM[name][1]), RIGHT[name], TODAY, PRACTICE, "relapse"
            )


def test_a_case_that_is_identified_goes_on_in_no_other() -> None:
    with pytest.raises(AlreadyIdentified):
        check(a_case(S.HELPING, identified_on=TODAY), "join", C)
    # Help that came first identified nobody.
    check(a_case(S.HELPING, is_green_lane=True), "join", C)


def test_a_move_that_the_county_does_without() -> None:
    without = dataclasses.replace(PRACTICE, moves=tuple(one for one in PRACTICE.moves if one != "green_lane"))
    with pytest.raises(UnknownMove):
        check_move(a_case(S.FOUND), "green_lane", T, RIGHT["green_lane"], TODAY, without)
    assert "green_lane" not in {one.name for one in possible_moves(a_case(S.FOUND), T, without)}


@pytest.mark.parametrize("name", list(MOVES))
def test_facts_have_no_place_for_a_persons_data(name: str) -> None:
    # Of no kind but dates, yes or no, counts, and codes of lists.
    for one in MOVES[name].facts:
        assert isinstance(one, DayFact | FlagFact | CountFact | CodeFact)
    state = next(iter(FROM[name][0]))
    role = next(iter(FROM[name][1]))
    case = a_case(state)
    for canary in ("张三", "11010519491231002X", "13800138000", "6222020200112233445"):
        for fact in MOVES[name].facts:
            with pytest.raises(MoveRefused) as refused:
                check(case, name, role, {**RIGHT[name], fact.name: canary})
            assert canary not in str(refused.value) + str(refused.value.reasons)
        with pytest.raises(FactsRefused) as refused:
            check(a_case(state, identified_on=None if name == "regularise" else case.identified_on)
                  if name != "follow" else a_case(state, identified_on=TODAY), name, role,
                  {**RIGHT[name], canary: 1})  # fmt: skip
        assert ("/facts", "unknown_field") in codes(refused.value)
        assert canary not in str(refused.value) + str(refused.value.reasons)


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("verify", {"visited_on": day(-1)}, ("/facts/visited_on", "in_the_future")),
        ("verify", {"visited_on": "2026-02-30"}, ("/facts/visited_on", "not_a_date")),
        ("verify", {"visited_on": "20261112"}, ("/facts/visited_on", "not_a_date")),
        ("verify", {"visited_on": "２０２６-11-12"}, ("/facts/visited_on", "not_a_date")),
        ("verify", {"visited_on": "1999-12-31"}, ("/facts/visited_on", "out_of_range")),
        ("verify", {"visited_on": None}, ("/facts/visited_on", "missing")),
        ("verify", {"visited_on": 20261112}, ("/facts/visited_on", "not_a_date")),
        ("review", {"ends_on": day(2)}, ("/facts/ends_on", "notice_too_short")),
        ("review", {"ends_on": day(-400)}, ("/facts/ends_on", "out_of_range")),
        ("review", {"published_on": day(7)}, ("/facts/published_on", "before_review")),
        ("review", {"attendance": 0}, ("/facts/attendance", "out_of_range")),
        ("submit", {"objections": True}, ("/facts/objections", "not_a_whole_number")),
        ("submit", {"objections": 1.0}, ("/facts/objections", "not_a_whole_number")),
        ("submit", {"objections": 10_000}, ("/facts/objections", "out_of_range")),
        ("approve", {"causes": []}, ("/facts/causes", "not_a_list")),
        ("approve", {"causes": ["01"] * 2}, ("/facts/causes", "repeated")),
        ("approve", {"causes": ["08"]}, ("/facts/causes", "unknown_category")),
        ("approve", {"causes": ["01", "02", "03", "04", "05", "06"]}, ("/facts/causes", "not_a_list")),
        ("approve", {"object_type": ["marginal"]}, ("/facts/object_type", "unknown_category")),
        ("approve", {"is_without_labour": 0}, ("/facts/is_without_labour", "not_a_boolean")),
        ("resolve", {"ends_on": day(2)}, ("/facts/ends_on", "notice_too_short")),
        # Of before the case, which begins on the first: nothing that was done for it is.
        ("verify", {"visited_on": "2026-10-31"}, ("/facts/visited_on", "before_lead")),
        ("review", {"reviewed_on": "2026-10-31"}, ("/facts/reviewed_on", "before_lead")),
        ("tell", {"told_on": "2026-10-31"}, ("/facts/told_on", "before_lead")),
        # The town checks after the notice, whose last day was yesterday.
        ("submit", {"checked_on": day(1)}, ("/facts/checked_on", "notice_running")),
    ],
)
def test_a_fact_that_is_not_of_its_kind(name: str, change: dict[str, Any], told: tuple[str, str]) -> None:
    state, role = next(iter(FROM[name][0])), next(iter(FROM[name][1]))
    with pytest.raises(FactsRefused) as refused:
        check(a_case(state), name, role, {**RIGHT[name], **change})
    assert codes(refused.value) == {told}


@pytest.mark.parametrize("facts", [[], "x", 3, True])
def test_facts_that_are_no_object(facts: object) -> None:
    with pytest.raises(FactsRefused):
        check(a_case(S.FOUND), "alert", T, facts)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(st.sampled_from(sorted(MOVES)), JSON, st.data())
def test_whatever_is_sent_is_refused_by_a_rule(name: str, value: Any, data: st.DataObject) -> None:
    states, roles = FROM[name]
    case, role = a_case(min(states), identified_on=None), min(roles)
    facts: Any = {**RIGHT[name]}
    if facts and data.draw(st.booleans()):
        facts[data.draw(st.sampled_from(sorted(facts)))] = value
    else:
        facts = value
    try:
        kept = check(case, name, role, facts)
    except MoveRefused:
        return
    assert set(kept) <= set(RIGHT[name])


def test_a_notice_runs_its_days_before_the_town_and_the_county() -> None:
    for name, role, state in (("submit", T, S.REVIEWING), ("approve", C, S.APPROVING)):
        case = a_case(state, notice_ends_on=TODAY)
        with pytest.raises(NoticeRunning):
            check(case, name, role)
        assert [one.code for one in find_hindrances(case, MOVES[name], TODAY)] == ["notice_running"]
        # The day after its last.
        after = {**RIGHT[name], **({"checked_on": day(-1)} if name == "submit" else {})}
        check(case, name, role, after, TODAY + dt.timedelta(days=1))
        assert find_hindrances(case, MOVES[name], TODAY + dt.timedelta(days=1)) == ()
        with pytest.raises(NoticeRunning):
            check(a_case(state, notice_ends_on=None), name, role)


def test_an_elimination_takes_a_notice_that_ran() -> None:
    case = a_case(S.FOLLOWING)
    with pytest.raises(NoticeRunning):
        check(case, "resolve", C, {**RIGHT["resolve"], "ends_on": day()})
    check(case, "resolve", C)


def test_visit_and_review_of_a_former_step_are_none_of_this_one() -> None:
    followed = a_case(S.FOLLOWING, entered_on=dt.date(2026, 11, 6))
    check(followed, "resolve", C)
    old = {**RIGHT["resolve"], "visited_on": "2026-11-05", "reviewed_on": "2026-11-05"}
    with pytest.raises(FactsRefused) as refused:
        check(followed, "resolve", C, old)
    assert codes(refused.value) == {
        ("/facts/visited_on", "before_step"), ("/facts/reviewed_on", "before_step")
    }  # fmt: skip
    resolved = a_case(S.RESOLVED, entered_on=TODAY)
    with pytest.raises(FactsRefused):
        check(resolved, "relapse", C, {**RIGHT["relapse"], "visited_on": day(1)})
    check(resolved, "relapse", C)


def test_what_may_be_older_than_the_case() -> None:
    """The blow and the signatures; the visit and the review are made on it."""
    before = "2026-10-31"
    found, verifying = a_case(S.FOUND), a_case(S.VERIFYING)
    taken = check(found, "green_lane", T, {**RIGHT["green_lane"], "occurred_on": before})
    assert str(taken["occurred_on"]) == before
    signed = {"authorised_on": before, "compared_on": before}
    taken = check(verifying, "review", V, {**RIGHT["review"], **signed})
    assert {name: str(taken[name]) for name in signed} == signed
    for case, move, name in (
        (a_case(S.ALERTED), "verify", "visited_on"),
        (verifying, "review", "reviewed_on"),
    ):
        with pytest.raises(FactsRefused) as refused:
            check(case, move, V, {**RIGHT[move], name: before})
        assert codes(refused.value) == {(f"/facts/{name}", "before_lead")}


def test_a_household_without_labour_is_not_marked_as_resolved() -> None:
    with pytest.raises(WithoutLabour):
        check(a_case(S.FOLLOWING, is_without_labour=True), "resolve", C)


def test_help_that_comes_first_identifies_nobody() -> None:
    helped = a_case(S.HELPING, is_green_lane=True)
    with pytest.raises(NotIdentified):
        check(helped, "follow", V)
    check(helped, "regularise", V)
    with pytest.raises(AlreadyIdentified):
        check(dataclasses.replace(helped, identified_on=TODAY), "regularise", V)


@pytest.mark.parametrize("state", [S.FOUND, S.ALERTED])
@pytest.mark.parametrize("reason", ["no_difficulty", "income_sufficient", "means_found", "objection_upheld"])
def test_nobody_argues_an_alert_away_without_a_visit(state: S, reason: str) -> None:
    with pytest.raises(FactsRefused) as refused:
        check(a_case(state), "exclude", C, {"reason": reason})
    assert codes(refused.value) == {("/facts/reason", "visit_first")}
    check(a_case(S.VERIFYING), "exclude", C, {"reason": reason})


def test_a_role_sees_the_moves_that_it_may_make() -> None:
    assert {one.name for one in possible_moves(a_case(S.FOUND), T, PRACTICE)} == {
        "alert",
        "exclude",
        "green_lane",
    }
    assert {one.name for one in possible_moves(a_case(S.FOUND), H, PRACTICE)} == set()
    assert {one.name for one in possible_moves(a_case(S.RESOLVED), C, PRACTICE)} == {"relapse"}
    for role in set(Role) - {T, V, C, H}:
        assert possible_moves(a_case(S.FOUND), role, PRACTICE) == ()


def test_every_clock_is_started_and_stopped_by_something() -> None:
    stopped = {clock for one in MOVES.values() for clock in one.stops}
    assert stopped == set(Clock)


def test_the_page_of_cases_is_drawn_from_the_table() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == put_into(page), "run `python -m serving cases diagram --write docs/explanation/cases.md`"
    for name in MOVES:
        assert f"| `{name}` |" in written()
    with pytest.raises(ValueError, match="has no"):
        put_into("# another page")
