"""Visits in the database: each once, with what they mean for the case, the list and the log."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import pytest
from sqlalchemy import event, select

from serving.cases.lead import make_lead
from serving.errors import Problem
from serving.storage import History
from serving.storage.case_tables import case_file, case_lead, correction, visit, worklist, worklist_entry
from serving.storage.visits import VisitStore
from tests.serving.casework.county import (
    CADRE,
    COUNTY,
    HELPER,
    NEIGHBOUR,
    VILLAGE,
    CountyOffice,
    statement,
)

DAY = dt.date(2026, 3, 10)


def list_household(
    office: CountyOffice, household_id: str, why: str, chance: float | None = None, *, made_on: dt.date = DAY
) -> str:
    number = f"{made_on.toordinal():032d}"
    with office.cases.writer.begin() as connection:
        connection.execute(
            worklist.insert().values(
                id=number, area_code=VILLAGE[:6], made_on=made_on, as_of_date=made_on, model_version="m",
                terms={}, made_at=office.now(),
            )
        )  # fmt: skip
        connection.execute(
            worklist_entry.insert().values(
                worklist_id=number, household_id=household_id, village_code=VILLAGE, grid="", place=1,
                why=why, score=0.5, is_tied=0, chance=chance,
            )
        )  # fmt: skip
    return number


def rows(office: CountyOffice, table: Any) -> list[Any]:
    with office.engine.connect() as connection:
        return list(connection.execute(select(table)).all())


def assess(office: CountyOffice, household_id: str, day: dt.date = DAY, village: str = VILLAGE) -> None:
    office.assessments.save_release("m", "0" * 64, 12)
    office.assessments.save([statement(household_id, day)], [village])


def test_a_visit_sent_twice_is_there_once(office: CountyOffice) -> None:
    office.on(DAY)
    case = office.open_case("H1")
    form = office.form("H1", finding="difficulty", causes=["01", "04"], protective=["kin_support"])
    first = office.visits.record(CADRE, CADRE.key_id, "H1", form)
    again = office.visits.record(CADRE, CADRE.key_id, "H1", form)
    assert first is not None
    assert again is not None
    assert (first.is_new, again.is_new) == (True, False)
    assert (first.visit_id, first.case_id) == (again.visit_id, case.id) == (again.visit_id, again.case_id)
    (kept,) = rows(office, visit)
    assert (kept.finding, kept.visited_on, kept.visitor, kept.role) == (
        "difficulty", DAY, CADRE.key_id, "village_official",
    )  # fmt: skip
    assert office.case(case.id).last_visited_on == DAY
    # Read when it was answered again, and by the line before this one.
    assert [office.actions().count(one) for one in ("visit_recorded", "household_read")] == [1, 2]


@pytest.mark.parametrize(
    "change", [{"finding": "no_difficulty"}, {"visited_on": "2026-03-09"}, {"causes": ["04"]}]
)
def test_another_visit_under_the_same_key_is_refused(desk: CountyOffice, change: dict[str, Any]) -> None:
    desk.on(dt.date(2026, 3, 9))
    desk.open_case("H1")
    desk.on(DAY)
    key = "visit-offline-000001"
    said: dict[str, Any] = {"submission_key": key, "finding": "difficulty", "causes": ["01"]}
    desk.visit("H1", **said)
    other = {**said, **change}
    if other["finding"] == "no_difficulty":
        del other["causes"]
    with pytest.raises(Problem) as refused:
        desk.visit("H1", **other)
    assert refused.value.code == "submission_key_reused"
    desk.open_case("H2")
    with pytest.raises(Problem) as refused:
        desk.visit("H2", **said)
    assert refused.value.code == "submission_key_reused"
    assert len(rows(desk, visit)) == 1


def test_a_visit_of_too_long_ago_is_refused_and_one_that_was_taken_is_known_for_ever(
    office: CountyOffice,
) -> None:
    office.on(DAY)
    for key in ("H1", "H2"):
        assess(office, key)
    sent = office.visit("H1", finding="no_difficulty")
    late = office.form("H2", finding="no_difficulty")
    office.on(DAY + dt.timedelta(days=91))
    again = office.visits.record(CADRE, CADRE.key_id, "H1", sent)
    assert again is not None
    assert not again.is_new
    with pytest.raises(Problem) as refused:
        office.visits.record(CADRE, CADRE.key_id, "H2", late)
    assert [(one.pointer, one.code) for one in refused.value.errors] == [("/visited_on", "too_long_ago")]
    office.on(DAY + dt.timedelta(days=90))
    taken = office.visits.record(CADRE, CADRE.key_id, "H2", late)
    assert taken is not None
    assert taken.is_new
    assert len(rows(office, visit)) == 2


def test_many_who_send_one_visit_at_once_keep_one(office: CountyOffice) -> None:
    office.on(DAY)
    office.open_case("H1")
    form = office.form("H1", finding="difficulty", causes=["01"])
    found: list[Any] = []
    threads = [
        threading.Thread(target=lambda: found.append(office.visits.record(CADRE, CADRE.key_id, "H1", form)))
        for _ in range(6)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(one.is_new for one in found) == [False] * 5 + [True]
    assert len({one.visit_id for one in found}) == 1
    assert len(rows(office, visit)) == 1


def test_another_villages_household_is_nowhere(office: CountyOffice) -> None:
    office.on(DAY)
    office.open_case("H1")
    form = office.form("H1")
    assert office.visits.record(NEIGHBOUR, NEIGHBOUR.key_id, "H1", form) is None
    assert office.visits.record(CADRE, CADRE.key_id, "H-NOBODY", office.form("H-NOBODY")) is None
    assert office.visits.list(NEIGHBOUR, "H1") is None
    assert office.visits.list(CADRE, "H-NOBODY") is None
    assert office.visits.list(CADRE, "H1") == ()
    assert rows(office, visit) == []


def test_difficulty_and_gaps_open_a_case_whatever_the_score_says(office: CountyOffice) -> None:
    office.on(DAY)
    for key in ("H-FINE", "H-HARD", "H-GAP"):
        assess(office, key)
    office.visit("H-FINE")
    office.visit("H-HARD", finding="difficulty", causes=["07"])
    office.visit("H-GAP", guarantees={"water": "no", "food": "yes"})
    found = {one.household_id: one for one in rows(office, case_file)}
    assert set(found) == {"H-HARD", "H-GAP"}
    assert (found["H-HARD"].theme, found["H-HARD"].causes, found["H-HARD"].is_hard) == (
        "employment",
        ["07"],
        0,
    )
    assert found["H-GAP"].is_hard == 1
    assert {one.last_visited_on for one in found.values()} == {DAY}


def test_a_visit_that_opens_a_case_is_its_first_lead(office: CountyOffice) -> None:
    office.on(DAY)
    for key in ("H-FINE", "H-HARD", "H-GAPS", "H-OPEN"):
        assess(office, key)
    opened = office.open_case("H-OPEN")
    office.visit("H-FINE")
    office.visit("H-HARD", finding="difficulty", causes=["unsafe_house", "07"])
    office.visit("H-GAPS", guarantees={"water": "no", "medical": "no", "food": "yes"})
    # This one was found by somebody else: the visit only joins it.
    office.visit("H-OPEN", finding="difficulty", causes=["01"])
    cases = {one.household_id: one.id for one in rows(office, case_file)}
    leads = {(one.household_id, one.code): one for one in rows(office, case_lead)}
    assert {key: (one.theme, one.is_hard) for key, one in leads.items()} == {
        ("H-HARD", "visit_difficulty"): ("employment", 0),
        ("H-GAPS", "gap_water"): ("other", 1), ("H-GAPS", "visit_medical"): ("other", 1),
    }  # fmt: skip
    for (key, _), one in leads.items():
        assert (one.case_id, one.channel, one.source) == (cases[key], "sweep", CADRE.key_id)
        assert (one.occurred_on, one.known_on) == (DAY, DAY)
    assert cases["H-OPEN"] == opened.id
    assert office.actions().count("lead_added") == 2
    # Whoever reports the same later joins the case and takes nothing of the visit's away.
    later = make_lead(
        "H-HARD", VILLAGE, "serious_illness", "health", occurred_on=DAY, known_on=DAY, region="CN-50"
    )
    added = office.visits.leads.add(CADRE, [later], on=DAY)
    assert (added.new, added.cases_joined) == (1, 1)
    assert set(office.case(cases["H-HARD"]).causes) == {"01", "07", "unsafe_house"}


def test_a_gap_makes_an_open_case_hard(desk: CountyOffice) -> None:
    desk.on(DAY)
    case = desk.open_case("H1", grade=3)
    desk.visit("H1", guarantees={"housing": "no"})
    found = desk.case(case.id)
    assert found.is_hard
    assert found.grade == 1


def test_nobody_met_is_no_visit_of_the_case(desk: CountyOffice) -> None:
    desk.on(DAY)
    case = desk.open_case("H1")
    desk.visit("H1", finding="not_met")
    assert desk.case(case.id).last_visited_on is None
    desk.visit("H1", HELPER)
    assert desk.case(case.id).last_visited_on == DAY


def test_a_visit_of_before_the_first_lead_is_refused(desk: CountyOffice) -> None:
    desk.on(DAY)
    desk.open_case("H1")
    with pytest.raises(Problem) as refused:
        desk.visit("H1", visited_on="2026-03-09")
    assert [one.code for one in refused.value.errors] == ["before_lead"]


def test_a_random_visit_keeps_the_chance_of_its_draw(office: CountyOffice) -> None:
    office.on(DAY)
    assess(office, "H1")
    assess(office, "H2")
    number = list_household(office, "H1", "random", 0.04)
    office.on(DAY + dt.timedelta(days=3))
    office.visit("H1", finding="not_met")
    office.visit("H2")
    office.on(DAY + dt.timedelta(days=9))
    office.visit("H1")
    office.visit("H1")
    kept = sorted(rows(office, visit), key=lambda one: (one.household_id, one.visited_on, one.received_at))
    # One draw is one random visit: the one that met somebody took it over, a further one has no part in it.
    assert sorted((one.is_random, one.chance) for one in kept if one.household_id == "H1") == [
        (0, None), (0, None), (1, 0.04),
    ]  # fmt: skip
    assert [one.is_random for one in kept if one.household_id == "H2"] == [0]
    (entry,) = rows(office, worklist_entry)
    (drawn,) = [one for one in kept if one.is_random]
    assert (entry.worklist_id, entry.visit_id) == (number, drawn.id)
    assert drawn.visited_on == DAY + dt.timedelta(days=9)


def test_a_list_of_long_ago_is_not_why_anybody_came(desk: CountyOffice) -> None:
    desk.on(DAY)
    assess(desk, "H1")
    list_household(desk, "H1", "random", 0.04)
    desk.on(DAY + dt.timedelta(days=63))
    desk.visit("H1")
    (kept,) = rows(desk, visit)
    assert (kept.is_random, kept.chance) == (0, None)


def test_answers_are_to_reasons_that_there_are(desk: CountyOffice) -> None:
    desk.on(DAY)
    assess(desk, "H1")
    answers = [{"family": "01", "is_agreed": False, "why": "solved"}]
    desk.visit("H1", answers=answers)
    found = desk.visits.list(CADRE, "H1")
    assert found is not None
    assert found[0].body["answered"] == {"as_of_date": DAY.isoformat(), "model_version": "m"}
    with pytest.raises(Problem) as refused:
        desk.visit("H1", answers=[*answers, {"family": "07", "is_agreed": True}])
    assert [(one.pointer, one.code) for one in refused.value.errors] == [
        ("/answers/1/family", "unknown_reason")
    ]
    # A score does not change by what anybody says of its reasons.
    stored = desk.assessments.find(CADRE, "H1")
    assert isinstance(stored, History)
    assert stored.latest.body["score"] == 0.5


@pytest.mark.parametrize("failing", range(1, 15))
def test_a_visit_is_kept_whole_or_not_at_all(
    desk: CountyOffice, failing: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.on(DAY)
    assess(desk, "H1")
    list_household(desk, "H1", "score")
    form = desk.form(
        "H1", finding="difficulty", causes=["01"], guarantees={"water": "no"},
        corrections=[{"feed": "guarantee", "row": {"occurred_on": "2026-03-01", "item": "water", "answer": "no"}}],
    )  # fmt: skip
    before = {table.name: len(rows(desk, table)) for table in (visit, case_file, case_lead, correction)}
    writes = 0

    def fail(connection: Any, cursor: Any, sql: str, *more: Any) -> None:
        nonlocal writes
        if sql.startswith(("INSERT", "UPDATE")):
            writes += 1
            if writes == failing:
                raise RuntimeError("injected")

    event.listen(desk.engine, "before_cursor_execute", fail)
    store = VisitStore(desk.engine, desk.audit, desk.cases, desk.now)
    try:
        recorded = store.record(CADRE, CADRE.key_id, "H1", form)
    except RuntimeError:
        recorded = None
    finally:
        event.remove(desk.engine, "before_cursor_execute", fail)
    after = {table.name: len(rows(desk, table)) for table in (visit, case_file, case_lead, correction)}
    if writes < failing:
        assert recorded is not None
        assert after["visit"] == before["visit"] + 1
    else:
        assert recorded is None
        assert after == before
        assert "visit_recorded" not in desk.actions()
        (entry,) = rows(desk, worklist_entry)
        assert entry.visit_id is None


def test_everybody_above_reads_the_visits(desk: CountyOffice) -> None:
    desk.on(DAY)
    desk.open_case("H1")
    desk.visit("H1")
    desk.on(DAY + dt.timedelta(days=1))
    desk.visit("H1", HELPER, finding="not_met")
    found = desk.visits.list(COUNTY, "H1")
    assert found is not None
    assert [one.finding.value for one in found] == ["not_met", "no_difficulty"]
