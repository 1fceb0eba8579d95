"""Reasons: contributions summed by cause family and worded with the household's own facts.

Features of one cause are correlated, so their contributions are summed before anything is ranked: a cause
speaks once. A reason states only values that the model used and which way they moved the estimate; it
never claims a cause of hardship. That is for the visit to find out.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Literal, NamedTuple

from features import CONTRACTS, FEATURES
from scoring.shares import share_word
from scoring.texts import Bilingual, catalogue, in_language
from scoring.texts.facts import feature_value, state, statement

Effect = Literal["risk", "protective"]
Freshness = Literal["fresh", "partial", "stale", "missing"]

MOST_RISK_REASONS = 4
MOST_PROTECTIVE_REASONS = 3
MOST_FACTS = 2

KEPT_FACTS = 3
"""Facts of a family that are kept: enough to say later what changed, and no copy of the whole vector."""

LEAST_CONTRIBUTION = 0.05
"""Log-odds under which a family is not worth a sentence: it moves the odds by less than 5 %."""

STRONG, MODERATE = 1.0, 0.4
"""Log-odds from which an influence is called strong (odds × 2.7) or moderate (odds × 1.5)."""

MOST_DEPARTMENTS = 3
"""Departments that are named for one fact; of more, their number is said."""

REGISTERS = ("household", "member")
"""Feeds that say who the household is; most facts divide by them."""

MOST_RANKS_MOVED = 1
"""How many ranks a firm reason may move in a sibling model."""


class FactSource(NamedTuple):
    """A feed a fact was taken from: the household's latest record there, and the state of the feed."""

    feed: str
    latest_on: dt.date | None
    state: Freshness


class ReasonFact(NamedTuple):
    """One value of the household that carries a reason; `value` is `None` where it is missing.

    `usual_village` and `usual_town` are the usual values of the feature there, where they are known.
    """

    feature: str
    value: float | None
    contribution: float
    usual_village: float | None = None
    usual_town: float | None = None
    sources: tuple[FactSource, ...] = ()


class Reason(NamedTuple):
    """One cause family with its contribution in calibrated log-odds and the facts that carry it.

    `code` is the official cause code; `family` tells apart what shares the code 99. `share` is the part of
    everything that raises the risk, for risk reasons alone. `is_firm` says whether the reason keeps its rank
    in the sibling models; `None` where there are none.
    """

    code: str
    family: str
    effect: Effect
    contribution: float
    facts: tuple[ReasonFact, ...]
    share: float | None = None
    is_firm: bool | None = None

    @property
    def strength(self) -> Literal["strong", "moderate", "slight"]:
        """How much of an influence, in words."""
        size = abs(self.contribution)
        return "strong" if size >= STRONG else "moderate" if size >= MODERATE else "slight"


class KeptFact(NamedTuple):
    """One of the facts that weigh most in a family; `value` is `None` where it is missing."""

    feature: str
    value: float | None
    contribution: float


@dataclass(frozen=True)
class Family:
    """The exact sum of a cause family's contributions with the facts that weigh most in it."""

    name: str
    contribution: float
    facts: tuple[KeptFact, ...]


def with_firmness(reasons: Sequence[Reason], siblings: Sequence[Sequence[str]]) -> list[Reason]:
    """The reasons with `is_firm`, from the families that each sibling model shows, strongest first.

    A reason is firm when every sibling shows its family with the same effect, at a rank that differs by at
    most `MOST_RANKS_MOVED`. Without siblings nothing is said.
    """
    if not siblings:
        return list(reasons)
    ranks = [{family: rank for rank, family in enumerate(shown)} for shown in siblings]
    return [
        one._replace(
            is_firm=all(
                one.family in there and abs(there[one.family] - rank) <= MOST_RANKS_MOVED for there in ranks
            ),
        )
        for rank, one in enumerate(reasons)
    ]


def family_of(feature: str) -> str:
    """The cause family a feature speaks for: its code, and under 99 its theme too."""
    return _FAMILIES[feature]


_FAMILIES = {name: f"99.{one.theme}" if one.cause == "99" else one.cause for name, one in FEATURES.items()}


class FactWords(NamedTuple):
    """A fact in one language: its name, its value, and, where known, what is usual and the source.

    `statement` says the fact as a sentence would: of yes or no, what is so, with no question before it.
    """

    label: str
    value: str
    statement: str
    usual: str | None
    source: str | None


def fact_words(fact: ReasonFact) -> tuple[FactWords, FactWords]:
    """Everything that is said of a fact, in each of the languages."""
    feature = FEATURES[fact.feature]
    value = feature_value(feature.name, fact.value)
    # A question with its answer is no sentence: what is so is said.
    is_asked = feature.unit == "yes/no"
    stated = statement(feature.name, fact.value) if is_asked else state(feature.name, value)
    return (
        FactWords(feature.zh, value[0], stated[0], usual_text(fact, "zh"), source_text(fact, "zh")),
        FactWords(feature.en, value[1], stated[1], usual_text(fact, "en"), source_text(fact, "en")),
    )


def reason_text(reason: Reason, language: str, words: Sequence[FactWords] | None = None) -> dict[str, str]:
    """A reason in words: name, sentence, effect, strength and what to check at the door.

    `words` are those of its facts, where they are at hand. Share and firmness are there where they are known.
    """
    texts = catalogue(language)
    if words is None:
        words = [in_language(fact_words(one), language) for one in reason.facts]
    said = {
        "name": reason_name(reason, language),
        "sentence": sentence(reason, language, words),
        "effect": texts["effect"][reason.effect],
        "strength": texts["strength"][reason.strength],
        "check": check_text(reason, language),
    }
    if reason.share is not None:
        said["share"] = texts["shares"][share_word(reason.share)]
    if reason.is_firm is not None:
        said["firmness"] = texts["firmness"]["firm" if reason.is_firm else "weak"]
    return said


def sentence(reason: Reason, language: str, words: Sequence[FactWords]) -> str:
    """A reason as one sentence from the words of its facts."""
    before, between, after = in_language(_frames(reason.family, reason.effect, _is_told(reason)), language)
    return f"{before}{between.join([clause(one, language) for one in words])}{after}"


def sentences(reason: Reason) -> Bilingual:
    """The same in each of the languages; of facts without anything beside them it takes half the time."""
    in_zh, in_en = [], []
    for fact in reason.facts:
        feature, value, _, village, town, sources = fact
        if village is None and town is None and not sources:
            zh, en = statement(feature, value)
        else:
            of_zh, of_en = fact_words(fact)
            zh, en = clause(of_zh, "zh"), clause(of_en, "en")
        in_zh.append(zh)
        in_en.append(en)
    is_told = _is_told(reason)
    (zh, zh_between, zh_end), (en, en_between, en_end) = _frames(reason.family, reason.effect, is_told)
    return f"{zh}{zh_between.join(in_zh)}{zh_end}", f"{en}{en_between.join(in_en)}{en_end}"


@cache
def _frames(family: str, effect: Effect, is_told: bool) -> tuple[_Frame, _Frame]:
    """What stands before, between and after the facts in the sentence of a reason, in each language."""

    def frame(language: str) -> _Frame:
        pattern = catalogue(language)["sentence"]
        before, _, after = pattern[effect].partition("{facts}")
        name = _name(family, effect, is_told, language)
        return before.format(name=name), pattern["separator"], after.format(name=name)

    return frame("zh"), frame("en")


_Frame = tuple[str, str, str]


def reason_name(reason: Reason, language: str) -> str:
    """What a reason is called."""
    return _name(reason.family, reason.effect, _is_told(reason), language)


def _name(family: str, effect: Effect, is_told: bool, language: str) -> str:
    texts = catalogue(language)["families"][family]
    # Missing values name no cause.
    name: str = texts["name"] if effect == "risk" and is_told else texts["topic"]
    return name


def _is_told(reason: Reason) -> bool:
    """Whether the value of one of its facts is there."""
    # Written out: a generator takes three times as long, for every reason in every language.
    for fact in reason.facts:  # noqa: SIM110
        if fact.value is not None:
            return True
    return False


def check_text(reason: Reason, language: str) -> str:
    """The one thing to look at for the fact that carries the reason most."""
    texts = catalogue(language)
    lead = reason.facts[0] if reason.facts else None
    if lead is None or lead.value is None:
        asked = feature_label(lead.feature, language) if lead else texts["families"][reason.family]["topic"]
        unknown: str = texts["check_unknown"].format(label=asked)
        return unknown
    said: str = texts["families"][reason.family]["checks"][lead.feature.partition("_")[0]]
    return said


def clause(words: FactWords, language: str) -> str:
    """A fact as part of a sentence: value, usual value here, source, latest record and freshness."""
    pattern = catalogue(language)["sentence"]
    said = words.statement
    beside = [one for one in (words.usual, words.source) if one]
    if not beside:
        return said
    beside_it: str = pattern["beside"].format(facts=pattern["beside_separator"].join(beside))
    return said + beside_it


def usual_text(fact: ReasonFact, language: str) -> str | None:
    """What is usual in the village and the town; `None` where nothing is known of that."""
    if fact.value is None or (fact.usual_village is None and fact.usual_town is None):
        return None
    texts = catalogue(language)["usual"]
    here = [
        (place, one)
        for place, one in (("village", fact.usual_village), ("town", fact.usual_town))
        if one is not None
    ]
    if FEATURES[fact.feature].unit == "yes/no":
        # Half of them say yes: then most say nothing.
        parts = [
            texts[f"mostly_{place}"]["same" if bool(one) == bool(fact.value) else "other"]
            for place, one in here
            if one in (0, 1)
        ]
    else:
        parts = [
            texts[f"usually_{place}"].format(value=value_text(fact.feature, one, language))
            for place, one in here
        ]
    joined: str = texts["separator"].join(parts)
    return joined or None


def source_text(fact: ReasonFact, language: str) -> str | None:
    """Departments, the household's latest record there and how fresh they are; `None` without sources."""
    if not fact.sources:
        return None
    latest = max([one.latest_on for one in fact.sources if one.latest_on is not None], default=None)
    feeds = tuple([one.feed for one in fact.sources])
    return _source(feeds, latest, fact.value is not None, worst_state(fact.sources), language)


@lru_cache(maxsize=16_384)
def _source(
    feeds: tuple[str, ...], latest: dt.date | None, is_known: bool, state: Freshness, language: str
) -> str:
    """The same by what it says: households of one day share most of it."""
    pattern = catalogue(language)["source"]
    parts = [departments_text(feeds, language)]
    if is_known:
        parts.append(pattern["latest"].format(date=latest.isoformat()) if latest else pattern["no_record"])
    parts.append(pattern["state"][state])
    joined: str = pattern["join"].join(parts)
    return joined


@cache
def departments_text(feeds: tuple[str, ...], language: str) -> str:
    """The departments of feeds, each once; those that only keep the registers come last."""
    contracts = [CONTRACTS[one] for one in feeds if one in CONTRACTS]
    contracts.sort(key=lambda one: one.name in REGISTERS)
    told = [one.source_zh.split("、") if language == "zh" else one.source_en.split(", ") for one in contracts]
    departments = list(dict.fromkeys(name for names in told for name in names))
    pattern = catalogue(language)["source"]
    named: str = pattern["separator"].join(departments[:MOST_DEPARTMENTS])
    if len(departments) > MOST_DEPARTMENTS:
        rest = len(departments) - MOST_DEPARTMENTS
        named = pattern["more"].format(named=named, count=len(departments), rest=rest)
    return named


def worst_state(sources: Sequence[FactSource]) -> Freshness:
    """The state of the feed that is worst off."""
    found = [one.state for one in sources]
    order: tuple[Freshness, ...] = ("missing", "stale", "partial")
    return next((one for one in order if one in found), "fresh")


def feature_label(feature: str, language: str) -> str:
    """The feature's name, which states its window."""
    one = FEATURES[feature]
    return one.zh if language == "zh" else one.en


def value_text(feature: str, value: float | None, language: str) -> str:
    """Any value of a feature with its unit: changes as more or less, days of which none was in the window."""
    return in_language(feature_value(feature, value), language)


def known(value: float) -> float | None:
    """The value, or `None` where it is missing."""
    return value if value == value else None
