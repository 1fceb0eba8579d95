"""What fields of contracts and values of their categories are called where a person reads or chooses them."""

from __future__ import annotations

import re

from features.signals.fields import Category, Field
from serving.cases.texts import case_texts

_ELSEWHERE = {("account", "line"): "account_line", ("guarantee", "item"): "guarantee_item"}
"""Values that visits have words of already."""
_STEM = re.compile(r"[:：;；]")


def field_label(field: Field, language: str) -> str:
    """Its name, without the list of its values that some contracts have behind it."""
    return _STEM.split(field.zh if language == "zh" else field.en)[0].strip()


def category_words(feed: str, field: Category, language: str) -> dict[str, str]:
    """Every value of a category of a feed with its word, in the order of the contract."""
    words = case_texts(language)
    kind = _ELSEWHERE.get((feed, field.name))
    said = words[kind] if kind else words["category"][feed][field.name]
    return {one: str(said[one]) for one in field.categories}
