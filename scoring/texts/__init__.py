"""The one catalogue of what officials read, Chinese first, English second, and how numbers are written."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, reduce
from importlib import resources
from operator import getitem
from typing import Any, TypeVar

import yaml

LANGUAGES = ("zh", "en")

Bilingual = tuple[str, str]
"""A text in each of the languages, in their order: a number is read once, and written in both."""

Said = TypeVar("Said")

VALUE = "{value}"
"""Where the value stands in a pattern."""


@cache
def catalogue(language: str) -> dict[str, Any]:
    """All texts of a language; raises `KeyError` for a language there is none of."""
    if language not in LANGUAGES:
        raise KeyError(language)
    text = resources.files(__package__).joinpath(f"{language}.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


@cache
def in_both(*keys: str) -> Bilingual:
    """The text that stands under these keys, one below the other, in each language's catalogue."""
    zh, en = (reduce(getitem, keys, catalogue(language)) for language in LANGUAGES)
    return str(zh), str(en)


def in_language(said: tuple[Said, Said], language: str) -> Said:
    """What is said in one of the languages; raises `KeyError` for a language there is none of."""
    return said[_PLACES[language]]


_PLACES = {language: place for place, language in enumerate(LANGUAGES)}


def fill(patterns: Bilingual, texts: Bilingual) -> Bilingual:
    """The patterns with texts, which may be patterns themselves, where the value stands."""
    return patterns[0].replace(VALUE, texts[0]), patterns[1].replace(VALUE, texts[1])


def format_value(value: float | None, unit: str, language: str, feature: str = "") -> str:
    """A value as officials write it: 1.2万元, 3人, 45%, 是; `feature` where it counts its own thing: 2笔."""
    if value is None or math.isnan(value):
        return str(catalogue(language)["units"]["missing"])
    return in_language(value_writer(unit, feature)(value), language)


@cache
def value_writer(
    unit: str, feature: str = "", patterns: Bilingual = (VALUE, VALUE)
) -> Callable[[float], Bilingual]:
    """What writes the values of a unit that are there, found once; raises `KeyError` for an unknown unit.

    `patterns` have the words around each value, which are put together with it in one step.
    """
    if feature in catalogue("zh")["counters"]:
        counter = _after_value(in_both("counters", feature))
        return _count(fill(patterns, counter), fill(patterns, counter))
    if unit.startswith("yuan"):
        return _money(patterns)
    if unit in ("share", "percent"):
        return _percentage(fill(patterns, _after_value(("%", "%"))), 100 if unit == "share" else 1)
    if unit == "yes/no":
        yes, no = (fill(patterns, in_both("units", answer)) for answer in ("yes", "no"))
        return lambda value: yes if value else no
    several = _after_value(in_both("units", unit))
    has_single = unit in catalogue("zh")["units"]["one"]
    single = _after_value(in_both("units", "one", unit)) if has_single else several
    # Fewer than nobody cannot be: people of weak ability work too.
    least = 0.0 if unit == "persons" else -math.inf
    return _count(fill(patterns, several), fill(patterns, single), least)


def percent(probability: float) -> str:
    """A score as it is written: 23.1%, 0.62%; never a bare 0% for something that can happen."""
    if probability < 0.0001:
        return "<0.01%"
    return f"{probability:.2%}" if probability < 0.01 else f"{probability:.1%}"


def _count(several: Bilingual, single: Bilingual, least: float = -math.inf) -> Callable[[float], Bilingual]:
    (zh, zh_end), (en, en_end) = _around(several)
    one = fill(single, ("1", "1"))

    def write(value: float) -> Bilingual:
        # Counts are whole; the median of two counts, and land, need not be.
        amount = f"{least if value < least else value:z,.1f}".removesuffix(".0")
        return one if amount == "1" else (f"{zh}{amount}{zh_end}", f"{en}{amount}{en_end}")

    return write


def _percentage(patterns: Bilingual, scale: int) -> Callable[[float], Bilingual]:
    (zh, zh_end), (en, en_end) = _around(patterns)

    def write(value: float) -> Bilingual:
        value *= scale
        # 0.4 % of a village is somebody, and not nobody.
        amount = f"{value:z,.1f}" if 0 < abs(value) < 1 else f"{value:z,.0f}"
        return f"{zh}{amount}{zh_end}", f"{en}{amount}{en_end}"

    return write


def _money(patterns: Bilingual) -> Callable[[float], Bilingual]:
    (zh, zh_end), (en, en_end) = _around(patterns)

    def write(value: float) -> Bilingual:
        yuan = round(value)
        amount = f"{yuan:,}"
        in_en = f"{en}¥{amount}{en_end}" if yuan >= 0 else f"{en}-¥{amount[1:]}{en_end}"
        if -10_000 < yuan < 10_000:
            return f"{zh}{amount}元{zh_end}", in_en
        return f"{zh}{yuan / 10_000:,.1f}".removesuffix(".0") + f"万元{zh_end}", in_en

    return write


def _after_value(words: Bilingual) -> Bilingual:
    return VALUE + words[0], VALUE + words[1]


def _around(patterns: Bilingual) -> tuple[list[str], list[str]]:
    """What stands before and after the value in each pattern."""
    return patterns[0].split(VALUE), patterns[1].split(VALUE)
