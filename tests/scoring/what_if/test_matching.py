"""Whether a plan answers the causes, and whether labour gets work."""

from __future__ import annotations

import datetime as dt

import pytest

from features import CONTRACTS
from features.policy import policy_value
from features.policy.measures import groups, measures
from features.signals import complete
from scoring.what_if import Choice, make_answer, make_plan
from scoring.what_if.matching import OWN_ROWS, find_labour, match_measures
from tests.scoring.what_if.cases import AS_OF, COVERAGE, REGION, WUSHAN, member, registered, row
from tests.scoring.what_if.conftest import Ask

CAUSES = tuple(policy_value("measure_match", REGION, AS_OF).value["causes"])


@pytest.mark.parametrize(
    ("cause", "code", "is_matched"),
    [
        ("01", "reimbursement", True),
        ("01", "dibao", True),
        ("01", "donation", True),
        ("01", "yulu", False),
        ("01", "job", False),
        ("09", "term_allowance", True),
        ("09", "yulu", True),
        ("09", "reimbursement", False),
        ("unsafe_water", "water_supply", True),
        ("unsafe_water", "house_repair", False),
        ("unsafe_house", "house_repair", True),
        ("07", "public_welfare_post", True),
        ("06", "contract_farming", True),
    ],
)
def test_a_measure_answers_a_cause(cause: str, code: str, is_matched: bool) -> None:
    made = match_measures([measures()[code]], [cause], False, AS_OF, REGION)
    (found,) = made.causes
    assert found.measures == ((code,) if is_matched else ())
    assert made.unmatched == (() if is_matched else (code,))
    assert measures()[code].group in found.groups or not is_matched


@pytest.mark.parametrize(
    ("has_labour", "codes", "state"),
    [
        (True, ["dibao"], "missing"),
        (True, [], "missing"),
        (True, ["job"], "met"),
        (True, ["production_grant"], "met"),
        (True, ["public_welfare_post"], "met"),
        (False, ["dibao"], "without_labour"),
        (None, ["job"], "unknown"),
    ],
)
def test_labour_gets_a_measure_of_production_or_work(
    has_labour: bool | None, codes: list[str], state: str
) -> None:
    plan = make_plan(map(Choice, codes), AS_OF, REGION)
    planned = [one.measure for one in plan.measures]
    made = match_measures(planned, ["01"], has_labour, AS_OF, REGION)
    assert made.labour.state == state
    assert made.labour.groups == ("industry", "employment", "public_post")
    # Work answers labour, if no cause.
    assert ("job" in made.unmatched) == (has_labour is None)


@pytest.mark.parametrize(
    ("labours", "has_labour"),
    [(["ordinary"], True), (["none", "weak"], True), (["skilled", "none"], True), (["none", "none"], False)],
)
def test_who_can_work(labours: list[str], has_labour: bool) -> None:
    rows = registered(*(member(number, labour) for number, labour in enumerate(labours)))
    assert find_labour(rows, AS_OF, COVERAGE, REGION) is has_labour
    silent = complete([one for one in CONTRACTS if one != "member"], "50", dt.date(2020, 1, 1), AS_OF)
    assert find_labour(rows, AS_OF, silent, REGION) is None


def test_rule_hits_are_causes_too(ask: Ask) -> None:
    state = {"occurred_on": "2020-01-01", "known_on": "2020-01-01", "ended_on": None, "ended_known_on": None}
    rows = WUSHAN.rows | {
        "water": [row("water", supply="cut", **state)],
        "housing": [row("housing", grade="D", **state)],
        "schooling": [
            row(
                "schooling", member_id="M3", stage="compulsory", cost_yuan=0, aid_yuan=0, is_dropped_out=True,
                occurred_on="2025-03-01", known_on="2025-03-10",
            )
        ],
    }  # fmt: skip
    made = ask(rows, [Choice("water_supply")])
    found = {one.cause: one.measures for one in made.matching.causes}
    # 52,000 of self-paid cost reach 医保's level; one pupil dropped out.
    assert {"01", "09", *OWN_ROWS} <= set(found)
    assert found["unsafe_water"] == ("water_supply",)
    assert found["unsafe_house"] == found["09"] == ()
    answer = make_answer(made)["matching"]
    texts = {one["cause"]: one["text"]["zh"] for one in answer["causes"]}
    assert texts["unsafe_water"] == "因饮水安全：已有对应措施（恢复安全供水）。"
    assert (
        texts["unsafe_house"] == "因住房安全：没有对应措施，可从这些类别里找：住房安全。这一对应关系为假定。"
    )
    assert texts["09"] == "因学：没有对应措施，可从这些类别里找：义务教育保障、其他教育帮扶。"


def test_every_cause_has_a_group_that_has_a_measure() -> None:
    rule = policy_value("measure_match", REGION, AS_OF).value
    filled = {one.group for one in measures().values()}
    assert filled == set(groups())
    assert all(rule["causes"][cause]["groups"] for cause in CAUSES)
