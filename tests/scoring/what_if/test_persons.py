"""A plan for more persons than the household has of those it is for is refused."""

from __future__ import annotations

import datetime as dt

import pytest

from features.policy.measures import measures
from scoring.what_if import Choice, PlanError, make_plan
from scoring.what_if.persons import check_persons
from tests.scoring.what_if.cases import AS_OF, COVERAGE, REGION, WUSHAN, Rows, member, registered
from tests.scoring.what_if.conftest import Ask

FAMILY = registered(
    member(1, school="none", disability_grade=0),
    member(2, "weak", school="none", disability_grade=3),
    member(3, "none", "1950-01-01", school="none", disability_grade=1),
    member(4, "none", "2008-01-01", school="vocational", disability_grade=0),
    member(5, "none", "2008-01-01", school="high_school", disability_grade=0),
    member(6, "none", "2015-01-01", school="compulsory", disability_grade=0),
)


def refused(rows: Rows, *choices: Choice) -> list[int]:
    """Which choices are for too many persons."""
    plan = make_plan(choices, AS_OF, REGION)
    try:
        check_persons(rows, plan, AS_OF, COVERAGE)
    except PlanError as error:
        return [one.number for one in error.faults if (one.part, one.code) == ("persons", "too_many_persons")]
    return []


@pytest.mark.parametrize(
    ("code", "most"),
    [
        ("public_welfare_post", 2), ("job", 2), ("travel_subsidy", 2), ("yulu", 1), ("student_grant", 2),
        ("term_allowance", 1), ("disability_allowance", 2), ("tekun", 6),
    ],
)  # fmt: skip
def test_as_many_as_the_household_has_and_no_more(code: str, most: int) -> None:
    assert refused(FAMILY, Choice(code, persons=most)) == []
    assert refused(FAMILY, Choice("reimbursement"), Choice(code, persons=most + 1)) == [1]


def test_every_measure_for_persons_is_tried_here() -> None:
    (mark,) = test_as_many_as_the_household_has_and_no_more.pytestmark  # type: ignore[attr-defined]
    assert {code for code, _ in mark.args[1]} == {one.code for one in measures().values() if one.whom}
    assert all((one.whom is not None) == (one.per == "person") for one in measures().values())


def test_one_able_member_fills_one_post_at_a_time() -> None:
    alone = registered(member(1), member(2, "none"))
    assert refused(alone, Choice("public_welfare_post", persons=2)) == [0]
    assert refused(alone, Choice("job"), Choice("public_welfare_post")) == [1]
    assert refused(alone, Choice("public_welfare_post"), Choice("job")) == [1]
    until, after = dt.date(2025, 12, 31), dt.date(2026, 1, 1)
    assert refused(alone, Choice("job", ends_on=until), Choice("public_welfare_post", after)) == []
    assert (
        refused(registered(member(1), member(2, "weak")), Choice("job"), Choice("public_welfare_post")) == []
    )


def test_who_has_left_is_not_counted() -> None:
    left = member(1) | {"ended_on": 19_000, "ended_known_on": 19_010}
    assert refused(registered(left, member(2, "none")), Choice("job")) == [0]


def test_where_the_register_is_silent_nothing_is_refused() -> None:
    silent = type(COVERAGE)([one for one in COVERAGE.deliveries if one.feed != "member"])
    plan = make_plan([Choice("job", persons=9)], AS_OF, REGION)
    check_persons(FAMILY, plan, AS_OF, silent)
    with pytest.raises(PlanError):
        check_persons(FAMILY, plan, AS_OF, COVERAGE)


def test_the_what_if_itself_refuses_and_says_how_many_there_are(ask: Ask) -> None:
    with pytest.raises(PlanError, match="at most the 0 members in vocational school"):
        ask(WUSHAN.rows | {"member": [member(1, school="none")]}, [Choice("yulu")])
