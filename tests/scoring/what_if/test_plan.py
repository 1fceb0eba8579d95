"""Plans: what the catalogue fills in, and what is refused."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.policy.measures import measures
from scoring.what_if import Choice, PlanError, make_plan
from scoring.what_if.plan import MOST_MEASURES, MOST_PERSONS

AS_OF = dt.date(2025, 6, 30)
REGION = "CN-50"


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def test_the_catalogue_fills_in() -> None:
    (one,) = make_plan([Choice("dibao")], AS_OF, REGION).measures
    assert (one.starts_on, one.ends_on, one.amount_fen, one.persons) == (day("2025-07-01"), None, 49_000, 1)
    assert len(one.payments) == 12
    assert not one.is_amount_given
    assert not one.is_assumption
    (post,) = make_plan([Choice("public_welfare_post", persons=2)], AS_OF, REGION).measures
    assert (post.amount_fen, post.is_assumption) == (120_000, True)


def test_an_amount_of_ones_own_is_no_assumption_of_the_catalogue() -> None:
    (one,) = make_plan([Choice("public_welfare_post", amount_fen=80_000)], AS_OF, REGION).measures
    assert (one.amount_fen, one.is_amount_given, one.is_assumption) == (80_000, True, False)


def test_help_that_ends_counts_until_then() -> None:
    choice = Choice("dibao", day("2025-10-15"), day("2026-01-14"))
    (one,) = make_plan([choice], AS_OF, REGION).measures
    assert one.payments == (day("2025-10-15"), day("2025-11-15"), day("2025-12-15"))
    assert one.ends_on == day("2026-01-14")
    # Beyond the planned year an end is not seen.
    (long,) = make_plan([Choice("dibao", ends_on=day("2030-01-01"))], AS_OF, REGION).measures
    assert long.ends_on is None
    assert len(long.payments) == 12


@pytest.mark.parametrize(
    ("as_of", "starts_on", "is_right"),
    [
        ("2025-06-30", "2025-07-01", True),
        ("2025-06-30", "2025-12-31", True),
        ("2025-06-30", "2026-01-01", False),
        ("2026-01-01", "2026-01-02", False),
    ],
)
def test_outside_its_validity_dates_a_measure_is_refused(as_of: str, starts_on: str, is_right: bool) -> None:
    choices = [Choice("microloan", day(starts_on))]
    if is_right:
        assert len(make_plan(choices, day(as_of), REGION).measures) == 1
        return
    with pytest.raises(PlanError, match="from 2021-01-01 until 2025-12-31") as caught:
        make_plan(choices, day(as_of), REGION)
    assert [(one.number, one.part, one.code) for one in caught.value.faults] == [
        (0, "starts_on", "not_in_force")
    ]


@pytest.mark.parametrize(
    ("choice", "part", "code"),
    [
        (Choice("magic"), "code", "unknown_measure"),
        (Choice("dibao", day("2025-06-30")), "starts_on", "outside_period"),
        (Choice("dibao", day("2026-07-01")), "starts_on", "outside_period"),
        (Choice("dibao", ends_on=day("2025-06-30")), "ends_on", "ended_before_start"),
        (Choice("temporary_relief", ends_on=day("2025-12-31")), "ends_on", "not_taken"),
        (Choice("dibao", amount_fen=0), "amount_yuan", "out_of_range"),
        (Choice("dibao", amount_fen=2_000_001), "amount_yuan", "out_of_range"),
        (Choice("water_supply", amount_fen=100), "amount_yuan", "not_taken"),
        (Choice("dibao", persons=1), "persons", "not_taken"),
        (Choice("job", persons=0), "persons", "out_of_range"),
        (Choice("job", persons=MOST_PERSONS + 1), "persons", "out_of_range"),
    ],
)
def test_what_is_refused_names_the_part_and_the_way_out(choice: Choice, part: str, code: str) -> None:
    with pytest.raises(PlanError) as caught:
        make_plan([Choice("reimbursement"), choice], AS_OF, REGION)
    (fault,) = caught.value.faults
    assert (fault.number, fault.part, fault.code) == (1, part, code)
    assert fault.way_out


@pytest.mark.parametrize(
    ("choices", "numbers"),
    [
        ([Choice("dibao"), Choice("tekun")], [1]),
        ([Choice("tekun"), Choice("job"), Choice("dibao", day("2026-03-01"))], [2]),
        # One day in common is one too many; a day later is none.
        ([Choice("dibao", ends_on=day("2025-12-31")), Choice("tekun", day("2025-12-31"))], [1]),
        ([Choice("dibao", ends_on=day("2025-12-31")), Choice("tekun", day("2026-01-01"))], []),
        ([Choice("dibao"), Choice("disability_allowance")], []),
    ],
)
def test_what_policy_says_excludes_each_other_is_refused(choices: list[Choice], numbers: list[int]) -> None:
    if not numbers:
        assert len(make_plan(choices, AS_OF, REGION).measures) == 2
        return
    with pytest.raises(PlanError, match="exclude each other: leave one out") as caught:
        make_plan(choices, AS_OF, REGION)
    assert [(one.number, one.part, one.code) for one in caught.value.faults] == [
        (number, "code", "exclusive_measures") for number in numbers
    ]


def test_every_fault_is_told_at_once() -> None:
    choices = [Choice("job", persons=0, amount_fen=-1), Choice("dibao"), Choice("dibao")]
    with pytest.raises(PlanError) as caught:
        make_plan(choices, AS_OF, REGION)
    assert [(one.number, one.code) for one in caught.value.faults] == [
        (0, "out_of_range"), (0, "out_of_range"), (2, "repeated_measure"),
    ]  # fmt: skip
    with pytest.raises(PlanError, match="at most 20"):
        make_plan([Choice("dibao")] * (MOST_MEASURES + 1), AS_OF, REGION)
    with pytest.raises(PlanError, match="no entry for the region UG"):
        make_plan([Choice("dibao")], AS_OF, "UG")


@given(st.permutations(sorted(set(measures()) - {"microloan", "tekun"})[:MOST_MEASURES]))
def test_the_order_of_asking_changes_nothing(codes: list[str]) -> None:
    in_order = [code for code in measures() if code in codes]
    assert make_plan(map(Choice, codes), AS_OF, REGION) == make_plan(map(Choice, in_order), AS_OF, REGION)
