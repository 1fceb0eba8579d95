"""The one catalogue of what officials read, Chinese first, English second, and how numbers are written."""

from __future__ import annotations

import math
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


def format_value(value: float | None, unit: str, language: str) -> str:
    """A feature's value as officials write it: 1.2万元, 3人, 45%, 是."""
    words = catalogue(language)["units"]
    if value is None or math.isnan(value):
        return str(words["missing"])
    if unit.startswith("yuan"):
        return _money(value, language)
    if unit == "share":
        return f"{value * 100:.0f}%"
    if unit == "percent":
        return f"{value:.0f}%"
    if unit == "yes/no":
        return str(words["yes"] if value else words["no"])
    return f"{value:,.0f}{words[unit]}"


def _money(value: float, language: str) -> str:
    if language == "zh":
        if abs(value) >= 10_000:
            return f"{value / 10_000:,.1f}万元".replace(".0万", "万")
        return f"{value:,.0f}元"
    return f"{'-' if value < 0 else ''}¥{abs(value):,.0f}"
