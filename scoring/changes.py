"""Changes: what moved a household's score between two assessments.

Under one model the base value is the same, so the differences of the cause families add up to the difference
of the calibrated log-odds. Two models share no scale: of those only the grades are compared, and it is said.
Where a feed fell silent in between nothing is compared: that data got too old is no improvement.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from features import FEATURES
from scoring.reasons import LEAST_CONTRIBUTION, MOST_FACTS, feature_label, value_text
from scoring.silence import lapsed_hits, newly_silent
from scoring.statement import feed_names, hit_text
from scoring.texts import LANGUAGES, catalogue, percent

Basis = Literal["contributions", "other_model", "no_contributions", "data_silent"]

MOST_CHANGES = 3
"""How many families are put into words."""


@dataclass(frozen=True)
class MovedFact:
    """A fact that weighs differently. A value is `None` where it was missing or weighed too little."""

    feature: str
    former: float | None
    latter: float | None
    difference: float


@dataclass(frozen=True)
class FamilyChange:
    """How much more (or less) log-odds a cause family adds than before, with the facts that moved most."""

    family: str
    difference: float
    facts: tuple[MovedFact, ...]


@dataclass(frozen=True)
class Changes:
    """Two assessments of one household compared.

    `silent_feeds` are those of which less is known than before (`basis` ``data_silent``), `lapsed_hits` the
    former's rule hits that read one of them: neither moved the risk. `families` has every family of either,
    largest difference first, where `basis` is ``contributions``; their differences add up to
    `log_odds_difference`.
    """

    basis: Basis
    former_date: str
    latter_date: str
    former_score: float
    latter_score: float
    former_grade: str
    latter_grade: str
    log_odds_difference: float | None = None
    families: tuple[FamilyChange, ...] = ()
    silent_feeds: tuple[str, ...] = ()
    lapsed_hits: tuple[dict[str, Any], ...] = ()

    @property
    def since(self) -> str:
        """A key of the catalogue: how the day of the former is told, which may have been corrected since."""
        return "before_correction" if self.former_date == self.latter_date else "since"


def find_changes(former: Mapping[str, Any], latter: Mapping[str, Any]) -> Changes:
    """Compare two statements (see `scoring.statement`) of one household."""
    basis: Basis = "contributions"
    silent = newly_silent(former, latter)
    if silent:
        basis = "data_silent"
    elif former["model_version"] != latter["model_version"]:
        basis = "other_model"
    elif "families" not in former or "families" not in latter:
        # Written before contributions were kept.
        basis = "no_contributions"
    compared = (
        basis,
        former["as_of_date"],
        latter["as_of_date"],
        former["score"],
        latter["score"],
        former["grade"],
        latter["grade"],
    )
    if silent:
        return Changes(*compared, silent_feeds=silent, lapsed_hits=tuple(lapsed_hits(former, latter, silent)))
    if basis != "contributions":
        return Changes(*compared)
    before = {one["family"]: one for one in former["families"]}
    after = {one["family"]: one for one in latter["families"]}
    changed = [_change(name, before.get(name), after.get(name)) for name in sorted({*before, *after})]
    changed.sort(key=lambda one: -abs(one.difference))
    return Changes(*compared, latter["log_odds"] - former["log_odds"], tuple(changed))


def change_texts(changes: Changes, language: str) -> list[str]:
    """The sentences: what became of the score, then a sentence for each family that moved it most."""
    texts = catalogue(language)["changes"]
    date = texts[changes.since].format(date=changes.former_date)
    if changes.basis == "data_silent":
        return _silent_texts(changes, language)
    if changes.basis != "contributions":
        grades = catalogue(language)["grades"]
        moved = "grade_same" if changes.former_grade == changes.latter_grade else "grade_moved"
        return [
            texts[changes.basis].format(date=date),
            texts[moved].format(former=grades[changes.former_grade], latter=grades[changes.latter_grade]),
        ]
    former, latter = percent(changes.former_score), percent(changes.latter_score)
    direction = (
        "same" if former == latter else "rose" if changes.latter_score > changes.former_score else "fell"
    )
    said = [texts[direction].format(date=date, former=former, latter=latter)]
    told = [one for one in changes.families if abs(one.difference) >= LEAST_CONTRIBUTION]
    families = [
        _family_text(one, language)
        for one in told[:MOST_CHANGES]
        if one.family in catalogue(language)["families"]
    ]
    return [*said, *(families or [texts["no_main"]])]


def _silent_texts(changes: Changes, language: str) -> list[str]:
    texts, grades = catalogue(language)["changes"], catalogue(language)["grades"]
    said = [
        texts["data_silent"].format(
            date=changes.former_date,
            feeds=feed_names(changes.silent_feeds, language),
            score=percent(changes.former_score),
            grade=grades[changes.former_grade],
        )
    ]
    if changes.lapsed_hits:
        hits = catalogue(language)["standing"]["separator"].join(
            hit_text(one, language) for one in changes.lapsed_hits
        )
        said.append(texts["hits_lapsed"].format(hits=hits))
    return [*said, texts["silent_stays"]]


def make_changes(former: Mapping[str, Any], latter: Mapping[str, Any]) -> dict[str, Any]:
    """The comparison of two statements as JSON, with its sentences in every language."""
    found = find_changes(former, latter)
    return {**asdict(found), "text": {language: change_texts(found, language) for language in LANGUAGES}}


def _change(name: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> FamilyChange:
    former = {one["feature"]: one for one in before["facts"]} if before else {}
    latter = {one["feature"]: one for one in after["facts"]} if after else {}
    moved = [
        MovedFact(
            feature,
            former[feature]["value"] if feature in former else None,
            latter[feature]["value"] if feature in latter else None,
            (latter[feature]["contribution"] if feature in latter else 0.0)
            - (former[feature]["contribution"] if feature in former else 0.0),
        )
        for feature in dict.fromkeys((*latter, *former))
        if feature in FEATURES
    ]
    difference = math.fsum((
        after["contribution"] if after else 0.0,
        -before["contribution"] if before else 0.0,
    ))
    sign = 1.0 if difference > 0 else -1.0
    along = sorted(
        (one for one in moved if one.difference * sign > 0 and _is_sensible(one)),
        key=lambda one: -abs(one.difference),
    )
    return FamilyChange(name, difference, tuple(along))


def _is_sensible(fact: MovedFact) -> bool:
    # Contributions of one feature also move with what stands beside it. A value that fell where more of it
    # means more risk explains no rise.
    if fact.former is None or fact.latter is None:
        return fact.former != fact.latter
    moved = fact.latter - fact.former
    return moved != 0 and moved * FEATURES[fact.feature].direction * fact.difference >= 0


def _family_text(change: FamilyChange, language: str) -> str:
    texts = catalogue(language)["changes"]
    name = catalogue(language)["families"][change.family]["topic"]
    said: str = texts["up" if change.difference > 0 else "down"].format(name=name)
    said = said[:1].upper() + said[1:]
    # What reads the same before and after tells nobody anything.
    facts = [text for text in (_moved_text(one, language) for one in change.facts) if text][:MOST_FACTS]
    if not facts:
        return str(texts["alone"].format(family=said))
    return str(texts["with_facts"].format(family=said, facts=texts["fact_separator"].join(facts)))


def _moved_text(fact: MovedFact, language: str) -> str | None:
    former = value_text(fact.feature, fact.former, language)
    latter = value_text(fact.feature, fact.latter, language)
    if former == latter:
        return None
    kinds = ("now", "before", "moved")
    if answers := catalogue(language)["answers"].get(fact.feature):
        kinds = ("is_now", "was", "turned")
        former, latter = (answers["yes" if one else "no"] for one in (fact.former, fact.latter))
    kind = kinds[0] if fact.former is None else kinds[1] if fact.latter is None else kinds[2]
    said: str = catalogue(language)["changes"][kind].format(
        label=feature_label(fact.feature, language), former=former, latter=latter
    )
    return said
