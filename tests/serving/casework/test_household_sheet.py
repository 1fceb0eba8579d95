"""The sheet for the household: plain words in both languages, its own reasons, and nothing that decides."""

from __future__ import annotations

import datetime as dt
import re

import pytest

from features.reference_income import PARTS
from serving.cases.account import LINES
from serving.cases.correction import CorrectionState
from serving.cases.guarantees import ITEMS, Check
from serving.cases.household_sheet import MOST_REASONS, Occasion, make_sheet, reasons_of
from serving.cases.texts import case_texts
from serving.cases.visit import PROTECTIVE, UNSAFE, Finding, Rigid, Why

REASONS = ["近12个月医疗自付1.2万元，高于本村一般水平", "户内没有劳动力"]


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
        "correction_state": CorrectionState,
    }.items():  # fmt: skip
        assert set(words[kind]) == {str(one) for one in codes}, kind


@pytest.mark.parametrize("occasion", list(Occasion))
@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_household_is_told_why_what_and_how_to_object(language: str, occasion: Occasion) -> None:
    sheet = make_sheet(language, occasion, REASONS * 4, dt.date(2026, 11, 2))
    text = "\n".join([
        sheet.title,
        sheet.visited,
        *(one for part in sheet.sections for one in part.paragraphs),
    ])
    assert len(sheet.sections) == 4
    assert all(one.heading and one.paragraphs for one in sheet.sections)
    assert "2026-11-02" in text
    assert "12345" in text
    # Who came by lot, or by plan, is not told reasons: there were none to come for.
    assert (REASONS[0] in text) == (occasion is Occasion.LISTED)
    assert len(sheet.sections[0].paragraphs) <= 1 + MOST_REASONS
    # A score decides nothing, and none is on the sheet.
    assert not re.search(r"\d\s*%|0\.\d|评分|score of", text)


def test_a_listed_household_without_reasons_is_told_no_reasons() -> None:
    listed = make_sheet("zh", Occasion.LISTED, [])
    assert listed.sections[0].paragraphs == (case_texts("zh")["sheet"]["why_unlisted"],)
    assert "____" in listed.visited


def test_the_reasons_are_the_assessments_own_each_once() -> None:
    body = {
        "rule_hits": [{"text": {"zh": "自付超线", "en": "x"}}],
        "risk_reasons": [
            {"text": {language: {"sentence": said, "name": "?"} for language, said in one.items()}}
            for one in ({"zh": "自付超线", "en": "x"}, {"zh": "无劳动力", "en": "y"})
        ],
    }
    assert reasons_of(body, "zh") == ["自付超线", "无劳动力"]
