"""The three cases of 一户一策, worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from scoring.what_if import WhatIf, make_answer
from scoring.what_if.application import apply_measure
from tests.scoring.what_if.cases import CASES, CHENGKOU, NANCHUAN, WUSHAN, Case

PAGE = Path(__file__).parents[3] / "docs" / "explanation" / "what-if.md"

AnswerOf = Callable[[Case], WhatIf]


def counted(made: WhatIf) -> dict[str, int | None]:
    return {one.planned.measure.code: one.counted_fen for one in made.effects}


def test_wushan(answer_of: AnswerOf) -> None:
    made = answer_of(WUSHAN)
    assert made.income is not None
    # 24,000 + 6,000 − 2,500 − 52,000
    assert made.income.before.total_fen == -2_450_000
    assert counted(made) == {
        "premium_subsidy": 0, "reimbursement": 2_800_000, "medical_assistance": 1_300_000,
        "dibao": 588_000, "temporary_relief": 200_000,
    }  # fmt: skip
    # − 24,500 + 28,000 + 13,000 + 2,000 + 12 × 490
    assert made.income.after.total_fen == 2_438_000
    assert made.income.changed_fen == {
        "self_paid_medical": 4_100_000,
        "dibao": 588_000,
        "other_transfers": 200_000,
    }
    # Three times 8,300 are 24,900: 520 are still missing.
    assert made.income.gap_fen(made.income.before) == 4_940_000
    assert made.income.gap_fen(made.income.after) == 52_000
    assert not made.income.is_gap_closed
    assert made.matching.labour.state == "missing"
    text = make_answer(made)["reference_income_text"]["zh"]
    assert text == (
        "人均参考收入由-8,166.67元变为8,126.67元，监测范围线为8,300.00元（假定值，尚无公布文件）。"
        "全户仍差520.00元，原来差49,400.00元。"
    )


def test_wushan_the_claim_is_settled_and_everybody_insured(answer_of: AnswerOf) -> None:
    made = answer_of(WUSHAN)
    rows = WUSHAN.rows
    for one in made.effects:
        rows = apply_measure(rows, one.planned, made.plan.period)  # type: ignore[assignment]
    (claim,) = rows["illness"]
    assert (claim["total_fen"], claim["reimbursed_fen"], claim["self_paid_fen"]) == (
        5_200_000,
        4_100_000,
        1_100_000,
    )
    assert [(one["member_id"], one["is_subsidised"]) for one in rows["insurance"]] == [
        ("M1", True), ("M2", True), ("M3", True)
    ]  # fmt: skip
    assert {one["kind"] for one in rows["assistance"]} == {"dibao", "temporary_relief"}
    assert WUSHAN.rows["illness"][0]["reimbursed_fen"] == 0


def test_chengkou(answer_of: AnswerOf) -> None:
    made = answer_of(CHENGKOU)
    assert made.income is not None
    assert made.income.before.basis == "departments"
    # 20,000 + 9,000 − 4,000 − 48,000 − 4 × 150
    assert made.income.before.total_fen == -2_360_000
    assert counted(made) == {
        "public_welfare_post": 720_000,  # 12 × 600, an assumption
        "reimbursement": 4_000_000,
        "term_allowance": 80_000,  # two children, two terms, 200
    }
    assert made.income.after.total_fen == 2_440_000
    assert made.income.changed_fen == {
        "wages": 720_000, "self_paid_medical": 4_000_000,
        # The allowance first pays the 600 that schooling costs; 200 are left.
        "self_paid_schooling": 60_000, "transfers": 20_000,
    }  # fmt: skip
    assert made.income.gap_fen(made.income.after) == 5 * 830_000 - 2_440_000
    assert made.matching.labour.state == "met"
    assert made.matching.labour.measures == ("public_welfare_post",)


def test_nanchuan(answer_of: AnswerOf) -> None:
    made = answer_of(NANCHUAN)
    assert made.income is not None
    # 12 × 420 + 300 − 1,200
    assert made.income.before.total_fen == 414_000
    tekun, disability = made.effects
    assert (tekun.planned.measure.code, disability.planned.measure.code) == ("tekun", "disability_allowance")
    # From 420 to 920 a month, and 100 that were not drawn before: 1,020 together.
    assert (tekun.drawn_fen, tekun.counted_fen) == (42_000, 12 * 50_000)
    assert (disability.drawn_fen, disability.counted_fen) == (0, 12 * 10_000)
    assert made.income.after.total_fen == 1_134_000
    assert made.income.is_gap_closed
    assert made.matching.labour.state == "without_labour"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_page_tells_what_is_answered(answer_of: AnswerOf, case: Case) -> None:
    page = PAGE.read_text(encoding="utf-8")
    answer = make_answer(answer_of(case))
    assert answer["reference_income_text"]["zh"] in page
    assert answer["reference_income_text"]["en"] in page
    for one in answer["measures"]:
        assert f"| {one['name']['zh']} |" in page
        assert f"| {one['counted_yuan']:,.0f} |" in page
    assert answer["matching"]["labour"]["text"]["zh"] in page
