"""Every measure, cause, line and state is worded in every language, and says what it must."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest

from features.policy import policy_value
from features.policy.measures import groups, measures
from features.policy.sources import source_text
from features.reference_estimate import SIGNS
from scoring.texts import LANGUAGES, catalogue
from scoring.what_if import Choice, PlanError, make_answer, make_plan
from scoring.what_if.ledger import LINE_SIGNS
from scoring.what_if.matching import CauseMatch, LabourMatch, LabourState
from scoring.what_if.outcome import MeasureEffect, ReasonChange, reason_changes
from scoring.what_if.wording import cause_text, income_text, labour_text, line_name, measure_text, model_text
from tests.scoring.what_if.cases import AS_OF, CASES, REGION, WUSHAN, account
from tests.scoring.what_if.conftest import Ask


def keys(node: Any) -> Any:
    return {name: keys(one) for name, one in node.items()} if isinstance(node, dict) else None


def test_both_languages_have_the_same_keys() -> None:
    assert keys(catalogue("zh")["what_if"]) == keys(catalogue("en")["what_if"])


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", measures())
def test_every_measure_is_worded(code: str, language: str) -> None:
    one = measures()[code]
    try:
        (planned,) = make_plan([Choice(code)], AS_OF, REGION).measures
    except PlanError as error:
        pytest.fail(str(error))
    paid = planned.amount_fen * len(planned.payments)
    for drawn, counted in ((0, paid), (0, 0), (1_234, None)):
        said = measure_text(MeasureEffect(planned, paid, drawn, counted), language)
        assert (one.zh if language == "zh" else one.en) in said
        assert "2025-07-01" in said
        assert "{" not in said
        assert said == said.strip()
        words = catalogue(language)["what_if"]["measure"]
        assert (words["assumption"] in said) == planned.is_assumption
        assert ("12.34" in said) == (drawn > 0)
        if one.paid != "in_kind":
            assert (words["unknown"] in said) == (counted is None)
            assert f"{planned.amount_fen / 100:,.2f}" in said
            assert (source_text(planned.entry.source, language) in said) == (not planned.is_assumption)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_part_that_does_not_count_says_why(language: str) -> None:
    words = catalogue(language)["what_if"]["measure"]
    for code, why in (
        ("reimbursement", "capped"),
        ("donation", "not_counted"),
        ("premium_subsidy", "not_counted"),
    ):
        (planned,) = make_plan([Choice(code, amount_fen=50_000)], AS_OF, REGION).measures
        assert words[why] in measure_text(MeasureEffect(planned, 50_000, 0, 100), language)
        assert words[why] not in measure_text(MeasureEffect(planned, 50_000, 0, 50_000), language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_line_group_cause_and_state_is_worded(ask: Ask, language: str) -> None:
    words = catalogue(language)["what_if"]
    for basis, lines in LINE_SIGNS.items():
        assert words["basis"][basis]
        assert len({line_name(basis, line, language) for line in lines}) == len(lines)
    assert set(words["parts"]) == set(SIGNS)
    assert set(words["reason_change"]) == set(get_args(ReasonChange))
    made = ask(WUSHAN.rows, [])
    for cause, rule in policy_value("measure_match", REGION, AS_OF).value["causes"].items():
        for some in ((), ("dibao",)):
            said = cause_text(
                CauseMatch(cause, some, tuple(rule["groups"]), rule["is_assumption"]), made, language
            )
            assert (words["match"]["mark"] in said) == rule["is_assumption"]
            assert "{" not in said
    for state in get_args(LabourState):
        said = labour_text(LabourMatch(state, (), tuple(groups()), True), language)
        assert said
        assert "{" not in said


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_line_carries_its_mark_and_the_score_its_caution(ask: Ask, language: str) -> None:
    words = catalogue(language)["what_if"]
    for case in CASES:
        made = ask(case.rows, case.choices)
        assert made.income is not None
        assert made.income.line.is_assumption
        assert words["income"]["mark"] in income_text(made.income, language)
        published = replace(made.income, line=replace(made.income.line, status="published"))
        assert words["income"]["mark"] not in income_text(published, language)
        assert words["model"]["caution"] in model_text(made, language)
    assert income_text(None, language) == words["income"]["unknown"]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("crops", "gap", "is_closed", "said"),
    # Three times 8,300 are 24,900; 低保 adds 5,880.
    [(24_900, 0, False, "above"), (24_899.99, 1, True, "closed"), (19_020, 588_000, True, "closed"),
     (19_019.99, 588_001, False, "open"), (0, 2_490_000, False, "open")],
)  # fmt: skip
def test_a_gap_is_closed_to_the_fen(
    ask: Ask, language: str, crops: float, gap: int, is_closed: bool, said: str
) -> None:
    made = ask(WUSHAN.rows | {"account": account(crops=crops)}, [Choice("dibao")])
    assert made.income is not None
    assert made.income.gap_fen(made.income.before) == gap
    assert made.income.is_gap_closed is is_closed
    assert make_answer(made)["reference_income"]["is_gap_closed"] is is_closed
    pattern = catalogue(language)["what_if"]["income"][said]
    assert pattern.split("{")[0] in income_text(made.income, language)


def test_the_answer_says_association_and_never_decision(ask: Ask) -> None:
    for case in CASES:
        answer = make_answer(ask(case.rows, case.choices))
        assert answer["model"]["nature"] == "association_not_effect"
        assert "decision" not in str(answer).lower()


def test_reasons_that_change_are_named(ask: Ask) -> None:
    made = ask(WUSHAN.rows, WUSHAN.choices)
    changes = reason_changes(made)
    told = {one.family for one in (*made.before.risk_reasons, *made.after.risk_reasons)}
    assert set(changes) == told
    # The bill of 52,000 is what the model looks at; 41,000 of it are paid.
    word, before, after = changes["01"]
    assert before is not None
    assert (word == "gone") == (after is None)
    assert word in ("gone", "weaker")
    assert made.after.score < made.before.score
