"""Plans: what is planned, what arrived, and what is wrong with it, shown and never forbidden."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.policy import policy_value
from features.policy.measures import get_measure, groups, measures
from scoring.what_if import make_plan
from serving.cases.case import Case
from serving.cases.plan import (
    DeliveredHelp,
    PlannedHelp,
    department_of,
    plan_problems,
    what_if_choices,
    what_if_measures,
)
from serving.cases.plan_form import read_delivery, read_measure
from serving.cases.state import CaseState
from serving.errors import Problem
from tests.serving.casework.county import (
    CADRE,
    COUNTY,
    HELPER,
    NEIGHBOUR,
    TOWN,
    VILLAGE,
    CountyOffice,
)

REGION = "CN-50"
DAY = dt.date(2026, 3, 20)
AT = dt.datetime(2026, 3, 20, 2, tzinfo=dt.UTC)


def a_case(**more: Any) -> Case:
    made = Case(
        id="c", household_id="H1", village_code=VILLAGE, state=CaseState.HELPING, version=5,
        practice="default", opened_on=dt.date(2026, 3, 2), entered_on=DAY, grade=1, theme="illness",
        is_hard=False, disagreement=None, causes=("01",), owner="village_official", changed_at=AT,
        identified_on=dt.date(2026, 3, 10),
    )  # fmt: skip
    return replace(made, **more)


def help_of(code: str, **more: Any) -> PlannedHelp:
    entry = get_measure(code)
    made = PlannedHelp(
        id=code, case_id="c", measure=code, cause="01", department="x",
        amount_fen=None if entry.paid == "in_kind" else 10_000, persons=1, starts_on=DAY,
        due_on=dt.date(2026, 6, 19), planner="p1", planned_at=AT,
    )  # fmt: skip
    return replace(made, **more)


def arrived(day: dt.date = DAY, fen: int | None = 10_000) -> DeliveredHelp:
    return DeliveredHelp(f"d{day}{fen}", day, fen, "p1", AT)


def codes(case: Case, plan: list[PlannedHelp], on: dt.date) -> list[tuple[str, str, str | None]]:
    return [(one.code, one.severity, one.measure_id) for one in plan_problems(case, plan, on)]


def test_every_group_has_its_department() -> None:
    for group in groups():
        department = department_of(group, REGION, DAY)
        assert department.zh
        assert department.is_assumption


@pytest.mark.parametrize(
    ("on", "plan", "wanted"),
    [
        # One month after 10 March is 10 April: that day is still in time.
        (dt.date(2026, 4, 10), [], None),
        (dt.date(2026, 4, 11), [], "no_measure"),
        (dt.date(2026, 4, 11), ["planned"], "nothing_delivered"),
        (dt.date(2026, 4, 11), ["delivered"], None),
    ],
)
def test_a_month_without_a_measure_is_an_error(on: dt.date, plan: list[str], wanted: str | None) -> None:
    help_given = [
        help_of("reimbursement", deliveries=(arrived(),) if one == "delivered" else ()) for one in plan
    ]
    errors = [code for code, severity, _ in codes(a_case(), help_given, on) if severity == "error"]
    assert errors == ([wanted] if wanted else [])
    # Nobody is late before the county identified the household, or once the case is closed.
    for case in (a_case(identified_on=None), a_case(state=CaseState.RESOLVED)):
        assert [one for one in codes(case, help_given, on) if one[1] == "error"] == []


def test_reasons_and_measures_are_held_against_each_other() -> None:
    rule = policy_value("measure_match", REGION, DAY).value["causes"]
    for code, entry in measures().items():
        for cause in ("01", "09", "unsafe_water"):
            case = a_case(causes=(cause,), is_without_labour=True, identified_on=None)
            found = {one for one, _, _ in codes(case, [help_of(code)], DAY)}
            answers = entry.group in rule[cause]["groups"]
            assert ("measure_without_cause" in found) == (not answers)
            assert ("cause_without_measure" in found) == (not answers)


def test_labour_without_work_is_shown() -> None:
    case = a_case(identified_on=None)
    assert "labour_without_work" in [one for one, _, _ in codes(case, [help_of("dibao")], DAY)]
    work = [help_of("dibao"), help_of("job", cause="07")]
    assert "labour_without_work" not in [one for one, _, _ in codes(case, work, DAY)]
    idle = a_case(identified_on=None, is_without_labour=True)
    assert "labour_without_work" not in [one for one, _, _ in codes(idle, [help_of("dibao")], DAY)]


def test_what_excludes_each_other_and_what_is_overdue_is_shown() -> None:
    case = a_case(identified_on=None)
    both = [help_of("dibao"), help_of("tekun")]
    assert ("exclusive_measures", "notice", "tekun") in codes(case, both, DAY)
    after = [help_of("dibao", ended_on=dt.date(2026, 4, 1)), help_of("tekun", starts_on=dt.date(2026, 4, 2))]
    assert "exclusive_measures" not in [one for one, _, _ in codes(case, after, DAY)]
    late = [help_of("reimbursement", due_on=dt.date(2026, 3, 31))]
    assert ("measure_overdue", "error", "reimbursement") in codes(case, late, dt.date(2026, 4, 1))
    assert "measure_overdue" not in [one for one, _, _ in codes(case, late, dt.date(2026, 3, 31))]


@settings(max_examples=80, derandomize=True, deadline=None)
@given(
    st.integers(1, 500_000),
    st.integers(1, 4),
    st.integers(0, 11),
    st.lists(st.integers(1, 600_000), max_size=6),
)
def test_a_plan_knows_what_it_comes_to(fen: int, persons: int, months: int, given_fen: list[int]) -> None:
    last = dt.date(2026 + (2 + months) // 12, (2 + months) % 12 + 1, 20)
    one = help_of(
        "dibao", amount_fen=fen, persons=persons, due_on=last,
        deliveries=tuple(arrived(fen=each) for each in given_fen),
    )  # fmt: skip
    planned = fen * persons * (months + 1)
    assert one.planned_fen(REGION) == planned
    assert one.excess_fen(REGION) == max(0, sum(given_fen) - planned)


plans = st.lists(
    st.builds(
        lambda code, start, length, persons, is_given, ended: help_of(
            code,
            starts_on=DAY + dt.timedelta(days=start),
            due_on=DAY + dt.timedelta(days=start + length),
            persons=persons if get_measure(code).per == "person" else 1,
            deliveries=(arrived(),) if is_given else (),
            ended_on=DAY + dt.timedelta(days=start) if ended else None,
        ),
        st.sampled_from(sorted(set(measures()) - {"tekun"})), st.integers(-200, 400), st.integers(0, 300),
        st.integers(1, 5), st.booleans(), st.booleans(),
    ),
    max_size=6,
)  # fmt: skip


def test_what_arrived_after_the_day_is_still_to_come_on_it() -> None:
    one = help_of(
        "temporary_relief", starts_on=DAY, due_on=DAY + dt.timedelta(days=60), deliveries=(arrived(),)
    )
    (delivery,) = one.deliveries
    on, before = delivery.delivered_on, delivery.delivered_on - dt.timedelta(days=1)
    assert [one.code for one in what_if_choices([one], before, REGION)] == ["temporary_relief"]
    assert what_if_choices([one], on, REGION) == []


@settings(max_examples=80, derandomize=True, deadline=None)
@given(plans)
def test_the_what_if_takes_every_plan(plan: list[PlannedHelp]) -> None:
    made = make_plan(what_if_choices(plan, DAY, REGION), DAY, REGION)
    told = what_if_measures(plan, DAY, REGION)
    assert sorted(one["code"] for one in told) == sorted(one.measure.code for one in made.measures)
    ahead = {
        one.measure
        for one in plan
        if one.until > DAY and not (one.entry.paid in {"once", "in_kind"} and one.deliveries)
        and one.starts_on <= dt.date(2027, 3, 20)
        and one.entry.find_entry(REGION, max(one.starts_on, DAY + dt.timedelta(days=1)))
    }  # fmt: skip
    assert {one["code"] for one in told} == ahead


def read(**parts: Any) -> Any:
    given = {"measure": "dibao", "cause": "01", "starts_on": "2026-04-01", "due_on": "2026-12-31", **parts}
    return read_measure({name: one for name, one in given.items() if one is not None}, DAY, REGION)


@pytest.mark.parametrize(
    ("parts", "wanted"),
    [
        ({"measure": "gold"}, [("/measure", "unknown_category")]),
        ({"cause": "08"}, [("/cause", "unknown_category")]),
        ({"due_on": "2026-03-31"}, [("/due_on", "out_of_range")]),
        ({"due_on": "2027-04-02"}, [("/due_on", "out_of_range")]),
        ({"amount_yuan": 0}, [("/amount_yuan", "out_of_range")]),
        ({"amount_yuan": 10**7}, [("/amount_yuan", "out_of_range")]),
        ({"amount_yuan": "490"}, [("/amount_yuan", "wrong_type")]),
        ({"measure": "water_supply", "amount_yuan": 5}, [("/amount_yuan", "not_taken")]),
        ({"persons": 2}, [("/persons", "not_taken")]),
        ({"to": "张三"}, [("", "unknown_field")]),
        ({"starts_on": "2028-01-01", "due_on": "2028-02-01"}, [("/starts_on", "out_of_range")]),
    ],
)
def test_what_cannot_be_planned(parts: dict[str, Any], wanted: list[tuple[str, str]]) -> None:
    if parts.get("persons") and get_measure("dibao").per == "person":
        parts = {**parts, "measure": "reimbursement"}
    with pytest.raises(Problem) as refused:
        read(**parts)
    assert [(one.pointer, one.code) for one in refused.value.errors] == wanted
    assert "张三" not in str(refused.value.body())


def test_an_amount_left_out_is_the_catalogues() -> None:
    entry = get_measure("dibao").find_entry(REGION, dt.date(2026, 4, 1))
    assert entry is not None
    assert entry.value_yuan is not None
    assert read().amount_fen == entry.value_yuan * 100


def a_plan(office: CountyOffice, **parts: Any) -> tuple[Case, PlannedHelp]:
    office.on(DAY)
    case = office.open_case("H1")
    said = {"measure": "reimbursement", "amount_yuan": 1000, "due_on": "2026-05-01", **parts}
    planned = office.plans.add(CADRE, CADRE.key_id, case.id, read(**said))
    assert planned is not None
    return case, planned[0]


def delivery(office: CountyOffice, planned: PlannedHelp, key: str, **parts: Any) -> Any:
    given = {"submission_key": f"delivery-{key:>010}", "delivered_on": str(office.cases.today), **parts}
    return read_delivery(given, planned.entry, office.cases.today)


def test_the_ledger_is_written_once_and_never_beyond_the_plan_unsaid(office: CountyOffice) -> None:
    case, planned = a_plan(office)
    again = office.plans.add(CADRE, CADRE.key_id, case.id, read(
        measure="reimbursement", amount_yuan=1000, due_on="2026-05-01"
    ))  # fmt: skip
    assert again == (planned, False)
    office.on(dt.date(2026, 4, 20))
    form = delivery(office, planned, "1", amount_yuan=600)
    for is_new in (True, False):
        done = office.plans.deliver(HELPER, HELPER.key_id, case.id, planned.id, form)
        assert done is not None
        assert (done[1], done[0].delivered_fen) == (is_new, 60_000)
    with pytest.raises(Problem) as refused:
        office.plans.deliver(
            HELPER, HELPER.key_id, case.id, planned.id, delivery(office, planned, "1", amount_yuan=601)
        )
    assert refused.value.code == "submission_key_reused"
    with pytest.raises(Problem) as refused:
        office.plans.deliver(
            HELPER, HELPER.key_id, case.id, planned.id, delivery(office, planned, "2", amount_yuan=400.01)
        )
    assert [one.code for one in refused.value.errors] == ["more_than_planned"]
    said = delivery(office, planned, "2", amount_yuan=500, is_above_plan=True)
    done = office.plans.deliver(HELPER, HELPER.key_id, case.id, planned.id, said)
    assert done is not None
    plan = office.plans.find(TOWN, case.id)
    assert plan is not None
    assert [one.excess_fen(REGION) for one in plan.measures] == [10_000]
    problems = plan_problems(plan.case, plan.measures, office.cases.today)
    assert "more_than_planned" in [one.code for one in problems]
    assert office.actions().count("help_delivered") == 2
    # What is answered again is read again: a measure, a delivery, and the plan itself.
    assert office.actions().count("household_read") == 3
    assert office.actions().count("plan_changed") == 1


def test_a_plan_and_a_ledger_have_an_end(desk: CountyOffice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.storage.plans.MOST_MEASURES", 2)
    monkeypatch.setattr("serving.storage.plans.MOST_DELIVERIES", 2)
    desk.on(DAY)
    case = desk.open_case("H1")
    planned = {"measure": "reimbursement", "cause": "01", "starts_on": str(DAY), "due_on": str(DAY)}

    def plan(yuan: int) -> Any:
        form = read_measure({**planned, "amount_yuan": yuan}, DAY, REGION)
        return desk.plans.add(CADRE, CADRE.key_id, case.id, form)

    first, _ = plan(1000)
    plan(1001)
    with pytest.raises(Problem) as refused:
        plan(1002)
    assert [(one.pointer, one.code) for one in refused.value.errors] == [("/measure", "too_many")]
    # What is there is answered all the same.
    assert plan(1001)[1] is False
    arrivals = [
        read_delivery(
            {"submission_key": f"arrival-{at:09}", "delivered_on": str(DAY), "amount_yuan": 1},
            first.entry,
            DAY,
        )
        for at in range(3)
    ]
    for one in arrivals[:2]:
        desk.plans.deliver(CADRE, CADRE.key_id, case.id, first.id, one)
    with pytest.raises(Problem) as refused:
        desk.plans.deliver(CADRE, CADRE.key_id, case.id, first.id, arrivals[2])
    assert [(one.pointer, one.code) for one in refused.value.errors] == [("/delivered_on", "too_many")]
    again = desk.plans.deliver(CADRE, CADRE.key_id, case.id, first.id, arrivals[1])
    assert again is not None
    assert again[1] is False


def test_plans_of_elsewhere_are_nowhere(office: CountyOffice) -> None:
    case, planned = a_plan(office)
    form = delivery(office, planned, "1", amount_yuan=600)
    assert office.plans.find(NEIGHBOUR, case.id) is None
    assert office.plans.add(NEIGHBOUR, "p9", case.id, read()) is None
    assert office.plans.end(NEIGHBOUR, case.id, planned.id, planned.due_on) is None
    assert office.plans.deliver(NEIGHBOUR, "p9", case.id, planned.id, form) is None
    other = office.open_case("H2")
    assert office.plans.deliver(CADRE, "p9", other.id, planned.id, form) is None
    assert office.plans.find(CADRE, "0" * 32) is None
    found = office.plans.find(COUNTY, case.id)
    assert found is not None
    assert [one.delivered_fen for one in found.measures] == [0]


def test_a_measure_is_ended_within_its_time_and_a_closed_case_is_left_alone(desk: CountyOffice) -> None:
    case, planned = a_plan(desk)
    for day in (planned.starts_on - dt.timedelta(days=1), planned.due_on + dt.timedelta(days=1)):
        with pytest.raises(Problem) as refused:
            desk.plans.end(CADRE, case.id, planned.id, day)
        assert [one.code for one in refused.value.errors] == ["out_of_range"]
    ended = desk.plans.end(CADRE, case.id, planned.id, planned.starts_on)
    assert ended is not None
    assert ended.until == planned.starts_on
    desk.move(desk.case(case.id), TOWN, "exclude", reason="moved_away")
    with pytest.raises(Problem) as refused:
        desk.plans.add(CADRE, CADRE.key_id, case.id, read())
    assert refused.value.code == "case_closed"
