"""Causes in words: the official ones by their numbers, and the two that have no number by their own."""

from __future__ import annotations

import datetime as dt

from features.policy import policy_value
from serving.cases.clocks import region_of
from serving.cases.texts import case_texts
from serving.cases.visit import UNSAFE, cause_codes


def cause_names(village_code: str, on: dt.date, language: str) -> dict[str, str]:
    """Every cause of a day and region in words, by its code."""
    region = region_of(village_code)
    said, unsafe = policy_value("reason_codes", region, on).value, case_texts(language)["unsafe"]
    return {
        code: unsafe[code] if code in UNSAFE else f"{code} {said[code][language]}"
        for code in cause_codes(on, region)
    }
