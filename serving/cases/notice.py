"""The village's notice (村内公示): what may hang on a board for everybody to read, and nothing else.

It is made of days, the village's code and a number, never of a person's data. What the village calls the
household it writes in by hand; an ID number, a phone, a bank account or an illness has no place to stand in.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from scoring.texts import LANGUAGES
from serving.cases.case import Case
from serving.cases.texts import case_texts

LINES = ("opening", "number", "village", "household", "days", "closing", "care")


@dataclass(frozen=True)
class Notice:
    """A notice in words, line by line, in every language."""

    number: str
    published_on: dt.date
    ends_on: dt.date
    title: dict[str, str]
    lines: dict[str, tuple[str, ...]]


def make_notice(case: Case, published_on: dt.date) -> Notice:
    """The notice of a case that is before the village; raises `ValueError` for another."""
    if case.notice_ends_on is None:
        raise ValueError("the case is not before the village")
    said = {
        # It finds the case again, and cannot be followed to the household's key.
        "number": case.id[:12].upper(),
        "village": case.village_code,
        "published_on": published_on.isoformat(),
        "ends_on": case.notice_ends_on.isoformat(),
    }
    words = {language: case_texts(language)["notice"] for language in LANGUAGES}
    return Notice(
        number=said["number"],
        published_on=published_on,
        ends_on=case.notice_ends_on,
        title={language: words[language]["title"] for language in LANGUAGES},
        lines={
            language: tuple(words[language][line].format(**said) for line in LINES) for language in LANGUAGES
        },
    )
