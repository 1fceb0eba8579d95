"""The sheet that a household is left with: why somebody came, what was looked at, how to object and correct.

It is the household's own and is printed. It has no score, no grade and no number that names anybody.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from serving.cases.texts import case_texts

MOST_REASONS = 5


class Occasion(StrEnum):
    """Why a household is visited."""

    LISTED = "listed"
    UNLISTED = "unlisted"
    RANDOM = "random"


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it."""

    heading: str
    paragraphs: tuple[str, ...]


@dataclass(frozen=True)
class HouseholdSheet:
    """The sheet in one language."""

    title: str
    visited: str
    sections: tuple[Section, ...]


def make_sheet(
    language: str, occasion: Occasion, reasons: Sequence[str], visited_on: dt.date | None = None
) -> HouseholdSheet:
    """The sheet of a visit; `reasons` are the sentences that the visitor is shown (see `reasons_of`).

    A household that was not listed, or was drawn by lot, is told no reasons: there were none to come for.
    Raises `KeyError` for a language there are no words in.
    """
    words: dict[str, str] = case_texts(language)["sheet"]
    why = [words[f"why_{occasion.value}"]]
    if occasion is Occasion.LISTED:
        why = [words["why_listed"], *reasons[:MOST_REASONS]] if reasons else [words["why_unlisted"]]
    return HouseholdSheet(
        words["title"],
        f"{words['visited']}: {visited_on.isoformat() if visited_on else '____-__-__'}",
        (
            Section(words["why_heading"], tuple(why)),
            _section(words, "looked", ("account", "guarantees", *(("reasons",) if len(why) > 1 else ()))),
            _section(words, "used", ("help", "score", "secret")),
            _section(words, "rights", ("object", "correct", "refuse", "apply", "answer")),
        ),
    )


def reasons_of(assessment: Mapping[str, Any], language: str) -> list[str]:
    """The sentences of an assessment that the household is told: departments' facts first, then reasons."""
    standing = assessment.get("standing") or {"rule_hits": ()}
    hits = [one["text"][language] for one in (*assessment["rule_hits"], *standing["rule_hits"])]
    reasons = [one["text"][language]["sentence"] for one in assessment["risk_reasons"]]
    return list(dict.fromkeys([*hits, *reasons]))


def _section(words: Mapping[str, str], name: str, parts: Sequence[str]) -> Section:
    return Section(words[f"{name}_heading"], tuple(words[f"{name}_{one}"] for one in parts))
