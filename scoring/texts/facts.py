"""Facts in words: how the values of features are written, and how a sentence states them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from features import FEATURES
from scoring.texts import VALUE, Bilingual, catalogue, fill, in_both, value_writer

DAYS_OF_YEAR = 365


def feature_value(feature: str, value: float | None) -> Bilingual:
    """Any value of a feature with its unit: changes as more or less, days of which none was in the window."""
    # Missing values are NaN, which alone is not equal to itself.
    if value is None or value != value:
        return in_both("units", "missing")
    return _writer(feature)(value)


def statement(feature: str, value: float | None) -> Bilingual:
    """A value as a sentence would say it: after the feature's name, or, of yes or no, what is so."""
    said, missing = _stater(feature)
    return missing if value is None or value != value else said(value)


def state(feature: str, written: Bilingual) -> Bilingual:
    """The same of a value that is written already; not of yes or no."""
    return fill(_patterns(feature), written)


@cache
def _patterns(feature: str) -> Bilingual:
    """What a sentence says of a feature, with `VALUE` where its value stands."""
    one = FEATURES[feature]
    zh, en = in_both("sentence", "fact")
    return zh.replace("{label}", one.zh), en.replace("{label}", one.en)


@cache
def _stater(feature: str) -> tuple[Callable[[float], Bilingual], Bilingual]:
    """What states the values of a feature that are there, and what is said where there is none."""
    patterns = _patterns(feature)
    missing = fill(patterns, in_both("units", "missing"))
    if feature in catalogue("zh")["answers"]:
        yes, no = (in_both("answers", feature, answer) for answer in ("yes", "no"))
        return lambda value: yes if value else no, missing
    return _writer(feature, patterns), missing


@cache
def _writer(feature: str, patterns: Bilingual = (VALUE, VALUE)) -> Callable[[float], Bilingual]:
    """What writes the values of a feature that are there: its name and unit are looked at once."""
    one = FEATURES[feature]
    if "_change_" in feature:
        same, more, less = (
            fill(patterns, in_both("units", "change", way)) for way in ("same", "more", "less")
        )
        rise, fall = value_writer(one.unit, "", more), value_writer(one.unit, "", less)
        return lambda value: same if round(value) == 0 else rise(value) if value > 0 else fall(-value)
    plainly = value_writer(one.unit, feature, patterns)
    if "_days_since_" not in feature:
        return plainly
    window = one.window_months * DAYS_OF_YEAR // 12
    zh, en = (said.format(months=one.window_months) for said in in_both("units", "none_in"))
    none_in = fill(patterns, (zh, en))
    # Where there was none, it is the whole window.
    return lambda value: none_in if value >= window else plainly(value)
