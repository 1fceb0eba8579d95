"""Lists from a run: made, read, added to, explained; and leads of the run."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, select

from scoring.capacity import Capacity, Quota
from serving.cases.worklist import Why
from serving.errors import Problem, ServingError
from serving.leads.from_run import add_run_leads
from serving.storage import AssessmentStore, AuditLog, Run
from serving.storage.audit_actions import Action
from serving.storage.case_tables import case_file, case_lead, worklist_entry
from serving.storage.leads import LeadStore
from serving.storage.runs import get_run
from serving.storage.worklists import ADD_REASONS, WorklistStore
from serving.worklists.capacity import get_capacity
from serving.worklists.listing import ListingDesk
from serving.worklists.making import Made, make_worklists
from tests.serving.casework.county import silent_statement
from tests.serving.leads.conftest import FAR, NEXT_DOOR, PLATFORM, VILLAGE, a_body, a_lead, official
from tests.serving.leads.runs import MADE_ON, RUN, save_visit, terms

SIZE = 20
VILLAGES = (VILLAGE, NEXT_DOOR, "500999101201", "500998100201", FAR)


@pytest.fixture
def run(assessments: AssessmentStore) -> Run:
    """A run of 20 households a village: scores 0.00 … 0.19; the fourth with a threshold, the last two high."""
    for at, village in enumerate(VILLAGES):
        bodies = [
            a_body(
                f"H{at}-{n}", n / 100, "high" if n >= 18 else "low", ("medical_self_paid",) if n == 3 else ()
            )
            for n in range(SIZE)
        ]
        assessments.save(bodies, [village] * SIZE)
    return RUN


def make(engine: Engine, lists: WorklistStore, area: str, **more: Any) -> list[Made]:
    return make_worklists(engine, lists, PLATFORM, area, terms(**more))


def keys(engine: Engine, why: Why) -> set[str]:
    query = select(worklist_entry.c.household_id).where(worklist_entry.c.why == why)
    with engine.connect() as connection:
        return set(connection.execute(query).scalars())


def test_lists_are_cut_to_the_capacity_of_each_village(
    engine: Engine, lists: WorklistStore, run: Run, audit: AuditLog
) -> None:
    assert get_run(engine, "50", None, None) == run
    made = make(engine, lists, "50")
    # A province is made county by county: 15 % of 60 and of 20.
    assert [(one.area_code, one.households, one.visits) for one in made] == [
        ("500998", 20, 3),
        ("500999", 60, 9),
    ]
    assert keys(engine, Why.HARD) == {"H0-3", "H1-3", "H2-3", "H3-3"}
    assert keys(engine, Why.SCORE) == {f"H{at}-{n}" for at in range(4) for n in (18, 19)}
    assert len(keys(engine, Why.RANDOM)) == 1 + 2
    assert [one.is_new for one in make(engine, lists, "50")] == [False, False]
    assert len(audit.search(action=Action.WORKLIST_MADE)) == 2
    with pytest.raises(ServingError, match="no such run"):
        get_run(engine, "52", None, None)


def test_lists_are_made_where_nothing_is_known_and_refused_where_nobody_is(
    engine: Engine, lists: WorklistStore, run: Run, assessments: AssessmentStore
) -> None:
    village = "500997100201"
    assessments.save([silent_statement("Q", run.as_of_date)], [village])
    assert [one.households for one in make(engine, lists, village[:6])] == [1]
    with pytest.raises(ServingError, match="no household of the area, with a score or without"):
        make(engine, lists, "500996")


def test_a_dry_run_keeps_nothing_and_says_what_would_be(
    engine: Engine, lists: WorklistStore, run: Run
) -> None:
    (dry,) = make_worklists(engine, lists, PLATFORM, "500999", terms(), is_dry=True)
    assert lists.page(PLATFORM, "500999") is None
    (made,) = make(engine, lists, "500999")
    assert dry.as_json() == made.as_json()
    assert "H0-" not in str(made.as_json())
    again = make_worklists(engine, lists, PLATFORM, "500999", terms(), is_dry=True)
    assert again[0].is_new is False


def test_what_always_surfaces_is_listed_above_capacity_and_that_is_said(
    engine: Engine, lists: WorklistStore, leads: LeadStore, run: Run
) -> None:
    told = [a_lead("gap_water", f"H0-{n}", source="a1") for n in range(5)]
    # Somebody whom the run does not know: a gap surfaces all the same.
    told.append(a_lead("gap_food", "H-NEW", source="a1"))
    leads.add(PLATFORM, told, on=MADE_ON)
    (made,) = make(engine, lists, "500999")
    (own,) = [one for one in made.as_json()["lists"] if one["village_code"] == VILLAGE]
    assert (own["visits"], own["above_capacity"], own["border"]) == (3, 3, None)
    page = lists.page(official(VILLAGE), VILLAGE)
    assert page is not None
    hard = [one for one in page.items if one.entry.why is Why.HARD]
    assert [one.entry.household_id for one in hard] == ["H0-4", "H0-3", "H0-2", "H0-1", "H0-0", "H-NEW"]
    assert [one.entry.place for one in hard] == [1, 2, 3, 4, 5, 6]
    assert hard[0].case_state == "found"
    assert hard[-1].entry.score is None
    assert not [one for one in page.items if one.entry.why is Why.SCORE]


def test_who_was_visited_lately_or_is_further_on_is_left_out(
    engine: Engine, lists: WorklistStore, leads: LeadStore, run: Run
) -> None:
    save_visit(engine, "H0-19", VILLAGE, MADE_ON - dt.timedelta(days=89))
    save_visit(engine, "H1-19", NEXT_DOOR, MADE_ON - dt.timedelta(days=90))
    save_visit(engine, "H2-19", "500999101201", MADE_ON - dt.timedelta(days=3), finding="not_met")
    # Of the threshold that was known on 15 October somebody was told at the door; of the other nobody was.
    save_visit(engine, "H0-3", VILLAGE, dt.date(2026, 10, 16))
    save_visit(engine, "H1-3", NEXT_DOOR, dt.date(2026, 10, 14))
    leads.add(PLATFORM, [a_lead("gap_water", "H0-18", source="a1")], on=MADE_ON)
    with engine.begin() as connection:
        connection.execute(case_file.update().values(state="helping"))
    (made,) = make(engine, lists, "500999", random_share=0.0)
    assert keys(engine, Why.HARD) == {"H1-3", "H2-3"}
    assert keys(engine, Why.SCORE) == {"H0-17", "H0-16", "H0-15", "H1-19", "H1-18", "H2-19", "H2-18"}
    (own,) = [one for one in made.as_json()["lists"] if one["village_code"] == VILLAGE]
    assert own["left_out"] == {"visited_lately": 2, "case_further_on": 1}


def test_one_lot_a_month(engine: Engine, lists: WorklistStore, run: Run) -> None:
    first = make(engine, lists, "500999100")
    second = make(engine, lists, "500999", made_on=dt.date(2026, 11, 30))
    third = make(engine, lists, "500999", made_on=dt.date(2026, 12, 1))
    assert [one[0].lists.count(Why.RANDOM) for one in (first, second, third) if one[0].lists] == [1, 0, 2]


def pages_of(lists: WorklistStore, caller: Any, area: str, **more: Any) -> list[Any]:
    found: list[Any] = []
    after: tuple[str, int, str] | None = None
    while True:
        page = lists.page(caller, area, limit=3, after=after, **more)
        assert page is not None
        found += page.items
        if page.after is None:
            assert len(found) == page.total
            return found
        last = page.items[-1].entry
        after = (last.village_code, last.place, last.household_id)


def test_pages_hold_every_entry_inside_once(engine: Engine, lists: WorklistStore, run: Run) -> None:
    make(engine, lists, "50")
    make(engine, lists, "51")
    with engine.connect() as connection:
        every = connection.execute(select(worklist_entry)).all()
    for caller, area in (
        (PLATFORM, "50"), (PLATFORM, "51"), (PLATFORM, "5009"), (official("500999"), "500999"), (official("50"), VILLAGE),
        (official(VILLAGE), VILLAGE),
    ):  # fmt: skip
        found = pages_of(lists, caller, area)
        wanted = {(one.village_code, one.place) for one in every if one.village_code.startswith(area)}
        places = [(one.entry.village_code, one.entry.place) for one in found]
        assert places == sorted(wanted)
    assert {one.entry.why for one in pages_of(lists, PLATFORM, "50", why=Why.RANDOM)} == {Why.RANDOM}
    for caller, area in ((official("500998"), "500999"), (official(VILLAGE), "500999"), (PLATFORM, "52")):
        assert lists.page(caller, area) is None


def test_the_newest_of_lists_that_overlap_is_in_force(engine: Engine, lists: WorklistStore, run: Run) -> None:
    make(engine, lists, "500999")
    make(engine, lists, "500999100", made_on=dt.date(2026, 11, 2))
    shown = lists.page(PLATFORM, VILLAGE)
    assert shown is not None
    assert [one.area_code for one in shown.worklists] == ["500999100"]
    earlier = lists.page(PLATFORM, VILLAGE, made_on=MADE_ON)
    assert earlier is not None
    assert [one.area_code for one in earlier.worklists] == ["500999"]
    make(engine, lists, "500999", made_on=dt.date(2026, 11, 3))
    shown = lists.page(PLATFORM, "500999")
    assert shown is not None
    assert [(one.area_code, one.made_on.day) for one in shown.worklists] == [("500999", 3)]


def test_adding_by_hand(engine: Engine, lists: WorklistStore, run: Run, audit: AuditLog) -> None:
    with pytest.raises(Problem, match="worklist_not_found"):
        lists.add_by_hand(PLATFORM, VILLAGE, "H0-0", ADD_REASONS[0])
    make(engine, lists, "500999", random_share=0.0)
    added = lists.add_by_hand(official(VILLAGE), VILLAGE, "H0-0", ADD_REASONS[0])
    assert added is not None
    assert (added.entry.why, added.entry.place, added.reason) == (Why.ADDED, 4, ADD_REASONS[0])
    again = lists.add_by_hand(official("500999"), "500999", "H0-0", ADD_REASONS[1])
    assert again == added
    listed = lists.add_by_hand(PLATFORM, VILLAGE, "H0-19", ADD_REASONS[1])
    assert listed is not None
    assert (listed.entry.why, listed.added_by) == (Why.SCORE, None)
    for caller, area, household in (
        (official("51"), "51", "H0-0"),
        (PLATFORM, NEXT_DOOR, "H0-0"),
        (PLATFORM, VILLAGE, "H-NO"),
    ):
        assert lists.add_by_hand(caller, area, household, ADD_REASONS[0]) is None
    with pytest.raises(ValueError, match="reason"):
        lists.add_by_hand(PLATFORM, VILLAGE, "H0-1", "because")
    assert len(audit.search(household_id="H0-0", action=Action.WORKLIST_ADDED)) == 4
    assert audit.verify().faults == ()


def test_why_a_household_is_listed_or_not(
    engine: Engine, lists: WorklistStore, assessments: AssessmentStore, audit: AuditLog, run: Run
) -> None:
    desk = ListingDesk(engine, audit)

    def why(household: str, caller: Any = PLATFORM) -> str | None:
        found = desk.find(caller, household)
        return found.why if found else None

    assert why("H0-0") == "no_list"
    save_visit(engine, "H0-17", VILLAGE, MADE_ON - dt.timedelta(days=10))
    # Two as good as the last place, which one of them got.
    assessments.save([a_body("H0-tie", 0.18, "high"), a_body("H0-tie2", 0.18, "high")], [VILLAGE] * 2)
    make(engine, lists, "500999", random_share=0.0)
    lists.add_by_hand(PLATFORM, VILLAGE, "H0-1", ADD_REASONS[0])
    told = {name: why(name) for name in ("H0-3", "H0-19", "H0-1", "H0-17", "H0-5")}
    assert told == {
        "H0-3": "listed_hard", "H0-19": "listed_score", "H0-1": "listed_added", "H0-17": "visited_lately",
        "H0-5": "below_border",
    }  # fmt: skip
    assert sorted(str(why(name)) for name in ("H0-18", "H0-tie", "H0-tie2")) == [
        "listed_score",
        "tied",
        "tied",
    ]
    found = desk.find(PLATFORM, "H0-5")
    assert found is not None
    assert (found.rank, found.households, found.visits, found.border) == (17, 22, 3, 0.18)
    assert found.log_odds_to_border == pytest.approx(math.log(0.18 / 0.82) - math.log(0.05 / 0.95))
    assert found.distance == "far"
    assert desk.find(PLATFORM, "H0-3").hits == ("medical_self_paid",)  # type: ignore[union-attr]
    assert (why("H0-5", official("51")), why("H-NOBODY")) == (None, None)
    assert audit.search(household_id="H-NOBODY")[0].outcome == "not_found"


def test_a_run_becomes_leads_once(engine: Engine, leads: LeadStore, run: Run) -> None:
    made = add_run_leads(engine, leads, PLATFORM, run, on=MADE_ON)
    # Of each village three households ask for a visit: one threshold, two high scores.
    assert (made.households, made.added.new, made.added.cases_opened, made.left_out) == (15, 15, 15, 0)
    again = add_run_leads(engine, leads, PLATFORM, run, on=MADE_ON)
    assert (again.added.new, again.added.repeated) == (0, 15)
    with engine.connect() as connection:
        rows = connection.execute(select(case_lead).where(case_lead.c.household_id == "H0-3")).all()
    (row,) = rows
    # When its latest record occurred and was known, and not when it was scored.
    assert (row.code, row.source, row.channel) == ("medical_self_paid", "medical_insurance", "department")
    assert (row.occurred_on, row.known_on, row.is_hard) == (dt.date(2026, 10, 10), dt.date(2026, 10, 15), 1)
    assert row.facts == {
        "feature": "illness_self_paid_yuan_12m", "value": 2.0, "level": 1.0, "is_assumption": False, "disagreement": None,
    }  # fmt: skip


def test_a_run_that_is_broken_off_goes_on(
    engine: Engine, leads: LeadStore, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.leads.from_run.CHUNK", 4)
    adds: list[int] = []
    real: Callable[..., Any] = leads.add

    def failing(*args: Any, **more: Any) -> Any:
        adds.append(1)
        if len(adds) == 3:
            raise RuntimeError("killed")
        return real(*args, **more)

    monkeypatch.setattr(leads, "add", failing)
    with pytest.raises(RuntimeError):
        add_run_leads(engine, leads, PLATFORM, run, on=MADE_ON)
    made = add_run_leads(engine, leads, PLATFORM, run, on=MADE_ON)
    assert (made.added.new, made.added.repeated) == (7, 8)


def test_disagreement_is_queued_and_a_visited_score_is_no_lead(
    engine: Engine, leads: LeadStore, assessments: AssessmentStore
) -> None:
    bodies = [
        a_body("RULE", 0.01, "low", ("severe_accident",), disagreement="rule_only"),
        a_body("SCORE", 0.9, "high", disagreement="score_only"),
        a_body("SEEN", 0.9, "high", disagreement="score_only"),
        a_body("SEEN-HIT", 0.9, "high", ("loan_overdue", "a_later_trigger")),
    ]
    assessments.save(bodies, [VILLAGE] * 4)
    for one in ("SEEN", "SEEN-HIT"):
        save_visit(engine, one, VILLAGE, MADE_ON - dt.timedelta(days=30))
    made = add_run_leads(engine, leads, PLATFORM, RUN, on=MADE_ON)
    assert (made.added.new, made.left_out) == (3, 2)
    with engine.connect() as connection:
        found = {one.household_id: one for one in connection.execute(select(case_file))}
    assert {name: one.disagreement for name, one in found.items()} == {
        "RULE": "rule_only", "SCORE": "score_only", "SEEN-HIT": None,
    }  # fmt: skip
    # A threshold always surfaces, however low the score.
    assert (found["RULE"].is_hard, found["SCORE"].is_hard) == (1, 0)


def test_capacity_is_the_operators_or_the_models(tmp_path: Any) -> None:
    assert get_capacity("m", 0.02, []) == Capacity(Quota(share=0.02), "village")
    with pytest.raises(ServingError, match="--bundle"):
        get_capacity("m", None, [tmp_path])
    for wrong in (0.0, 1.0, -1.0, math.nan):
        with pytest.raises(ServingError, match="--share"):
            get_capacity("m", wrong, [])
