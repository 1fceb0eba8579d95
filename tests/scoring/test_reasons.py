"""Reasons: summed by cause, at most four, true to the model and to the household's values."""

from __future__ import annotations

import datetime as dt
import math
from fractions import Fraction

import numpy as np
import pytest

from features import FEATURES, policy_value
from features.facts import LatestFact
from scoring.assessment import Assessor, suggest
from scoring.model import RiskModel
from scoring.reasons import (
    LEAST_CONTRIBUTION,
    MOST_PROTECTIVE_REASONS,
    MOST_RISK_REASONS,
    Reason,
    ReasonFact,
    family_of,
    reason_text,
    value_text,
)
from scoring.statement import make_statement, put_into_words
from scoring.texts import LANGUAGES, catalogue, format_value
from scoring.triggers import TRIGGERS, find_hits
from scoring.zeros import LACKS_AT_ZERO, is_idle_at_zero
from tests.scoring.conftest import AS_OF, made_vectors
from tests.scoring.plain_reasons import find_reasons

REGION = "CN-50"


def test_contributions_of_a_cause_are_summed_before_ranking() -> None:
    values = dict.fromkeys(FEATURES, 1.0)
    contributions = dict.fromkeys(FEATURES, 0.0)
    contributions |= {
        "illness_self_paid_yuan_12m": 0.4,
        "illness_total_yuan_12m": 0.4,
        "income_wages_yuan_12m": 0.6,
    }
    risk, protective = find_reasons(values, contributions)
    assert [(one.family, round(one.contribution, 9)) for one in risk] == [("01", 0.8), ("07", 0.6)]
    assert protective == []


def test_the_share_is_of_everything_that_raises_the_risk_shown_or_not() -> None:
    leads = {family_of(name): name for name in FEATURES}
    contributions = dict.fromkeys(leads.values(), 0.5)
    contributions[leads["01"]] = 1.5
    contributions[leads["07"]] = -3.0
    risk, protective = find_reasons(dict.fromkeys(FEATURES, 1.0), contributions)
    raised = 1.5 + 0.5 * (len(leads) - 2)
    assert len(risk) == MOST_RISK_REASONS < len(leads) - 1
    assert [one.share for one in risk] == pytest.approx([1.5 / raised, *[0.5 / raised] * 3])
    assert [one.share for one in protective] == [None]


def test_sums_are_exact_in_any_order() -> None:
    names = [name for name in FEATURES if family_of(name) == "01"]
    contributions = {name: 10.0 ** (number % 17 - 8) for number, name in enumerate(names)}
    values = dict.fromkeys(FEATURES, 1.0)
    (one,), _ = find_reasons(values, contributions)
    (other,), _ = find_reasons(values, dict(reversed(contributions.items())))
    exact = sum((Fraction(value) for value in contributions.values()), Fraction())
    assert one.contribution == other.contribution == float(exact)


def test_opposite_contributions_of_a_cause_cancel_and_are_not_told() -> None:
    contributions = dict.fromkeys(FEATURES, 0.0)
    contributions |= {"illness_self_paid_yuan_12m": 0.5, "illness_inpatient_count_12m": -0.48}
    assert find_reasons(dict.fromkeys(FEATURES, 1.0), contributions) == ([], [])


def test_only_facts_that_pull_along_are_shown() -> None:
    contributions = dict.fromkeys(FEATURES, 0.0)
    contributions |= {"illness_self_paid_yuan_12m": 0.9, "illness_inpatient_count_12m": -0.2}
    (reason,), _ = find_reasons(dict.fromkeys(FEATURES, 3.0), contributions)
    assert [one.feature for one in reason.facts] == ["illness_self_paid_yuan_12m"]


def test_missing_values_protect_from_nothing() -> None:
    names = ("illness_self_paid_yuan_12m", "illness_inpatient_count_12m")
    nothing = dict.fromkeys(names, float("nan"))
    risk, protective = find_reasons(nothing, dict.fromkeys(names, -0.4))
    assert (risk, protective) == ([], [])
    # What is known of the cause still speaks, and only that.
    risk, protective = find_reasons({**nothing, names[1]: 0.0}, dict.fromkeys(names, -0.4))
    assert risk == []
    assert [[fact.feature for fact in one.facts] for one in protective] == [[names[1]]]


def test_missing_values_that_raise_the_estimate_name_no_cause() -> None:
    name = "illness_self_paid_yuan_12m"
    (reason,), _ = find_reasons({name: float("nan")}, {name: 0.9})
    words = reason_text(reason, "zh")
    assert "因病" not in words["sentence"]
    assert "无数据" in words["sentence"]


def test_reasons_of_real_explanations_keep_their_bounds(model: RiskModel) -> None:
    vectors = made_vectors(200, 8)
    explained = model.explain(vectors)
    for at, row in enumerate(vectors.to_dict("records")):
        values = {str(name): float(value) for name, value in row.items()}
        contributions = dict(zip(model.feature_names, explained.values[at].tolist(), strict=True))
        risk, protective = find_reasons(values, contributions)
        assert len(risk) <= MOST_RISK_REASONS
        assert len(protective) <= MOST_PROTECTIVE_REASONS
        for one in (*risk, *protective):
            whole = sum(value for name, value in contributions.items() if family_of(name) == one.family)
            assert one.contribution == pytest.approx(whole)
            assert abs(one.contribution) >= LEAST_CONTRIBUTION
            assert (one.contribution > 0) == (one.effect == "risk")
            for fact in one.facts:
                value = values[fact.feature]
                assert fact.value == value or (fact.value is None and math.isnan(value))
                assert contributions[fact.feature] * one.contribution > 0


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", FEATURES)
def test_every_feature_has_a_text_in_both_directions(name: str, language: str) -> None:
    for contribution in (0.7, -0.7):
        for value in (12_345.0, 0.0, None):
            effect = "risk" if contribution > 0 else "protective"
            fact = ReasonFact(name, value, contribution)
            reason = Reason(family_of(name)[:2], family_of(name), effect, contribution, (fact,))  # type: ignore[arg-type]
            text = reason_text(reason, language)
            assert all(text.values())
            assert "{" not in "".join(text.values())
            said = catalogue(language)["answers"].get(name)
            if said and value is not None:
                assert said["yes" if value else "no"] in text["sentence"]
            else:
                assert value_text(name, value, language) in text["sentence"]


def test_every_question_is_said_as_what_is_so() -> None:
    asked = {name for name, one in FEATURES.items() if one.unit == "yes/no"}
    for language in LANGUAGES:
        answers = catalogue(language)["answers"]
        assert set(answers) == asked
        assert all(one["yes"] != one["no"] for one in answers.values())


@pytest.mark.parametrize(
    ("name", "value", "zh", "en"),
    [
        ("income_net_change_yuan_12m", -7_402.0, "减少7,402元", "down ¥7,402"),
        ("income_wages_change_yuan_6m", 299.0, "增加299元", "up ¥299"),
        ("income_business_change_yuan_12m", 0.0, "没有变化", "no change"),
        ("illness_days_since_inpatient", 19.0, "19天", "19 days"),
        ("illness_days_since_inpatient", 730.0, "24个月以上", "more than 24 months"),
        ("income_days_since_wages", 366.0, "12个月以上", "more than 12 months"),
        ("employment_idle_workers_count", -2.0, "0人", "0 persons"),
        ("composition_workers_count", 1.0, "1人", "1 person"),
        ("composition_workers_count", 0.96, "1人", "1 person"),
        ("illness_days_since_inpatient", 1.04, "1天", "1 day"),
        ("loan_count", 2.0, "2笔", "2"),
        ("composition_dependants_per_worker_share", 1.5, "1.5人", "1.5 persons"),
        ("income_net_change_yuan_12m", 12_345.6, "增加1.2万元", "up ¥12,346"),
        ("income_net_change_yuan_12m", -0.5, "没有变化", "no change"),
        ("illness_self_paid_yuan_12m", 98_765_432.0, "9,876.5万元", "¥98,765,432"),
        ("disaster_crop_loss_percent_12m", 0.4, "0.4%", "0.4%"),
        ("disaster_crop_loss_percent_12m", 80.0, "80%", "80%"),
    ],
)
def test_values_are_said_as_a_cadre_would(name: str, value: float, zh: str, en: str) -> None:
    assert (value_text(name, value, "zh"), value_text(name, value, "en")) == (zh, en)


def test_nothing_is_no_reason_for_more_risk() -> None:
    """0 unknown items raised the estimate beside the others: a second fact tells, or nothing is said."""
    zeros = dict.fromkeys(FEATURES, 0.0)
    none = {"guarantee_unknown_count": 0.9, "declaration_hotline_count_12m": 0.2}
    assert find_reasons(zeros, none) == ([], [])
    (told,), _ = find_reasons(
        {**zeros, "assistance_stopped_count_12m": 1.0}, {**none, "assistance_stopped_count_12m": 0.1}
    )
    assert [one.feature for one in told.facts] == ["assistance_stopped_count_12m"]
    assert told.contribution == pytest.approx(1.2)
    # Its part stays in what the others are a share of.
    (fields,), _ = find_reasons(zeros, {**none, "composition_land_mu": 1.1})
    assert fields.share == pytest.approx(0.5)
    # Where nothing is known either, that is what is said.
    (unknown,), _ = find_reasons({**zeros, "housing_is_unsafe": math.nan}, {**none, "housing_is_unsafe": 0.1})
    assert [one.value for one in unknown.facts] == [None]
    # No income lowers no risk, and a stay in hospital today is no nothing.
    assert find_reasons(zeros, {"income_wages_yuan_12m": -0.8}) == ([], [])
    (stay,), _ = find_reasons(zeros, {"illness_days_since_inpatient": 0.8})
    assert stay.facts[0].value == 0


def test_what_may_lack_at_zero_has_no_direction_of_its_own() -> None:
    assert all(FEATURES[one].direction == 0 for one in LACKS_AT_ZERO)
    for name, one in FEATURES.items():
        assert is_idle_at_zero(name, "protective") == (one.direction == -1)
        if one.direction == -1:
            assert not is_idle_at_zero(name, "risk")
        if one.direction == 1:
            assert is_idle_at_zero(name, "risk")


def test_both_languages_have_the_same_texts() -> None:
    def keys(tree: object, path: str = "") -> set[str]:
        if not isinstance(tree, dict):
            return {path}
        return {found for key, part in tree.items() for found in keys(part, f"{path}/{key}")}

    assert keys(catalogue("zh")) == keys(catalogue("en"))


def test_every_cause_family_is_an_official_code() -> None:
    codes = policy_value("reason_codes", REGION, AS_OF).value
    for name in FEATURES:
        assert family_of(name)[:2] in codes
        assert family_of(name) in catalogue("zh")["families"]


@pytest.mark.parametrize(
    ("value", "unit", "zh", "en"),
    [
        (12_000.0, "yuan", "1.2万元", "¥12,000"),
        (20_000.0, "yuan", "2万元", "¥20,000"),
        (-35_400.0, "yuan", "-3.5万元", "-¥35,400"),
        (9_999.4, "yuan per person", "9,999元", "¥9,999"),
        (-9_999.6, "yuan", "-1万元", "-¥10,000"),
        (-0.4, "yuan", "0元", "¥0"),
        (0.456, "share", "46%", "46%"),
        (0.004, "share", "0.4%", "0.4%"),
        (-0.0004, "share", "0.0%", "0.0%"),
        (1_234.25, "count", "1,234.2次", "1,234.2"),
        (-0.04, "count", "0次", "0"),
        (3.0, "persons", "3人", "3 persons"),
        (1.0, "yes/no", "是", "yes"),
        (None, "yuan", "无数据", "no data"),
        (math.nan, "days", "无数据", "no data"),
    ],
)
def test_numbers_are_written_as_officials_write_them(
    value: float | None, unit: str, zh: str, en: str
) -> None:
    assert format_value(value, unit, "zh") == zh
    assert format_value(value, unit, "en") == en


def vector(**values: float) -> dict[str, float]:
    return {**dict.fromkeys(FEATURES, 0.0), **values}


@pytest.mark.parametrize(
    ("self_paid", "formerly_poor", "fires"),
    [(11_050.0, 1.0, True), (11_049.0, 1.0, False), (22_100.0, 0.0, True), (22_099.0, 0.0, False),
     (11_050.0, math.nan, True), (math.nan, 1.0, False)],
)  # fmt: skip
def test_the_medical_trigger_fires_at_its_level(self_paid: float, formerly_poor: float, fires: bool) -> None:
    """50 % and 100 % of 2024's rural income per head (22,100), in force in 2026."""
    hits = find_hits(
        vector(illness_self_paid_yuan_12m=self_paid, composition_is_formerly_poor=formerly_poor),
        AS_OF,
        REGION,
    )
    assert ("medical_self_paid" in [one.code for one in hits]) == fires
    assert all(one.is_assumption for one in hits)


def test_the_work_trigger_speaks_only_of_households_that_had_wages() -> None:
    idle = vector(income_days_since_wages=200.0)
    assert find_hits(idle, AS_OF, REGION) == []
    (hit,) = find_hits({**idle, "income_wages_yuan_12m": 5_000.0}, AS_OF, REGION)
    assert (hit.code, hit.value, hit.level) == ("out_of_work", 200.0, 90.0)


def test_trigger_excess_is_vectorised_like_single_hits(model: RiskModel) -> None:
    vectors = made_vectors(100, 12)
    columns = {str(name): vectors[name].to_numpy(dtype=np.float64) for name in vectors}
    for at, row in enumerate(vectors.to_dict("records")):
        fired = {one.code for one in find_hits({str(k): float(v) for k, v in row.items()}, AS_OF, REGION)}
        expected = {one.code for one in TRIGGERS if one.excess(columns, AS_OF, REGION)[at] >= 1}
        assert fired == expected


@pytest.mark.parametrize(
    ("grade", "hit", "state", "action"),
    [("high", False, "fresh", "visit"), ("low", True, "fresh", "visit"), ("medium", False, "fresh", "watch"),
     ("low", False, "fresh", "routine"), ("low", False, "stale", "watch"), ("low", False, "missing", "watch")],
)  # fmt: skip
def test_a_trigger_asks_for_a_visit_and_silence_is_never_routine(
    grade: str, hit: bool, state: str, action: str
) -> None:
    assert suggest(grade, hit, {"income": "fresh", "illness": state}) == action  # type: ignore[arg-type, dict-item]


def test_a_statement_is_plain_data_that_words_are_added_to(model: RiskModel) -> None:
    vectors = made_vectors(3, 2)
    assessor = Assessor(model, REGION)
    fact = LatestFact("illness", 2, dt.date(2026, 9, 1), dt.date(2026, 10, 1))
    feeds = [{"illness": "fresh", "income": "stale", "disaster": "missing"}] * 3
    made = assessor.assess(vectors, ["a", "b", "c"], AS_OF, feeds, [{"illness": fact}] * 3)  # type: ignore[arg-type]
    for one, score in zip(made, model.score(vectors), strict=True):
        plain = make_statement(one, REGION)
        worded = put_into_words(plain)
        assert plain["score"] == score
        assert set(worded) - set(plain) == {
            "grade_text",
            "certainty_text",
            "suggested_action_text",
            "not_listed_text",
            "disagreement_text",
        }
        unworded = [key for key in plain if not key.endswith("reasons") and key != "rule_hits"]
        assert {key: worded[key] for key in unworded} == {key: plain[key] for key in unworded}
        assert (plain["missing_feeds"], plain["stale_feeds"]) == (["disaster"], ["income"])
        assert worded["monitoring_line"]["is_assumption"] is True
        assert "decision" not in str(worded).lower()
        for reason in worded["risk_reasons"]:
            assert reason["text"]["zh"]["sentence"]
            assert reason["facts"][0]["value_text"]["en"]
