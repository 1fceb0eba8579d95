"""What each kind of change does to the rows of a household, case by case."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from features import CONTRACTS
from features.dates import to_day
from features.policy.measures import measures
from scoring.what_if import Choice, make_plan
from scoring.what_if.application import apply_measure
from tests.scoring.what_if.cases import AS_OF, REGION, WUSHAN, Rows, account, claim, member, registered, row

OPEN = {"occurred_on": "2020-01-01", "known_on": "2020-01-01", "ended_on": None, "ended_known_on": None}


def after(rows: Rows, *choices: Choice) -> dict[str, Any]:
    plan = make_plan(choices, AS_OF, REGION)
    changed: Any = rows
    for one in plan.measures:
        changed = apply_measure(changed, one, plan.period)
    return dict(changed)


def day(text: str) -> int:
    return to_day(dt.date.fromisoformat(text))


def test_reimbursement_takes_the_oldest_claim_first_and_never_more_than_was_paid() -> None:
    old, new = claim(1_000, "2024-08-01"), claim(5_000)
    outside, unknown = claim(9_000, "2024-06-30"), {**claim(9_000), "known_on": day("2025-07-01")}
    rows = registered(member(1)) | {"illness": [new, outside, unknown, old]}
    changed = after(rows, Choice("reimbursement", amount_fen=250_000))["illness"]
    assert [(one["reimbursed_fen"], one["self_paid_fen"]) for one in changed] == [
        (150_000, 350_000), (0, 900_000), (0, 900_000), (100_000, 0),
    ]  # fmt: skip
    assert changed[1] is outside
    assert changed[2] is unknown
    both = after(rows, Choice("reimbursement", amount_fen=550_000), Choice("medical_assistance"))["illness"]
    assert [one["self_paid_fen"] for one in both] == [0, 900_000, 900_000, 0]
    assert all(one["total_fen"] == one["reimbursed_fen"] + one["self_paid_fen"] for one in both)


def test_two_rows_that_are_alike_are_two_rows() -> None:
    one = claim(1_000)
    rows = registered(member(1)) | {"illness": [one, one]}
    changed = after(rows, Choice("reimbursement", amount_fen=150_000))["illness"]
    assert [row["self_paid_fen"] for row in changed] == [0, 50_000]
    assert one["self_paid_fen"] == 100_000


def test_a_household_without_an_account_gets_no_line_of_one() -> None:
    rows = registered(member(1))
    assert "account" not in after(rows, Choice("dibao"), Choice("job"), Choice("donation"))
    # An account of years ago is none either.
    stale = rows | {"account": [{**account(crops=5)[0], "occurred_on": day("2024-06-30")}]}
    assert after(stale, Choice("dibao"))["account"] is stale["account"]


def test_a_line_of_the_account_is_as_old_as_its_newest() -> None:
    rows = registered(member(1)) | {"account": account(crops=5)}
    (_, line) = after(rows, Choice("dibao"))["account"]
    assert (line["line"], line["amount_fen"]) == ("dibao", 12 * 49_000)
    assert (line["occurred_on"], line["known_on"]) == (day("2025-05-31"), day("2025-06-20"))


@pytest.mark.parametrize(
    ("drawn", "rise"), [([], 49_000), ([100], 39_000), ([100, 150.5], 23_950), ([490], 0), ([600], 0)]
)
def test_an_allowance_is_what_is_drawn_in_all(drawn: list[float], rise: int) -> None:
    held = [row("assistance", kind="dibao", monthly_yuan=yuan, **OPEN) for yuan in drawn]
    other = row("assistance", kind="tekun", monthly_yuan=300, **OPEN)
    ended = row(
        "assistance",
        kind="dibao",
        monthly_yuan=80,
        **OPEN | {"ended_on": "2025-06-29", "ended_known_on": "2025-06-29"},
    )
    rows = registered(member(1)) | {"assistance": [*held, other, ended]}
    changed = after(rows, Choice("dibao"))
    added = changed["assistance"][len(rows["assistance"]) :]
    assert [one["monthly_fen"] for one in added] == ([rise] if rise else [])
    assert [one["amount_fen"] for one in changed.get("income", [])] == [rise] * 12 * bool(rise)
    if not rise:
        assert changed["assistance"] is rows["assistance"]


def test_an_end_that_is_not_known_yet_does_not_stop_what_is_drawn() -> None:
    late = OPEN | {"ended_on": "2025-06-01", "ended_known_on": "2025-07-05"}
    rows = registered(member(1)) | {"assistance": [row("assistance", kind="dibao", monthly_yuan=490, **late)]}
    assert "income" not in after(rows, Choice("dibao"))


def test_aid_counts_once_with_an_account_and_without() -> None:
    term = {"occurred_on": "2025-03-01", "known_on": "2025-03-10"}
    rows = registered(member(1)) | {
        "schooling": [row("schooling", member_id="M1", cost_yuan=2_500, aid_yuan=500, **term)],
        "account": account(self_paid_schooling=2_000),
    }
    changed = after(rows, Choice("yulu"))
    # Two terms of 1,500: 2,000 pay the term, 1,000 are left over.
    assert [one["aid_fen"] for one in changed["schooling"]] == [250_000]
    assert [(one["source"], one["amount_fen"]) for one in changed["income"]] == [("transfers", 100_000)]
    assert [(one["line"], one["amount_fen"]) for one in changed["account"]] == [
        ("self_paid_schooling", 200_000), ("education_aid", 300_000),
    ]  # fmt: skip
    (small,) = after(rows, Choice("yulu", amount_fen=10_000))["schooling"]
    assert small["aid_fen"] == 70_000


def test_work_is_a_spell_with_a_wage_a_month_for_those_who_can() -> None:
    rows = registered(member(1), member(2, "none"), member(3, "weak"), member(4, "skilled"))
    rows["employment"] = [row("employment", member_id="M4", work="migrant", monthly_wage_yuan=3_000, **OPEN)]
    choice = Choice("job", dt.date(2026, 1, 1), dt.date(2026, 3, 31), 250_000, 2)
    changed = after(rows, choice)
    spells = changed["employment"][1:]
    assert [(one["member_id"], one["monthly_wage_fen"]) for one in spells] == [
        ("M1", 250_000),
        ("M3", 250_000),
    ]
    assert {(one["occurred_on"], one["ended_on"]) for one in spells} == {
        (day("2025-01-01"), day("2025-03-31"))
    }
    assert [(one["occurred_on"], one["amount_fen"]) for one in changed["income"]] == [
        (day("2025-01-01"), 500_000), (day("2025-02-01"), 500_000), (day("2025-03-01"), 500_000),
    ]  # fmt: skip


def test_a_lacking_guarantee_holds_after_its_repair() -> None:
    rows = registered(member(1)) | {
        "housing": [row("housing", grade="D", **OPEN)],
        "guarantee": [
            row("guarantee", item="housing", answer="no", **OPEN),
            row("guarantee", item="water", answer="no", **OPEN),
        ],
    }
    changed = after(rows, Choice("house_repair"))
    assert [one["grade"] for one in changed["housing"]] == ["B"]
    assert [one["answer"] for one in changed["guarantee"]] == ["yes", "no"]
    assert rows["housing"][0]["grade"] == "D"
    sound = rows | {"housing": [row("housing", grade="A", **OPEN)]}
    assert after(sound, Choice("house_repair"))["housing"] is sound["housing"]


def test_enrolment_insures_everybody_once() -> None:
    insured = row("insurance", member_id="M1", is_subsidised=False, **OPEN)
    rows = registered(member(1), member(2)) | {"insurance": [insured]}
    changed = after(rows, Choice("premium_subsidy"))["insurance"]
    assert [(one["member_id"], one["is_subsidised"]) for one in changed] == [("M1", True), ("M2", True)]


@pytest.mark.parametrize("code", measures())
def test_every_row_that_is_added_keeps_its_contract(code: str) -> None:
    rows = WUSHAN.rows | {
        "guarantee": [
            row("guarantee", item=item, answer="no", **OPEN) for item in ("housing", "water", "schooling")
        ],
        "housing": [row("housing", grade="C", **OPEN)],
        "water": [row("water", supply="cut", **OPEN)],
        "schooling": [
            row(
                "schooling",
                member_id="M3",
                cost_yuan=100,
                aid_yuan=0,
                occurred_on="2025-03-01",
                known_on="2025-03-01",
            )
        ],
    }
    start = dt.date(2025, 8, 15)
    changed = after(rows, Choice(code, start))
    touched = {feed for feed in changed if changed[feed] is not rows.get(feed)}
    assert bool(touched) == (measures()[code].changes.kind != "nothing")
    for feed in touched:
        contract = CONTRACTS[feed]
        for one in changed[feed]:
            assert set(one) == {field.column for field in contract.fields}
            surface = {
                field.surface: dt.date.fromordinal(dt.date(1970, 1, 1).toordinal() + one[field.column])
                if field.type_name == "date" and one[field.column] is not None
                else field.to_surface(one[field.column])
                for field in contract.fields
            }
            assert isinstance(contract.parse_row(surface), dict)
