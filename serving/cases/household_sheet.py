"""The sheet that a household is left with, in words that everybody understands: why somebody came, what is
known and from where, what happens next, how to object and correct, and whom to call.

It is the household's own and is printed. It has no score, no grade and no number that names anybody.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from features import FEATURES
from features.signals import REQUEST_FEEDS
from scoring.reasons import departments_text, value_text
from serving.cases.clocks import Clock, CountedIn, find_term
from serving.cases.texts import case_texts

MOST_KNOWN = 6
_BLANK = "____-__-__"


class Occasion(StrEnum):
    """Why a household is visited."""

    LISTED = "listed"
    UNLISTED = "unlisted"
    RANDOM = "random"


@dataclass(frozen=True)
class Known:
    """One thing that is on record of the household, and who has it on record."""

    text: str
    source: str | None


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it: what is known of the household before the sentences."""

    heading: str
    paragraphs: tuple[str, ...]
    known: tuple[Known, ...] = ()


@dataclass(frozen=True)
class HouseholdSheet:
    """The sheet in one language."""

    title: str
    visited: str
    sections: tuple[Section, ...]


def make_sheet(
    language: str,
    occasion: Occasion,
    known: Sequence[Known],
    village_code: str,
    today: dt.date,
    visited_on: dt.date | None = None,
) -> HouseholdSheet:
    """The sheet of a visit; `known` is what is on record that made somebody come (see `known_of`).

    A household that was not listed, or was drawn by lot, is told nothing as known: nobody came for it.
    Raises `KeyError` for a language there are no words in, `PolicyError` where no deadlines are in force.
    """
    words: dict[str, str] = case_texts(language)["sheet"]
    told = known[:MOST_KNOWN] if occasion is Occasion.LISTED else ()
    why = occasion if told or occasion is Occasion.RANDOM else Occasion.UNLISTED
    days = _days_until_told(village_code, visited_on or today)
    upcoming = [words["next_look"], words["next_need"]]
    if days is not None:
        upcoming.append(words["next_days"].format(days=days))
    return HouseholdSheet(
        words["title"],
        words["visited"].format(day=visited_on.isoformat() if visited_on else _BLANK),
        (
            Section(words["why_heading"], (words[f"why_{why.value}"],)),
            *([Section(words["known_heading"], (words["known_check"],), tuple(told))] if told else []),
            Section(words["next_heading"], (*upcoming, words["next_none"], words["next_people"])),
            _section(words, "rights", ("object", "correct", "refuse", "secret", "answer")),
            _section(words, "call", ("visitor", "village", "town", "hotline", "apply")),
        ),
    )


def known_of(assessment: Mapping[str, Any], language: str) -> list[Known]:
    """What an assessment rests on as the household is told it: alerts of departments first, each thing once.

    Of what has no plain words (shares, comparisons with the village) only what it is about is told.
    """
    words, latest = case_texts(language), assessment["latest_facts"]
    standing = assessment.get("standing") or {"rule_hits": ()}
    facts = [(one["feature"], one["value"]) for one in (*assessment["rule_hits"], *standing["rule_hits"])]
    found = [_known(*one, latest, language) for one in facts]
    for reason in assessment["risk_reasons"]:
        told = [_known(one["feature"], one["value"], latest, language) for one in reason["facts"]]
        if not any(told):
            topic = words["sheet_topic"].get(reason["family"])
            told = [Known(words["sheet"]["known_topic"].format(topic=topic), None)] if topic else []
        found += told
    return list(dict.fromkeys(one for one in found if one is not None))


def _known(
    feature: str, value: float | None, latest: Mapping[str, Mapping[str, Any] | None], language: str
) -> Known | None:
    words = case_texts(language)
    said = words["sheet_fact"].get(feature)
    if said is None or feature not in FEATURES or not value:
        return None
    feeds = tuple(one for one in FEATURES[feature].feeds if one in REQUEST_FEEDS)
    days = [fact["occurred_on"] for one in feeds if (fact := latest.get(one)) is not None]
    source = words["sheet"]["known_source" if days else "known_source_undated"].format(
        departments=departments_text(feeds, language), date=max(days, default="")
    )
    return Known(str(said).format(value=value_text(feature, value, language)), source)


def _days_until_told(village_code: str, on: dt.date) -> int | None:
    """Within how many days the county decides, where a published document says so."""
    term = find_term(Clock.IDENTIFICATION, village_code, on)
    return None if term.is_assumption or term.kind is not CountedIn.CALENDAR_DAYS else term.length


def _section(words: Mapping[str, str], name: str, parts: Iterable[str]) -> Section:
    return Section(words[f"{name}_heading"], tuple(words[f"{name}_{one}"] for one in parts))
