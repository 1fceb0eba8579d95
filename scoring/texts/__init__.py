"""The one catalogue of what officials read, Chinese first, English second, and how numbers are written."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from importlib import resources
from typing import Any

import yaml

LANGUAGES = ("zh", "en")


@cache
def catalogue(language: str) -> dict[str, Any]:
    """All texts of a language; raises `KeyError` for a language there is none of."""
    if language not in LANGUAGES:
        raise KeyError(language)
    text = resources.files(__package__).joinpath(f"{language}.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def format_value(value: float | None, unit: str, language: str, feature: str = "") -> str:
    """A value as officials write it: 1.2万元, 3人, 45%, 是; `feature` where it counts its own thing: 2笔."""
    if value is None or math.isnan(value):
        return str(catalogue(language)["units"]["missing"])
    return value_writer(unit, language, feature)(value)


@cache
def value_writer(unit: str, language: str, feature: str = "") -> Callable[[float], str]:
    """What writes the values of a unit that are there, found once; raises `KeyError` for an unknown unit."""
    words = catalogue(language)["units"]
    counter = catalogue(language)["counters"].get(feature)
    if counter is not None:
        return lambda value: f"{_plain(value)}{counter}"
    if unit.startswith("yuan"):
        return _money_zh if language == "zh" else _money_en
    if unit == "share":
        return lambda value: f"{_percent(value * 100)}%"
    if unit == "percent":
        return lambda value: f"{_percent(value)}%"
    if unit == "yes/no":
        yes, no = str(words["yes"]), str(words["no"])
        return lambda value: yes if value else no
    several = words[unit]
    single = words["one"].get(unit, several)

    def write(value: float) -> str:
        if unit == "persons":
            # Fewer than nobody cannot be: people of weak ability work too.
            value = max(value, 0.0)
        amount = _plain(value)
        return f"{amount}{single if amount == '1' else several}"

    return write


def percent(probability: float) -> str:
    """A score as it is written: 23.1%, 0.62%; never a bare 0% for something that can happen."""
    if probability < 0.0001:
        return "<0.01%"
    return f"{probability:.2%}" if probability < 0.01 else f"{probability:.1%}"


def _percent(value: float) -> str:
    # 0.4 % of a village is somebody, and not nobody.
    return f"{value:z,.1f}" if 0 < abs(value) < 1 else f"{value:z,.0f}"


def _plain(value: float) -> str:
    # Counts are whole; the median of two counts, and land, need not be.
    return f"{value:z,.1f}".removesuffix(".0")


def _money_zh(value: float) -> str:
    amount = round(value)
    if -10_000 < amount < 10_000:
        return f"{amount:,}元"
    return f"{amount / 10_000:,.1f}".removesuffix(".0") + "万元"


def _money_en(value: float) -> str:
    amount = round(value)
    return f"-¥{-amount:,}" if amount < 0 else f"¥{amount:,}"
