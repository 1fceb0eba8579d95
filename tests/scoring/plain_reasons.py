"""The rules of reasons written plainly, household by household: what the compiled ranking is held against."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from scoring.reasons import (
    LEAST_CONTRIBUTION,
    MOST_FACTS,
    MOST_PROTECTIVE_REASONS,
    MOST_RISK_REASONS,
    Effect,
    KeptFact,
    Reason,
    ReasonFact,
    family_of,
    known,
)
from scoring.zeros import is_idle_at_zero


class FamilySum(NamedTuple):
    """The exact sum of a cause family's contributions, and its parts: (feature, contribution)."""

    name: str
    contribution: float
    parts: list[tuple[str, float]]

    def strongest(self, values: Mapping[str, float], count: int) -> tuple[KeptFact, ...]:
        """The facts that weigh most, whichever way."""
        found = sorted(self.parts, key=lambda one: -abs(one[1]))[:count]
        return tuple([KeptFact(name, known(values[name]), contribution) for name, contribution in found])


def sum_families(contributions: Mapping[str, float]) -> list[FamilySum]:
    """The cause families that the contributions (log-odds of each feature) speak for, by name.

    The sum of a family is exact to the last bit (`math.fsum`).
    """
    parts: dict[str, list[tuple[str, float]]] = {}
    for one in contributions.items():
        parts.setdefault(family_of(one[0]), []).append(one)
    return [
        FamilySum(name, math.fsum([contribution for _, contribution in found]), found)
        for name, found in sorted(parts.items())
    ]


def find_reasons(
    values: Mapping[str, float], contributions: Mapping[str, float]
) -> tuple[list[Reason], list[Reason]]:
    """Risk reasons (at most four) and protective ones (at most three), each strongest first.

    `values` are the household's feature values (NaN where missing), `contributions` the log-odds each
    feature of the model added.
    """
    return rank_reasons(sum_families(contributions), values)


def rank_reasons(
    families: Sequence[FamilySum], values: Mapping[str, float]
) -> tuple[list[Reason], list[Reason]]:
    """The reasons of `find_reasons`, from the families' sums.

    A family that has no fact to tell is no reason; its part of the risk stays in the others' shares.
    """
    raised = math.fsum([one.contribution for one in families if one.contribution > 0])
    worth = [one for one in families if abs(one.contribution) >= LEAST_CONTRIBUTION]
    worth.sort(key=lambda one: (-abs(one.contribution), one.name))
    risk = [_reason(one, values, one.contribution / raised) for one in worth if one.contribution > 0]
    protective = [_reason(one, values, None) for one in worth if one.contribution < 0]
    return (
        [one for one in risk if one.facts][:MOST_RISK_REASONS],
        [one for one in protective if one.facts][:MOST_PROTECTIVE_REASONS],
    )


def _reason(family: FamilySum, values: Mapping[str, float], share: float | None) -> Reason:
    sign = 1.0 if family.contribution > 0 else -1.0
    # Only facts that pull the way the family pulls explain it.
    along = sorted((one for one in family.parts if one[1] * sign > 0), key=lambda one: -abs(one[1]))
    effect: Effect = "risk" if sign > 0 else "protective"
    told = [
        one
        for one in along
        if not math.isnan(values[one[0]]) and not (values[one[0]] == 0 and is_idle_at_zero(one[0], effect))
    ]
    missing = [one for one in along if math.isnan(values[one[0]])]
    # No data never protects. Where only missing values raise the estimate, that is what is said.
    shown = (told or (missing if sign > 0 else []))[:MOST_FACTS]
    return Reason(
        code=family.name[:2],
        family=family.name,
        effect=effect,
        contribution=family.contribution,
        facts=tuple(ReasonFact(name, known(values[name]), contribution) for name, contribution in shown),
        share=share,
    )
