"""Changes, why not listed, and disagreement: they add up, and they say which comparison holds."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from scoring.assessment import Assessor
from scoring.changes import change_texts, find_changes, make_changes
from scoring.disagreement import find_disagreement
from scoring.grades import GRADES, GradeBorders
from scoring.listing import distance_word, find_not_listed
from scoring.model import RiskModel
from scoring.statement import make_statement, put_into_words
from scoring.texts import LANGUAGES, catalogue
from scoring.triggers import TriggerHit
from tests.scoring.conftest import AS_OF, made_vectors

REGION = "CN-50"


def statements(model: RiskModel, vectors: pd.DataFrame) -> list[dict[str, Any]]:
    """Stored statements of the rows, as JSON gives them back."""
    rows = len(vectors)
    made = Assessor(model, REGION).assess(
        vectors, ["H"] * rows, AS_OF, [{"illness": "fresh"}] * rows, [{}] * rows
    )
    found: list[dict[str, Any]] = json.loads(json.dumps([make_statement(one, REGION) for one in made]))
    return found


@pytest.fixture(scope="module")
def pairs(model: RiskModel) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    stored = statements(model, made_vectors(80, 40))
    return list(zip(stored[::2], stored[1::2], strict=True))


@pytest.fixture(scope="module")
def bill(model: RiskModel) -> tuple[dict[str, Any], dict[str, Any]]:
    """One household before and after a large bill and the end of its wages."""
    vectors = made_vectors(1, 41)
    vectors = pd.concat([vectors, vectors], ignore_index=True)
    vectors["illness_self_paid_yuan_12m"] = [0.0, 62_000.0]
    vectors["income_net_yuan_12m"] = [64_000.0, 3_000.0]
    former, latter = statements(model, vectors)
    return {**former, "as_of_date": "2026-04-30"}, latter


def test_differences_by_family_add_up_to_the_difference_of_the_score(
    pairs: list[tuple[dict[str, Any], dict[str, Any]]],
) -> None:
    for former, latter in pairs:
        found = find_changes(former, latter)
        assert found.basis == "contributions"
        whole = math.fsum(one.difference for one in found.families)
        assert found.log_odds_difference is not None
        assert whole == pytest.approx(found.log_odds_difference, rel=0, abs=1e-10)
        scores = [math.log(one["score"] / (1 - one["score"])) for one in (former, latter)]
        assert whole == pytest.approx(scores[1] - scores[0], rel=0, abs=1e-10)
        sizes = [abs(one.difference) for one in found.families]
        assert sizes == sorted(sizes, reverse=True)
        assert all(fact.difference * one.difference > 0 for one in found.families for fact in one.facts)


def test_every_statement_adds_up_to_its_score(
    pairs: list[tuple[dict[str, Any], dict[str, Any]]],
) -> None:
    for former, _ in pairs:
        whole = math.fsum([former["base_log_odds"], *(one["contribution"] for one in former["families"])])
        assert whole == pytest.approx(former["log_odds"], rel=0, abs=1e-10)


def test_what_moved_is_said_with_both_values(bill: tuple[dict[str, Any], dict[str, Any]]) -> None:
    said = {language: change_texts(find_changes(*bill), language) for language in LANGUAGES}
    assert said["zh"][0].startswith("与2026-04-30相比，评分由")
    assert "升到" in said["zh"][0]
    (zh,) = [one for one in said["zh"] if "医疗" in one]
    assert zh.startswith("医疗推高了评分：近12个月医疗自付由0元变为6.2万元")
    (en,) = [one for one in said["en"] if "Medical care" in one]
    assert en.startswith("Medical care raised the score – self-paid medical cost, last 12 months: ¥0, now")


def test_back_again_is_the_same_with_the_other_sign(bill: tuple[dict[str, Any], dict[str, Any]]) -> None:
    there, back = find_changes(*bill), find_changes(*reversed(bill))
    assert {one.family: one.difference for one in there.families} == {
        one.family: -one.difference for one in back.families
    }
    assert "降到" in change_texts(back, "zh")[0]


def test_what_a_correction_moved_is_told_of_its_own_day(bill: tuple[dict[str, Any], dict[str, Any]]) -> None:
    former, latter = bill
    said = make_changes({**former, "as_of_date": latter["as_of_date"]}, latter)["text"]
    assert said["zh"][0].startswith(f"与{latter['as_of_date']}更正前相比，评分由")
    assert said["en"][0].startswith(
        f"Since the assessment of {latter['as_of_date']} before the correction the"
    )


def test_nothing_changed_is_said_so(bill: tuple[dict[str, Any], dict[str, Any]]) -> None:
    former, _ = bill
    found = find_changes(former, former)
    assert found.log_odds_difference == 0.0
    assert [change_texts(found, language)[1] for language in LANGUAGES] == [
        catalogue(language)["changes"]["no_main"] for language in LANGUAGES
    ]


@pytest.mark.parametrize("cause", ["other_model", "no_contributions"])
def test_where_scores_cannot_be_compared_it_is_said_and_grades_are(
    bill: tuple[dict[str, Any], dict[str, Any]], cause: str
) -> None:
    former, latter = dict(bill[0]), bill[1]
    if cause == "other_model":
        former["model_version"] = "another"
    else:
        del former["families"]
    former["grade"], latter = "low", {**latter, "grade": "high"}
    told = make_changes(former, latter)
    assert (told["basis"], told["families"], told["log_odds_difference"]) == (cause, (), None)
    assert told["text"]["zh"][1] == "风险等级由低风险变为高风险。"
    assert told["text"]["en"][1] == "The grade went from low risk to high risk."
    assert not any("%" in one for language in LANGUAGES for one in told["text"][language])
    again = make_changes(former, {**latter, "grade": "low"})
    assert again["text"]["zh"][1] == "风险等级仍为低风险。"


def test_what_reads_the_same_before_and_after_is_not_said(
    bill: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    former, latter = json.loads(json.dumps(bill))
    for family in (*former["families"], *latter["families"]):
        family["facts"] = [one for one in family["facts"] if one["feature"] == "illness_self_paid_yuan_12m"]
    for one, value in ((former, 62_000.0), (latter, 62_000.2)):
        for family in one["families"]:
            for fact in family["facts"]:
                fact["value"] = value
    said = change_texts(find_changes(former, latter), "zh")
    assert "医疗推高了评分。" in said
    assert not any("6.2万元" in one for one in said)


@pytest.mark.parametrize(
    ("former", "latter", "zh", "en"),
    [
        (
            0.0,
            1.0,
            "由“没有领低保”变为“正在领低保”",
            "from “does not draw the subsistence allowance (低保)” to",
        ),
        (None, 1.0, "现在正在领低保", "now draws the subsistence allowance (低保)"),
        (1.0, None, "原来正在领低保", "before, draws the subsistence allowance (低保)"),
    ],
)
def test_a_question_is_said_as_what_is_so(
    former: float | None, latter: float | None, zh: str, en: str
) -> None:
    def stated(value: float | None, contribution: float) -> dict[str, Any]:
        fact = {"feature": "assistance_is_on_dibao", "value": value, "contribution": contribution}
        facts = [] if value is None else [fact]
        family = {"family": "99.guarantees", "contribution": contribution, "facts": facts}
        return {
            "model_version": "1", "as_of_date": "2026-04-30", "score": 0.1, "log_odds": contribution,
            "grade": "low", "families": [family],
        }  # fmt: skip

    found = find_changes(stated(former, 0.1 if former else 0.0), stated(latter, 0.7 if latter else 0.0))
    assert zh in "".join(change_texts(found, "zh"))
    assert en in "".join(change_texts(found, "en"))


def test_missing_values_are_said_as_what_is_known(bill: tuple[dict[str, Any], dict[str, Any]]) -> None:
    former, latter = json.loads(json.dumps(bill))
    for family in former["families"]:
        family["facts"] = []
    said = "".join(change_texts(find_changes(former, latter), "zh"))
    assert "近12个月医疗自付现为6.2万元" in said
    assert "None" not in said


BORDERS = GradeBorders(0.4, 0.15)


@pytest.mark.parametrize(
    ("log_odds", "word"), [(0.0, "near"), (0.39, "near"), (0.4, "some"), (0.99, "some"), (1.0, "far")]
)
def test_the_distance_to_the_border_in_words(log_odds: float, word: str) -> None:
    assert distance_word(log_odds) == word


def test_a_listed_household_needs_no_explanation_why_not() -> None:
    given = {"has_hits": False, "has_silent_feeds": False}
    assert find_not_listed(2.0, "high", BORDERS, [], **given) is None
    found = find_not_listed(math.log(0.15 / 0.85), "medium", BORDERS, [], **given)
    assert found is not None
    assert found.log_odds_to_border == pytest.approx(math.log(0.4 / 0.6) - math.log(0.15 / 0.85))
    assert (found.border, found.distance) == (0.4, "far")


def test_why_not_listed_names_what_holds_down_and_never_the_score(model: RiskModel) -> None:
    below = [one for one in statements(model, made_vectors(60, 42)) if one["grade"] != "high"]
    assert len(below) > 10
    for one in below:
        worded = put_into_words(one)
        assert one["not_listed"]["held_down_by"] == [r["family"] for r in one["protective_reasons"]]
        for language in LANGUAGES:
            said = worded["not_listed_text"][language]
            assert not any(word in said for word in ("{", "None", "nan", "评分", "分数", "score"))
            families = catalogue(language)["families"]
            for family in one["not_listed"]["held_down_by"]:
                assert families[family]["topic"] in said
    hit = {**below[0], "not_listed": {**below[0]["not_listed"], "has_hits": True, "has_silent_feeds": True}}
    said = put_into_words(hit)["not_listed_text"]["zh"]
    assert "仍要入户核实" in said
    assert "没有到或已过期" in said


def test_rules_and_model_disagree_only_at_opposite_ends(model: RiskModel) -> None:
    hit = TriggerHit("loan_overdue", "06", "loan_overdue_days", 95.0, 90.0, True)
    found = {(grade, bool(hits)): find_disagreement(grade, hits) for grade in GRADES for hits in ([], [hit])}
    assert found == {
        ("high", False): "score_only", ("high", True): None,
        ("medium", False): None, ("medium", True): None,
        ("low", False): None, ("low", True): "rule_only",
    }  # fmt: skip


def test_the_mark_is_on_the_statement_in_words(model: RiskModel) -> None:
    strict = replace(model, borders=GradeBorders(0.999, 0.998))
    told = [put_into_words(one) for one in statements(strict, made_vectors(30, 43))]
    assert {one["disagreement"] for one in told} >= {"rule_only"}
    for one in told:
        expected = "rule_only" if one["rule_hits"] and one["grade"] == "low" else None
        assert one["disagreement"] == expected
        if expected:
            assert one["disagreement_text"]["zh"].startswith("部门预警与评分不一致")
        else:
            assert one["disagreement_text"] is None
