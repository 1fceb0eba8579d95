"""A household that falls back while a new case of it is open: one relapse, one open case, no second identification."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest
from sqlalchemy import func, select

from serving.access import Role, Scope
from serving.cases.case import Case
from serving.cases.clocks import Clock
from serving.cases.state import CaseState as S
from serving.errors import Problem
from serving.outcomes.tables import gather_outcomes
from serving.storage.case_list import CaseFilter
from serving.storage.case_tables import case_file
from serving.storage.casework import CaseworkStore
from serving.storage.household_record import RecordStore
from serving.storage.move_guards import look_before_identification
from tests.serving.cases.towns import Town

T, V, C = Role.TOWNSHIP_OFFICIAL, Role.VILLAGE_OFFICIAL, Role.COUNTY_OFFICIAL


@pytest.fixture
def town(database_url: str) -> Iterator[Town]:
    """With the guard of the county's identification, as the service has it."""
    made = Town(database_url, {"approve": look_before_identification})
    yield made
    made.close()


def fall_back(town: Town) -> tuple[Case, Case]:
    """A resolved case, and the one that a new lead of the household opened 20 days later."""
    old = town.resolve(town.identify(town.open(), causes=["01", "03"]))
    town.pass_days(20)
    new = town.open(grade=1, theme="employment", is_hard=True, causes=["07", "01"])
    assert new.id != old.id
    return old, new


def alert(town: Town, case: Case) -> Case:
    return town.move(case, T, "alert")


def verify(town: Town, case: Case) -> Case:
    return town.move(alert(town, case), V, "verify", visited_on=town.day())


def submit(town: Town, case: Case) -> Case:
    case = town.review(case)
    town.pass_days(6)
    return town.move(case, T, "submit", checked_on=town.day(), objections=0)


def help_first(town: Town, case: Case) -> Case:
    return town.move(case, T, "green_lane", event="accident", occurred_on=town.day())


@pytest.mark.parametrize("before", [alert, verify, submit, help_first])
def test_the_open_case_goes_on_in_the_relapse(town: Town, before: object) -> None:
    assert callable(before)
    old, new = fall_back(town)
    new = before(town, new)
    again = town.move(old, C, "relapse", visited_on=town.day(), reason="income_fell")
    assert (again.id, again.state, again.relapses, again.closed_on) == (old.id, S.HELPING, 1, None)
    assert again.identified_on == old.identified_on
    # What the county found stays first, how urgent it is is of today.
    assert (again.causes, again.grade, again.theme, again.is_hard) == (
        ("01", "03", "07"),
        1,
        "employment",
        True,
    )
    joined = town.records.find_case(town.person(V), new.id)
    assert joined is not None
    assert (joined.case.state, joined.case.closed_as, joined.case.closed_on, joined.case.due_on) == (
        S.JOINED, "joined", town.today, None,
    )  # fmt: skip
    assert (joined.history[-1].move, joined.history[-1].actor, joined.history[-1].role) == (
        "join", "p0123456789a", "county_official",
    )  # fmt: skip
    # Nothing of it runs on: neither a deadline nor the telling of a result that there is none of.
    assert [one for one in joined.clocks if one.is_running] == []
    whole = town.records.find_case(town.person(V), old.id)
    assert whole is not None
    assert whole.case == again
    assert [one.clock for one in whole.clocks if one.is_running] == [Clock.FIRST_MEASURE]
    with town.engine.connect() as connection:
        query = select(func.count()).select_from(case_file).where(case_file.c.closed_on.is_(None))
        assert connection.execute(query).scalar_one() == 1
    assert town.audit.verify().faults == ()


def test_a_case_that_went_on_in_a_relapse_is_not_among_the_excluded(town: Town) -> None:
    old, _ = fall_back(town)
    town.move(town.open("H2"), T, "exclude", reason="moved_away")
    town.move(old, C, "relapse", visited_on=town.day(), reason="income_fell")
    boards = CaseworkStore(town.engine, lambda: town.today)
    (counts,) = boards.count(Scope(town.village[:6]), town.village[:9], 12).values()
    assert +counts.stages == {"helping": 1, "excluded": 1}
    listed = [
        [one.household_id for one in town.store.list(town.person(C), CaseFilter(states={state})).items]
        for state in (S.EXCLUDED, S.JOINED)
    ]
    assert listed == [["H2"], ["H1"]]


def test_both_moves_are_made_or_none(town: Town) -> None:
    old, new = fall_back(town)
    before = town.records.find_case(town.person(V), new.id)
    for facts in (
        {"visited_on": town.day(21), "reason": "income_fell"},
        {"visited_on": town.day(), "reason": "x"},
    ):
        with pytest.raises(Problem):
            town.move(old, C, "relapse", **facts)
    for role in (T, V):
        with pytest.raises(Problem):
            town.move(old, role, "relapse", visited_on=town.day(), reason="income_fell")
    with pytest.raises(Problem) as refused:
        town.move(new, C, "join")
    assert [one.code for one in refused.value.errors] == ["unknown_move"]
    assert town.records.find_case(town.person(V), new.id) == before
    assert town.store.find(town.person(V), old.id) == old


def test_somebody_who_went_on_with_the_open_case_is_told_that_it_changed(town: Town) -> None:
    old, new = fall_back(town)
    town.move(old, C, "relapse", visited_on=town.day(), reason="income_fell")
    with pytest.raises(Problem) as refused:
        town.move(new, T, "alert")
    assert refused.value.code == "case_changed"


def test_nobody_is_identified_anew_whose_risk_was_gone(town: Town) -> None:
    old, new = fall_back(town)
    checked = submit(town, new)
    with pytest.raises(Problem) as refused:
        town.approve(checked)
    assert [one.code for one in refused.value.errors] == ["relapse_instead"]
    # Of the same key in another village it is another household.
    elsewhere = town.open(village="500119100202")
    assert town.identify(elsewhere).state is S.HELPING
    again = town.move(old, C, "relapse", visited_on=town.day(), reason="income_fell")
    assert again.state is S.HELPING


def test_a_new_case_after_an_exclusion_is_identified(town: Town) -> None:
    town.move(town.open(), T, "exclude", reason="moved_away")
    assert town.identify(town.open()).identified_on == town.today


def test_the_label_is_the_first_identification_and_the_ending_a_relapse(town: Town) -> None:
    old, new = fall_back(town)
    with town.engine.connect() as connection:
        before = gather_outcomes(connection, town.today)
    town.pass_days(1)
    verify(town, new)
    town.move(old, C, "relapse", visited_on=town.day(), reason="income_fell")
    with town.engine.connect() as connection:
        told = gather_outcomes(connection, town.today)
        again = gather_outcomes(connection, before.until)
    assert again.tables == before.tables
    assert told.tables["outcomes"] == before.tables["outcomes"]
    assert [one["identified_on"].date() for one in told.tables["outcomes"].to_pylist()] == [old.identified_on]
    endings = [
        (one["ending"], one["reason"], one["case_sha256"]) for one in told.tables["endings"].to_pylist()
    ]
    case = hashlib.sha256(old.id.encode()).hexdigest()
    # The case that went on in it is no exclusion.
    assert endings == [("eliminated", None, case), ("relapsed", "income_fell", case)]


def test_the_record_tells_of_the_cases_before(town: Town) -> None:
    old, new = fall_back(town)
    records = RecordStore(town.engine, town.audit, town.now)
    found = records.find(town.person(V), "H1")
    assert found.whole is not None
    assert (found.whole.case, found.earlier) == (new, (old,))
    town.move(old, C, "relapse", visited_on=town.day(), reason="income_fell")
    found = records.find(town.person(V), "H1")
    assert found.whole is not None
    assert (found.whole.case.id, [one.id for one in found.earlier]) == (old.id, [new.id])
    elsewhere = records.find(town.person(V, "500119100202"), "H1")
    assert (elsewhere.whole, elsewhere.earlier) == (None, ())
    # Of the same key in another village it is another household, whoever sees both.
    town.move(town.open(village="500119100202"), T, "exclude", reason="moved_away")
    assert [one.id for one in records.find(town.person(C), "H1").earlier] == [new.id]
