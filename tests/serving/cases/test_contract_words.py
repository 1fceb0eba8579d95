"""Every value of every contract has its word in both languages, as the contract itself lists them."""

from __future__ import annotations

import re

import pytest

from features.signals.fields import Category
from serving.cases.contract_words import category_words, field_label
from serving.cases.correction import FEEDS

CATEGORIES = [
    (feed, field) for feed, one in FEEDS.items() for field in one.fields if isinstance(field, Category)
]


@pytest.mark.parametrize(
    ("feed", "field"), CATEGORIES, ids=[f"{feed}-{one.name}" for feed, one in CATEGORIES]
)
def test_every_value_has_a_word_and_no_two_the_same(feed: str, field: Category) -> None:
    for language in ("zh", "en"):
        words = category_words(feed, field, language)
        assert tuple(words) == field.categories
        assert len(set(words.values())) == len(words)
        assert field_label(field, language)
    if field.name not in {"grade", "line"}:
        assert all(re.search(r"[\u4e00-\u9fff]", one) for one in category_words(feed, field, "zh").values())


def test_the_words_are_those_that_the_contract_lists() -> None:
    checked = 0
    for feed, field in CATEGORIES:
        label, colon, listed = field.zh.partition("：")
        if colon and (feed, field.name) != ("guarantee", "item"):
            assert list(category_words(feed, field, "zh").values()) == listed.split("、"), (feed, field.name)
            assert field_label(field, "zh") == label
            checked += 1
    assert checked >= 12
