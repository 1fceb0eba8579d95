"""Reasons: contributions summed by cause family and worded with the household's own facts.

Features of one cause are correlated, so their contributions are summed before anything is ranked: a cause
speaks once. A reason states only values that the model used and which way they moved the estimate; it
never claims a cause of hardship. That is for the visit to find out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from features import FEATURES
from scoring.texts import catalogue, format_value

MOST_RISK_REASONS = 4
MOST_PROTECTIVE_REASONS = 3
MOST_FACTS = 2

LEAST_CONTRIBUTION = 0.05
"""Log-odds under which a family is not worth a sentence: it moves the odds by less than 5 %."""

STRONG, MODERATE = 1.0, 0.4
"""Log-odds from which an influence is called strong (odds × 2.7) or moderate (odds × 1.5)."""


@dataclass(frozen=True)
class ReasonFact:
    """One value of the household that carries a reason; `value` is `None` where it is missing."""

    feature: str
    value: float | None
    contribution: float


@dataclass(frozen=True)
class Reason:
    """One cause family with its contribution in calibrated log-odds and the facts that carry it.

    `code` is the official cause code; `family` tells apart what shares the code 99.
    """

    code: str
    family: str
    effect: Literal["risk", "protective"]
    contribution: float
    facts: tuple[ReasonFact, ...]

    @property
    def strength(self) -> Literal["strong", "moderate", "slight"]:
        """How much of an influence, in words."""
        size = abs(self.contribution)
        return "strong" if size >= STRONG else "moderate" if size >= MODERATE else "slight"


def find_reasons(
    values: Mapping[str, float], contributions: Mapping[str, float]
) -> tuple[list[Reason], list[Reason]]:
    """Risk reasons (at most four) and protective ones (at most three), each strongest first.

    `values` are the household's feature values (NaN where missing), `contributions` the log-odds each
    feature of the model added.
    """
    families: dict[str, list[ReasonFact]] = {}
    for name, contribution in contributions.items():
        value = values[name]
        fact = ReasonFact(name, None if value != value else value, contribution)
        families.setdefault(family_of(name), []).append(fact)
    reasons = [_reason(family, facts) for family, facts in families.items()]
    worth = [one for one in reasons if abs(one.contribution) >= LEAST_CONTRIBUTION and one.facts]
    worth.sort(key=lambda one: (-abs(one.contribution), one.family))
    risk = [one for one in worth if one.effect == "risk"]
    protective = [one for one in worth if one.effect == "protective"]
    return risk[:MOST_RISK_REASONS], protective[:MOST_PROTECTIVE_REASONS]


def family_of(feature: str) -> str:
    """The cause family a feature speaks for: its code, and under 99 its theme too."""
    one = FEATURES[feature]
    return f"99.{one.theme}" if one.cause == "99" else one.cause


def reason_text(reason: Reason, language: str) -> dict[str, str]:
    """A reason in words: name, sentence, effect, strength and what to check at the door."""
    texts = catalogue(language)
    family = texts["families"][reason.family]
    is_told = any(one.value is not None for one in reason.facts)
    # Missing values name no cause.
    name = family["name"] if reason.effect == "risk" and is_told else family["topic"]
    pattern = texts["sentence"]
    facts = pattern["separator"].join(
        pattern["fact"].format(label=feature_label(one.feature, language), value=fact_text(one, language))
        for one in reason.facts
    )
    return {
        "name": name,
        "sentence": pattern[reason.effect].format(name=name, facts=facts),
        "effect": texts["effect"][reason.effect],
        "strength": texts["strength"][reason.strength],
        "check": family["check"],
    }


def feature_label(feature: str, language: str) -> str:
    """The feature's name, which states its window."""
    one = FEATURES[feature]
    return one.zh if language == "zh" else one.en


def fact_text(fact: ReasonFact, language: str) -> str:
    """The household's own value with its unit."""
    return format_value(fact.value, FEATURES[fact.feature].unit, language)


def _reason(family: str, facts: Sequence[ReasonFact]) -> Reason:
    total = sum(one.contribution for one in facts)
    sign = 1.0 if total > 0 else -1.0
    # Only facts that pull the way the family pulls explain it.
    along = sorted(
        (one for one in facts if one.contribution * sign > 0), key=lambda one: -abs(one.contribution)
    )
    told = [one for one in along if one.value is not None]
    # No data never protects. Where only missing values raise the estimate, that is what is said.
    shown = tuple((told or (along if total > 0 else []))[:MOST_FACTS])
    return Reason(family[:2], family, "risk" if total > 0 else "protective", total, shown)
