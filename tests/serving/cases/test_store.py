"""Cases in the database, on SQLite and on PostgreSQL: opened once, moved once, read inside an area."""

from __future__ import annotations

import datetime as dt
import random
import threading
from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from serving.access import Caller, Role, Scope
from serving.cases.case import Case
from serving.cases.clocks import Clock
from serving.cases.errors import MoveRefused, Reason
from serving.cases.state import CaseState as S
from serving.errors import Problem
from serving.storage.case_notes import note_measure, note_visit
from serving.storage.case_tables import case_clock, case_file, case_move
from serving.storage.cases import CaseStore
from tests.serving.cases.towns import VILLAGE, Town
from tests.serving.cases.walking import Passed, check_case, check_step, some_facts

T, V, C, H = Role.TOWNSHIP_OFFICIAL, Role.VILLAGE_OFFICIAL, Role.COUNTY_OFFICIAL, Role.HELPER


def test_leads_open_one_case_and_join_it(town: Town) -> None:
    first = town.open("H1", grade=3, causes=["07"])
    assert (first.state, first.version, first.owner) == (S.FOUND, 1, T)
    assert first.practice == "nanchuan@2025-02-24"
    assert first.due_on == dt.date(2026, 11, 9)
    # The same again changes nothing, and disturbs nobody who is at it.
    assert town.open("H1", grade=3, causes=["07"]) == first
    joined = town.open(
        "H1", grade=1, theme="accident", is_hard=True, disagreement="rule_only", causes=["05", "07"]
    )
    assert (joined.id, joined.version) == (first.id, 2)
    assert (joined.grade, joined.theme, joined.is_hard, joined.causes) == (1, "accident", True, ("07", "05"))
    # What is less urgent takes nothing back.
    last = town.open("H1", grade=3, causes=["01", "02", "03", "04"])
    assert (last.grade, last.theme, last.is_hard, last.disagreement) == (1, "accident", True, "rule_only")
    assert last.causes == ("07", "05", "01", "02", "03")
    # A household of that key in another village is another one.
    assert town.open("H1", village="500119100202").id != first.id
    with town.engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(case_file)).scalar() == 2


def test_many_at_once_open_one_case(town: Town) -> None:
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda n=n: found.append(town.open("H1", grade=1 + n % 3, causes=[]).id))
        for n in range(8)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_a_case_goes_its_way(town: Town) -> None:
    case = town.identify(town.open())
    assert (case.state, case.identified_on, case.object_type) == (S.HELPING, town.today, "sudden_hardship")
    assert (case.owner, case.version) == (H, 6)
    case = town.move(case, H, "tell", told_on=town.day())
    case = town.resolve(case)
    assert (case.state, case.closed_on, case.closed_as, case.due_on) == (
        S.RESOLVED,
        town.today,
        "resolved",
        None,
    )
    case = town.move(case, C, "relapse", visited_on=town.day(), reason="spending_rose")
    assert (case.state, case.relapses, case.closed_on, case.version) == (S.HELPING, 1, None, 10)
    whole = town.records.find_case(town.person(V), case.id)
    assert whole is not None
    assert whole.case == case
    assert [one.move for one in whole.history] == [
        "alert", "verify", "review", "submit", "approve", "tell", "follow", "resolve", "relapse"
    ]  # fmt: skip
    assert [one.seq for one in whole.history] == list(range(1, 10))
    assert {one.actor for one in whole.history} == {"p0123456789a"}
    assert [(one.clock, one.round) for one in whole.clocks if one.stopped_on is None] == [
        (Clock.FIRST_MEASURE, 2)
    ]
    assert [one.action for one in town.audit.search(household_id="H1")][::-1] == [
        *["case_moved"] * 4, "case_identified", *["case_moved"] * 2, "case_resolved", "case_relapsed",
        "household_read",
    ]  # fmt: skip
    assert town.audit.verify().faults == ()


def test_nobody_moves_what_is_not_theirs_or_not_there(town: Town) -> None:
    case = town.open()
    elsewhere = town.person(T, "500119101201")
    for caller, number in ((elsewhere, case.id), (town.person(T), "0" * 32), (town.person(T), "x'; --")):
        with pytest.raises(Problem) as refused:
            town.store.move(caller, caller.key_id, number, 1, "alert", {})
        assert refused.value.code == "case_not_found"
        assert town.store.find(caller, number) is None
        assert town.records.find_case(caller, number) is None
    assert town.store.find(town.person(T), case.id) == case
    logged = [one for one in town.audit.search(limit=100) if one.outcome == "not_found"]
    assert len(logged) == 9
    assert town.store.find_of_household(elsewhere, "H1") is None
    assert town.store.find_of_household(town.person(V), "H1") == case


@pytest.mark.parametrize("actor", ["0123456789ab", "t0123456789a", "operator", "open", ""])
def test_no_key_and_no_token_moves_a_case(small: Town, actor: str) -> None:
    case = small.open()
    for role in Role:
        caller = Caller(actor, role, Scope(VILLAGE))
        with pytest.raises(Problem) as refused:
            small.store.move(caller, actor, case.id, 1, "alert", {})
        assert [one.code for one in refused.value.errors] == ["not_a_person"]
    assert small.store.find(small.person(V), case.id) == case


@pytest.mark.parametrize("role", sorted(set(Role) - {T, V, C, H}))
def test_no_other_role_moves_a_case_even_signed_in(small: Town, role: Role) -> None:
    case = small.open()
    caller = Caller("p0123456789a", role, Scope(""))
    for name in ("alert", "exclude", "green_lane", "approve"):
        with pytest.raises(Problem) as refused:
            small.store.move(caller, caller.key_id, case.id, 1, name, {})
        assert [one.code for one in refused.value.errors] == ["not_a_person"]


def test_the_second_of_two_who_saw_the_same_is_told(town: Town) -> None:
    case = town.open()
    results: list[str] = []
    ready = threading.Barrier(2)

    def work(name: str) -> None:
        ready.wait()
        try:
            facts = {} if name == "alert" else {"reason": "duplicate"}
            results.append(town.move(case, T, name, **facts).state.value)
        except Problem as problem:
            results.append(problem.code)

    threads = [threading.Thread(target=work, args=(name,)) for name in ("alert", "exclude")]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert "case_changed" in results
    now = town.store.find(town.person(T), case.id)
    assert now is not None
    assert sorted(results) == sorted(["case_changed", now.state.value])
    assert now.version == 2
    with town.engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(case_move)).scalar() == 1


def test_a_lead_that_joins_makes_a_form_old(small: Town) -> None:
    case = small.open()
    small.open(grade=1)
    with pytest.raises(Problem) as refused:
        small.move(case, T, "alert")
    assert refused.value.code == "case_changed"


def test_no_relapse_beside_another_identified_case(small: Town) -> None:
    old = small.resolve(small.identify(small.open()))
    # Of before such a case was refused: the store here has no guards.
    new = small.identify(small.open())
    assert new.id != old.id
    with pytest.raises(Problem) as refused:
        small.move(old, C, "relapse", visited_on=small.day(), reason="income_fell")
    assert [one.code for one in refused.value.errors] == ["another_open"]
    # The open one is the household's.
    assert small.store.find_of_household(small.person(V), "H1") == new


def test_the_case_that_was_closed_last_is_the_households(small: Town) -> None:
    first = small.move(small.open(), T, "exclude", reason="declined")
    small.pass_days(30)
    second = small.move(small.open(), T, "exclude", reason="moved_away")
    assert first.closed_on is not None
    assert second.closed_on is not None
    assert second.closed_on > first.closed_on
    assert small.store.find_of_household(small.person(V), "H1") == second


def test_a_guard_keeps_a_move_back(town: Town) -> None:
    case = town.open()
    asked: list[Case] = []

    def guard(connection: Connection, found: Case, facts: Mapping[str, Any]) -> None:
        assert facts == {}
        assert connection.execute(select(case_file.c.version)).scalar() == found.version
        asked.append(found)
        raise MoveRefused([Reason("/move", "first", "do this"), Reason("/move", "second", "do that")])

    guarded = CaseStore(town.engine, town.audit, town.now, {"alert": guard})
    caller = town.person(T)
    with pytest.raises(Problem) as refused:
        guarded.move(caller, caller.key_id, case.id, 1, "alert", {})
    assert [one.code for one in refused.value.errors] == ["first", "second"]
    assert asked == [case]
    assert guarded.find(caller, case.id) == case
    # It is not asked about what the rules refuse already, nor about other moves.
    with pytest.raises(Problem):
        guarded.move(town.person(H), caller.key_id, case.id, 1, "alert", {})
    assert len(asked) == 1
    guarded.move(caller, caller.key_id, case.id, 1, "exclude", {"reason": "declined"})


def test_a_clock_that_was_set_back_moves_nothing_into_the_past(small: Town) -> None:
    case = small.open()
    small.pass_days(3)
    case = small.move(case, T, "alert")
    there = small.today
    small.pass_days(-20)
    case = small.move(case, V, "verify", visited_on=there.isoformat())
    assert case.entered_on == there
    whole = small.records.find_case(small.person(V), case.id)
    assert whole is not None
    assert [one.effective_on for one in whole.history] == [there, there]
    assert all(one.stopped_on is None or one.stopped_on >= one.started_on for one in whole.clocks)


def test_midnight_is_chinas(small: Town) -> None:
    small.clock = dt.datetime(2026, 11, 2, 15, 59, 59, tzinfo=dt.UTC)
    assert small.open("H1").opened_on == dt.date(2026, 11, 2)
    small.clock += dt.timedelta(seconds=1)
    assert small.open("H2").opened_on == dt.date(2026, 11, 3)
    case = small.open("H1")
    assert small.move(case, T, "alert").entered_on == dt.date(2026, 11, 3)


def test_visits_and_measures_stop_their_clocks_and_keep_the_version(town: Town) -> None:
    case = town.open()
    with town.store.writer.begin() as connection:
        note_visit(connection, case.id, town.today, town.now())
    visited = town.store.find(town.person(V), case.id)
    assert visited is not None
    assert (visited.last_visited_on, visited.version) == (town.today, 1)
    # What is left is the identification's.
    assert visited.due_on == dt.date(2026, 11, 17)
    case = town.move(town.identify(visited), H, "tell", told_on=town.day())
    with town.store.writer.begin() as connection:
        note_measure(connection, case.id, town.today, town.now())
    helped = town.store.find(town.person(V), case.id)
    assert helped is not None
    assert (helped.due_on, helped.version) == (None, case.version)


def test_help_that_comes_first_is_not_asked_for_again_by_the_identification(small: Town) -> None:
    case = small.move(small.open(), T, "green_lane", event="accident", occurred_on=small.day())
    assert (case.identified_on, case.is_green_lane, case.state) == (None, True, S.HELPING)
    with small.store.writer.begin() as connection:
        note_measure(connection, case.id, small.today, small.now())
    now = small.store.find(small.person(V), case.id)
    assert now is not None
    case = small.move(now, V, "regularise", visited_on=small.day())
    signed = {"authorised_on": small.day(), "compared_on": small.day()}
    case = small.move(case, V, "review", **signed, **small.notice())
    small.pass_days(6)
    case = small.move(case, T, "submit", checked_on=small.day(), objections=0)
    case = small.approve(case)
    whole = small.records.find_case(small.person(V), case.id)
    assert whole is not None
    assert {one.clock for one in whole.clocks if one.is_running} == {Clock.RESULT}
    assert small.move(case, V, "follow", delivered_on=small.day()).state is S.FOLLOWING


@pytest.mark.parametrize("seed", range(6))
def test_walks_through_the_database_break_no_invariant(small: Town, seed: int) -> None:
    dice, way = random.Random(seed), Passed()
    case, joined = small.open(), 0
    for _ in range(60):
        small.pass_days(dice.choice([0, 0, 1, 3, 7, 40]))
        role = dice.choice([T, V, C, H, C, T, *Role])
        if case.is_closed and dice.random() < 0.3:
            # New leads open another case, and the walk goes on with that one.
            case, way, joined = small.open(), Passed(), 0
        elif not case.is_closed and dice.random() < 0.1:
            after = small.open(grade=dice.randint(1, 3), is_hard=True)
            joined += after.version - case.version
            case = after
        name = dice.choice([
            "alert", "verify", "review", "submit", "approve", "tell", "follow", "follow_up", "resolve", "relapse",
            "exclude", "send_back", "green_lane", "regularise", "help_again",
        ])  # fmt: skip
        facts = some_facts(name, small.today, dice)
        caller = Caller("p0123456789a", role, Scope(VILLAGE))
        try:
            after = small.store.move(caller, caller.key_id, case.id, case.version, name, facts)
        except Problem as problem:
            refused = problem.code
        else:
            refused = ""
            check_step(case, after, role, facts, small.today, way)
            case = after
        assert refused in {"", "move_not_allowed"}
        whole = small.records.find_case(small.person(V), case.id)
        assert whole is not None
        assert whole.case == case
        way.steps += joined
        check_case(case, whole.clocks, way)
        way.steps -= joined
        assert len(whole.history) == way.steps
        with small.engine.connect() as connection:
            open_ones = select(func.count()).select_from(case_file).where(case_file.c.closed_on.is_(None))
            assert connection.execute(open_ones).scalar_one() <= 1
            rows = connection.execute(select(case_clock.c.case_id).where(case_clock.c.stopped_on.is_(None)))
            # Of a closed case nothing runs but the telling of why it is none.
            assert {one.case_id for one in rows} <= {case.id, *_excluded(connection)}
    assert small.audit.verify().faults == ()


def _excluded(connection: Connection) -> list[str]:
    query = select(case_file.c.id).where(case_file.c.state == S.EXCLUDED.value)
    return list(connection.execute(query).scalars())
