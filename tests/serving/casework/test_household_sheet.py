"""The sheet for the household: plain words in both languages, what is known of it, and nothing that decides."""

from __future__ import annotations

import datetime as dt
import re

import pytest

from features import FEATURES
from features.reference_income import PARTS
from scoring.texts import catalogue
from scoring.triggers import TRIGGERS
from serving.cases.account import LINES
from serving.cases.correction import CorrectionState, Refusal
from serving.cases.guarantees import ITEMS, Check
from serving.cases.household_sheet import (
    MOST_KNOWN,
    HouseholdSheet,
    Known,
    Occasion,
    known_of,
    make_sheet,
)
from serving.cases.texts import case_texts
from serving.cases.visit import PROTECTIVE, UNSAFE, Finding, Rigid, Why

VILLAGE, DAY = "500999100201", dt.date(2026, 11, 2)
KNOWN = [
    Known(f"最近一年看病，自己出了{count}万元", "（医保登记，最近一次2026-09-05）") for count in range(1, 9)
]
JARGON = re.compile(
    "自付|合规|刚性|识别|评分|预警|参考收入|监测|研判|核实|归口|清零|对象|等级|风险|个案|线索|指标"
)


def keys(node: object, at: str = "") -> set[str]:
    if isinstance(node, dict):
        return {each for name, one in node.items() for each in keys(one, f"{at}/{name}")}
    assert isinstance(node, str)
    assert node.strip()
    return {at}


def test_both_catalogues_have_the_same_words() -> None:
    assert keys(case_texts("zh")) == keys(case_texts("en"))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_code_has_its_word(language: str) -> None:
    words = case_texts(language)
    for kind, codes in {
        "finding": Finding, "guarantee_item": ITEMS, "guarantee_check": Check, "rigid_spending": Rigid,
        "why": Why, "protective": PROTECTIVE, "unsafe": UNSAFE, "account_line": LINES, "account_part": PARTS,
        "correction_state": CorrectionState, "refusal": Refusal,
    }.items():  # fmt: skip
        assert set(words[kind]) == {str(one) for one in codes}, kind


def text_of(sheet: HouseholdSheet) -> str:
    parts = [sheet.title, sheet.visited]
    for one in sheet.sections:
        parts += [one.heading, *one.paragraphs, *(f"{each.text}{each.source or ''}" for each in one.known)]
    return "\n".join(parts)


@pytest.mark.parametrize("occasion", list(Occasion))
@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_household_is_told_why_what_and_how_to_object(language: str, occasion: Occasion) -> None:
    sheet = make_sheet(language, occasion, KNOWN, VILLAGE, DAY, DAY)
    text, words = text_of(sheet), case_texts(language)["sheet"]
    headings = [one.heading for one in sheet.sections]
    asked = ["why", *(["known"] if occasion is Occasion.LISTED else []), "next", "rights", "call"]
    assert headings == [words[f"{name}_heading"] for name in asked]
    assert all(one.paragraphs for one in sheet.sections)
    assert sheet.visited == {"zh": "来的日子：2026-11-02", "en": "Day of the visit: 2026-11-02"}[language]
    assert "12345" in text
    # Who came by lot, or by plan, is not told what is known: nobody came for it.
    assert (KNOWN[0].text in text) == (occasion is Occasion.LISTED)
    assert sum(len(one.known) for one in sheet.sections) == (MOST_KNOWN if occasion is Occasion.LISTED else 0)
    # A score decides nothing, and none is on the sheet.
    assert not re.search(r"\d\s*%|0\.\d|评分|score of", text)


def test_a_listed_household_of_which_nothing_is_known_is_told_nothing() -> None:
    listed = make_sheet("zh", Occasion.LISTED, [], VILLAGE, DAY)
    assert listed.sections[0].paragraphs == (case_texts("zh")["sheet"]["why_unlisted"],)
    assert not any(one.known for one in listed.sections)
    assert "____" in listed.visited


def test_the_days_are_told_where_they_are_published() -> None:
    assert "不超过15天" in text_of(make_sheet("zh", Occasion.RANDOM, [], VILLAGE, DAY))
    # Anhui's are 20 (DOMAIN §2).
    assert "不超过20天" in text_of(make_sheet("zh", Occasion.RANDOM, [], "340102001001", DAY))


def test_no_sentence_of_the_sheet_has_an_officials_words() -> None:
    words = case_texts("zh")
    said = [*words["sheet"].values(), *words["sheet_topic"].values(), *words["sheet_fact"].values()]
    assert [one for one in said if JARGON.search(one)] == []


@pytest.mark.parametrize("language", ["zh", "en"])
def test_words_are_of_features_and_families_that_there_are(language: str) -> None:
    words = case_texts(language)
    assert set(words["sheet_fact"]) <= set(FEATURES)
    # How the village is off is nothing that is on record of the household.
    assert set(words["sheet_topic"]) == set(catalogue(language)["families"]) - {"99.neighbourhood"}
    for feature, said in words["sheet_fact"].items():
        # What is only so or not so has no value to tell.
        assert ("{value}" in said) == (FEATURES[feature].unit != "yes/no"), feature
    # Whatever a department alerts of has its words.
    assert {one.feature for one in TRIGGERS} <= set(words["sheet_fact"])


def test_what_is_known_is_told_once_with_its_source_alerts_first() -> None:
    body = {
        "rule_hits": [
            {"code": "medical_self_paid", "feature": "illness_self_paid_yuan_12m", "value": 12_000.0}
        ],
        "risk_reasons": [
            {
                "family": "01",
                "facts": [
                    {"feature": "illness_self_paid_yuan_12m", "value": 12_000.0},
                    {"feature": "illness_reimbursed_share_12m", "value": 0.2},
                ],
            },
            {"family": "99.income", "facts": [{"feature": "income_net_fall_share_12m", "value": 0.67}]},
            {
                "family": "99.guarantees",
                "facts": [
                    {"feature": "housing_is_unsafe", "value": 1.0},
                    {"feature": "water_is_unsafe", "value": 0.0},
                    {"feature": "insurance_uninsured_count", "value": None},
                    {"feature": "gone_with_an_older_model", "value": 3.0},
                ],
            },
        ],
        "latest_facts": {"illness": {"occurred_on": "2026-09-05"}, "housing": None},
    }
    assert known_of(body, "zh") == [
        Known("最近一年看病，报销以后自己出了1.2万元", "（医保登记，最近一次2026-09-05）"),
        Known("家里收入方面的登记", None),
        Known("住的房子登记为危房", "（住建登记）"),
    ]
    assert known_of(body, "en")[0] == Known(
        "medical care of the last year, paid by yourselves after reimbursement: ¥12,000",
        "(on record with: medical insurance; latest 2026-09-05)",
    )
