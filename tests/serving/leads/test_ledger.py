"""The ledger: a lead is there once, one event is one fact, and the order of arrival changes nothing."""

from __future__ import annotations

import datetime as dt
import itertools
import threading
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select

from serving.access import Caller, Role, Scope
from serving.cases.card import make_card
from serving.cases.channel import Channel
from serving.cases.events import find_event_keys
from serving.cases.lead import Lead
from serving.cases.lead_code import LEAD_CODES, SWEEP_CHECKS
from serving.cases.state import CaseState
from serving.errors import Problem
from serving.storage import AuditLog
from serving.storage.audit_actions import Action
from serving.storage.case_notes import note_visit
from serving.storage.case_tables import case_file, case_lead
from serving.storage.leads import MOST_LEADS, Added, LeadFilter, LeadStore, TooManyLeadsError
from tests.serving.leads.conftest import DAY, FAR, NEXT_DOOR, PLATFORM, VILLAGE, a_lead, a_score, official

ON = dt.date(2026, 11, 1)
TRIED = settings(derandomize=True, database=None, deadline=None, max_examples=80)


def day(number: int) -> dt.date:
    return dt.date(2026, 9, 1) + dt.timedelta(days=number)


some_leads = st.lists(
    st.builds(
        lambda code, at, source: a_lead(
            code, source=source, occurred_on=day(at), known_on=day(at + 3),
            facts={"cause": "01"} if LEAD_CODES[code].cause is None else {},
        ),
        st.sampled_from(["serious_illness", "medical_self_paid", "grid_report", "severe_accident", "gap_water"]),
        st.integers(0, 40),
        st.sampled_from(["health", "medical_insurance"]),
    ),
    min_size=1,
    max_size=9,
    unique_by=lambda one: one.dedup_key,
)  # fmt: skip


@TRIED
@given(some_leads, st.integers(0, 10), st.randoms(use_true_random=False))
def test_events_are_those_of_a_plain_walk_in_any_order(told: list[Lead], within: int, rng: Any) -> None:
    found = find_event_keys(told, within)
    shuffled = [*told]
    rng.shuffle(shuffled)
    assert find_event_keys(shuffled, within) == found
    # The oracle: day by day and kind by kind, a report joins the event that began up to `within` days before.
    began: dict[str, int] = {}
    wanted: dict[str, tuple[str, int]] = {}
    for at in range(41):
        for one in told:
            if (one.occurred_on - day(0)).days == at:
                if one.kind not in began or at - began[one.kind] > within:
                    began[one.kind] = at
                wanted[one.dedup_key] = (one.kind, began[one.kind])
    for one, other in itertools.combinations(told, 2):
        same = wanted[one.dedup_key] == wanted[other.dedup_key]
        assert (found[one.dedup_key] == found[other.dedup_key]) is same


@TRIED
@given(some_leads, st.randoms(use_true_random=False))
def test_a_card_is_the_same_in_any_order(told: list[Lead], rng: Any) -> None:
    keys = find_event_keys(told, 7)
    card = make_card(told, keys)
    shuffled = [*told]
    rng.shuffle(shuffled)
    assert make_card(shuffled, keys) == card
    assert sorted(one.dedup_key for one in card.leads) == sorted(one.dedup_key for one in told)
    assert sum(card.themes.values()) == len({keys[one.dedup_key] for one in told})
    assert card.is_hard is any(one.is_hard for one in told)


def test_one_illness_told_by_three_is_one_event() -> None:
    told = [
        a_lead("serious_illness", source="health", occurred_on=day(0)),
        a_lead("medical_self_paid", source="medical_insurance", occurred_on=day(5)),
        a_lead("own_declaration", source="a1", occurred_on=day(7), facts={"cause": "01"}),
        a_lead("serious_illness", source="health", occurred_on=day(20)),
        a_lead("gap_water", source="a1", occurred_on=day(5)),
        a_score(),
    ]
    card = make_card(told, find_event_keys(told, 7))
    # Three reports of one illness, a later one, the water; a score is nothing that happened.
    assert dict(card.themes) == {"illness": 2, "other": 1}
    assert card.theme == "illness"
    assert card.causes == ("01", "99")
    assert card.channels == (Channel.DECLARATION, Channel.SWEEP, Channel.DEPARTMENT, Channel.SCORE)
    assert [len(one.leads) for one in card.events if one.theme == "illness" and one.kind == "illness"] == [
        3,
        1,
    ]
    assert (card.score_grade, card.is_hard) == ("high", True)


def test_a_sweep_has_a_code_for_each_guarantee() -> None:
    assert set(SWEEP_CHECKS) == {"food", "clothing", "housing", "schooling", "insurance", "water"}
    assert all(LEAD_CODES[f"gap_{one}"].is_hard for one in SWEEP_CHECKS)


def snapshot(engine: Engine) -> list[Any]:
    """What the ledger says, without the numbers that chance gives."""
    with engine.connect() as connection:
        cases = connection.execute(select(case_file).order_by(case_file.c.household_id)).all()
        rows = connection.execute(select(case_lead).order_by(case_lead.c.dedup_key)).all()
    names = ("household_id", "state", "grade", "theme", "is_hard", "disagreement", "causes")
    told = [tuple(str(getattr(one, name)) for name in names) for one in cases]
    whose = {one.id: one.household_id for one in cases}
    return [*told, *((one.dedup_key, one.event_key, whose[one.case_id]) for one in rows)]


def test_the_order_of_arrival_changes_nothing(leads: LeadStore, engine: Engine) -> None:
    told = [
        a_lead("serious_illness", occurred_on=day(0)),
        a_lead("medical_self_paid", source="medical_insurance", occurred_on=day(12)),
        a_lead("serious_illness", source="hotline", occurred_on=day(6)),
        a_score(facts={"disagreement": "score_only", "causes": ["07"]}),
        a_lead("gap_water", source="a1"),
        a_lead("wage_arrears", household="H2", source="human_resources"),
    ]
    seen = []
    for order in ([0, 1, 2, 3, 4, 5], [5, 4, 3, 2, 1, 0], [3, 1, 5, 0, 2, 4]):
        with leads.writer.begin() as connection:
            connection.execute(case_lead.delete())
            from serving.storage.case_tables import case_clock

            connection.execute(case_clock.delete())
            connection.execute(case_file.delete())
        for at in order:
            assert leads.add(PLATFORM, [told[at]], on=ON).new == 1
        seen.append(snapshot(engine))
    assert seen[0] == seen[1] == seen[2]
    assert len(seen[0]) == 2 + 6


def test_the_same_again_changes_nothing(leads: LeadStore, engine: Engine, audit: AuditLog) -> None:
    told = [a_lead(), a_lead("severe_accident", source="police"), a_lead(household="H2"), a_score("H3")]
    assert leads.add(PLATFORM, told, on=ON) == Added(4, 0, 3, 0)
    before = snapshot(engine)
    assert leads.add(PLATFORM, [*told, told[0]], on=ON) == Added(0, 5, 0, 0)
    assert snapshot(engine) == before
    more = a_lead("unsafe_house", source="housing")
    assert leads.add(PLATFORM, [*told, more, more], on=ON) == Added(1, 5, 0, 1)
    assert len(audit.search(household_id="H1", action=Action.LEAD_ADDED)) == 2
    assert audit.verify().faults == ()


def test_a_closed_case_is_not_opened_by_leads(leads: LeadStore, engine: Engine) -> None:
    leads.add(PLATFORM, [a_lead()], on=ON)
    with leads.writer.begin() as connection:
        connection.execute(
            case_file.update().values(closed_on=ON, state=CaseState.EXCLUDED.value, closed_as="duplicate")
        )
    assert leads.add(PLATFORM, [a_lead("gap_water", source="a1")], on=ON) == Added(1, 0, 1, 0)
    with engine.connect() as connection:
        found = connection.execute(select(case_file).order_by(case_file.c.closed_on)).all()
    assert {(one.state, tuple(one.causes)) for one in found} == {("excluded", ("01",)), ("found", ("99",))}


def test_only_leads_of_the_open_case_count(leads: LeadStore, engine: Engine) -> None:
    told = [a_lead(occurred_on=day(n)) for n in range(4)]
    # Scores are not sent by anybody.
    leads.add(PLATFORM, [*(a_score(occurred_on=day(n)) for n in range(4)), *told[:3]], on=ON, most_open=3)
    with pytest.raises(TooManyLeadsError) as refused:
        leads.add(PLATFORM, [told[3], a_lead(household="H2")], on=ON, most_open=3)
    assert refused.value.places == {("H1", VILLAGE)}
    # A run finds what it finds.
    assert leads.add(PLATFORM, [told[3]], on=ON) == Added(1, 0, 0, 1)
    with leads.writer.begin() as connection:
        connection.execute(
            case_file.update().values(closed_on=ON, state=CaseState.EXCLUDED.value, closed_as="duplicate")
        )
    later = [a_lead("gap_water", source="a1", occurred_on=day(n)) for n in range(3)]
    assert leads.add(PLATFORM, later, on=ON, most_open=3) == Added(3, 0, 1, 0)


def test_what_a_visit_found_is_left_alone(leads: LeadStore, engine: Engine) -> None:
    leads.add(PLATFORM, [a_score()], on=ON)
    with leads.writer.begin() as connection:
        connection.execute(case_file.update().values(state="helping", causes=["07"], theme="employment"))
    leads.add(PLATFORM, [a_lead("severe_accident", source="police")], on=ON)
    with engine.connect() as connection:
        (case,) = connection.execute(select(case_file)).all()
    assert (case.causes, case.theme, case.is_hard, case.version) == (["07"], "employment", 1, 2)


def test_a_gap_that_was_found_at_the_door_is_not_taken_back_by_a_soft_lead(
    leads: LeadStore, engine: Engine
) -> None:
    leads.add(PLATFORM, [a_score(facts={"grade": "medium"})], on=ON)
    with leads.writer.begin() as connection:
        # As a visit leaves it that found the water lacking and an illness.
        case = leads.cases.open_in(
            connection, household_id="H1", village_code=VILLAGE, opened_on=ON, grade=1, theme="illness",
            is_hard=True, disagreement=None, causes=["01"],
        )  # fmt: skip
        note_visit(connection, case.id, ON, leads.now())
    seen = case.causes
    leads.add(PLATFORM, [a_lead("grid_report", source="a1", facts={"cause": "07"})], on=ON)
    with engine.connect() as connection:
        (now,) = connection.execute(select(case_file)).all()
    assert (now.is_hard, now.grade, now.theme) == (1, 1, "illness")
    assert now.causes == list(dict.fromkeys((*seen, "07")))


def test_a_lead_that_comes_while_its_case_is_closed_opens_another(leads: LeadStore, engine: Engine) -> None:
    leads.add(PLATFORM, [a_lead("grid_report", source="a1", facts={"cause": "07"})], on=ON)
    with engine.connect() as connection:
        number, version = connection.execute(select(case_file.c.id, case_file.c.version)).one()
    town = Caller("p0123456789a", Role.TOWNSHIP_OFFICIAL, Scope(VILLAGE[:9]))
    late = threading.Thread(target=lambda: leads.add(PLATFORM, [a_lead("gap_water", source="a1")], on=ON))

    def meanwhile(*_: Any) -> None:
        # The case is closed, and not committed yet.
        late.start()
        late.join(0.5)

    leads.cases.move(town, town.key_id, number, version, "exclude", {"reason": "declined"}, meanwhile)
    late.join()
    with engine.connect() as connection:
        whose = connection.execute(
            select(case_file.c.state, case_file.c.is_hard, case_file.c.version)
            .join(case_lead)
            .order_by(case_lead.c.is_hard)
        ).all()
    assert [tuple(one) for one in whose] == [("excluded", 0, version + 1), ("found", 1, 1)]


def test_two_that_add_the_same_at_once_add_it_once(leads: LeadStore, engine: Engine) -> None:
    told = [a_lead(household=f"H{n}") for n in range(40)]
    made: list[Added] = []
    errors: list[Exception] = []

    def add() -> None:
        try:
            for start in range(0, 40, 10):
                made.append(leads.add(PLATFORM, told[start : start + 10], on=ON))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=add) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert errors == []
    assert (sum(one.new for one in made), sum(one.repeated for one in made)) == (40, 40)
    with engine.connect() as connection:
        counts = [
            connection.execute(select(func.count()).select_from(one)).scalar_one()
            for one in (case_file, case_lead)
        ]
    assert counts == [40, 40]


def test_nothing_is_kept_of_an_add_that_fails(leads: LeadStore, engine: Engine) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        leads.add(PLATFORM, [a_lead()], on=ON, finish=fail)
    assert snapshot(engine) == []
    with pytest.raises(ValueError, match="inside the caller's area"):
        leads.add(official("51"), [a_lead()], on=ON)
    with pytest.raises(ValueError, match="up to"):
        leads.add(PLATFORM, [a_lead(household=f"H{n}") for n in range(MOST_LEADS + 1)], on=ON)
    assert snapshot(engine) == []


def test_a_changed_log_lets_nothing_in(leads: LeadStore, engine: Engine) -> None:
    leads.add(PLATFORM, [a_lead()], on=ON)
    stranger = LeadStore(engine, AuditLog(engine, b"x" * 32), leads.cases)
    for doing in (
        lambda: stranger.add(PLATFORM, [a_lead(household="H9")], on=ON),
        lambda: stranger.leads_of(PLATFORM, household_id="H1"),
        lambda: stranger.page(PLATFORM, LeadFilter()),
    ):
        with pytest.raises(Problem, match="audit_failed"):
            doing()
    assert len(snapshot(engine)) == 2


def test_pages_hold_everything_inside_once(leads: LeadStore, audit: AuditLog) -> None:
    places = [VILLAGE, NEXT_DOOR, FAR]
    told = [
        a_lead(code, household=f"H{n}", village=places[n % 3], source=LEAD_CODES[code].department or "x",
               known_on=day(n % 5))
        for n in range(23)
        for code in ("serious_illness", "wage_arrears")
    ]  # fmt: skip
    told.append(a_score("H0", facts={"disagreement": "score_only"}))
    leads.add(PLATFORM, told, on=ON)

    def read(area: str, asked: LeadFilter) -> list[str]:
        found: list[str] = []
        after = None
        while True:
            page = leads.page(official(area), asked, limit=7, after=after)
            found += [one.lead.dedup_key for one in page.items]
            if page.after is None:
                return found
            last = page.items[-1]
            after = (last.lead.known_on, last.id)

    for area, asked, keep in (
        ("50", LeadFilter(), lambda one: one.village_code.startswith("50")),
        (FAR, LeadFilter(), lambda one: one.village_code == FAR),
        ("500999", LeadFilter(area=NEXT_DOOR), lambda one: one.village_code == NEXT_DOOR),
        ("51", LeadFilter(area=NEXT_DOOR), lambda one: False),
        (
            "50",
            LeadFilter(theme="illness"),
            lambda one: one.village_code[:2] == "50" and one.theme == "illness",
        ),
        ("50", LeadFilter(channel=Channel.SCORE), lambda one: one.channel is Channel.SCORE),
        ("50", LeadFilter(is_hard=False), lambda one: not one.is_hard),
        ("50", LeadFilter(since=day(3)), lambda one: one.village_code[:2] == "50" and one.known_on >= day(3)),
        ("50", LeadFilter(disagreement="score_only"), lambda one: one.household_id == "H0"),
    ):
        found = read(area, asked)
        assert Counter(found) == Counter(one.dedup_key for one in told if keep(one))
    assert leads.leads_of(official("51"), household_id="H0") == ()
    assert len(leads.leads_of(official("50"), household_id="H0")) == 3
    (case_id,) = {one.case_id for one in leads.leads_of(official("50"), household_id="H0")}
    assert len(leads.leads_of(official("50"), case_id=case_id)) == 3
    assert leads.leads_of(official("51"), case_id=case_id) == ()
    assert audit.verify().faults == ()
    assert day(40) < DAY
