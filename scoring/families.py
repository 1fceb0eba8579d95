"""Cause families of many households at once: their ranking, compiled, by numbers for words.

`scoring.reasons` says what a reason is and has its borders. The tests have the rules written plainly, and
hold them equal household by household, to the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from scoring.reasons import (
    KEPT_FACTS,
    LEAST_CONTRIBUTION,
    MOST_FACTS,
    MOST_PROTECTIVE_REASONS,
    MOST_RISK_REASONS,
    Effect,
    Family,
    KeptFact,
    Reason,
    ReasonFact,
    family_of,
    known,
)
from scoring.zeros import is_idle_at_zero

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int16]

NONE = -1
"""The number of a reason or fact that there is not."""


@dataclass(frozen=True)
class Ranked:
    """The reasons of n households in one direction, each household's strongest first, `NONE` where no more.

    `families` (n, reasons) are places in `Families.names`, `totals` (n, reasons) their calibrated log-odds;
    `features` (n, reasons, facts) are columns of the model, `contributions` what those added. `shares`
    (n, reasons) are the risk reasons' parts of everything that raises the risk, 0 for protective ones.
    """

    families: Numbers
    totals: Floats
    features: Numbers
    contributions: Floats
    shares: Floats


class Families:
    """The cause families of a model's features, in the order in which equals are ranked."""

    def __init__(self, feature_names: Sequence[str]) -> None:
        self.feature_names = tuple(feature_names)
        members = [family_of(one) for one in feature_names]
        self.names = tuple(sorted(set(members)))
        self._of_feature = np.array([self.names.index(one) for one in members], dtype=np.int16)
        effects: tuple[Effect, Effect] = ("risk", "protective")
        self._idle_risk, self._idle_protective = (
            np.array([is_idle_at_zero(one, effect) for one in feature_names], dtype=np.bool_)
            for effect in effects
        )

    @cached_property
    def codes(self) -> tuple[str, ...]:
        """The official code of each family."""
        return tuple(one[:2] for one in self.names)

    def rank(self, matrix: Floats, contributions: Floats) -> tuple[Ranked, Ranked]:
        """Risk reasons and protective ones of n households.

        `matrix` (n, features) has their values, NaN where missing, `contributions` (n, features) the
        calibrated log-odds that each added.
        """
        # Imported here: it brings in the compiler, which who only asks for names need not wait for.
        from scoring.ranking import rank_rows

        risk = _room(len(matrix), MOST_RISK_REASONS)
        protective = _room(len(matrix), MOST_PROTECTIVE_REASONS)
        rank_rows(
            matrix, contributions, self._of_feature, len(self.names), LEAST_CONTRIBUTION,
            self._idle_risk, self._idle_protective,
            risk.families, risk.totals, risk.features, risk.contributions, risk.shares,
            protective.families, protective.totals, protective.features, protective.contributions,
            protective.shares,
        )  # fmt: skip
        return risk, protective

    def sums(self, contributions: Floats) -> tuple[Floats, Numbers]:
        """The exact sums (n, families) of contributions (n, features), and the features that weigh most.

        Those are columns of the model (n, families, `KEPT_FACTS`), whichever way they pull, `NONE` where no
        more.
        """
        from scoring.ranking import sum_rows

        totals = np.empty((len(contributions), len(self.names)))
        strongest = np.full((*totals.shape, KEPT_FACTS), NONE, dtype=np.int16)
        sum_rows(contributions, self._of_feature, totals, strongest)
        return totals, strongest

    def told(
        self,
        totals: Sequence[float],
        strongest: Sequence[Sequence[int]],
        values: Sequence[float],
        parts: Sequence[float],
    ) -> tuple[Family, ...]:
        """One household's families with the facts that weigh most, from a row of what `sums` found.

        `values` (features,) and `parts` (features,) are its values and contributions.
        """
        return tuple([
            Family(
                name,
                total,
                tuple([
                    KeptFact(self.feature_names[at], known(values[at]), parts[at])
                    for at in facts
                    if at != NONE
                ]),
            )
            for name, total, facts in zip(self.names, totals, strongest, strict=True)
        ])

    def reasons(
        self, ranked: Ranked, row: int, values: Sequence[float], is_firm: Sequence[bool] | None = None
    ) -> list[Reason]:
        """One household's reasons in one direction with its values, strongest first.

        `values` are those of the model's features, `is_firm` says of each reason whether it is firm.
        """
        totals, shares = ranked.totals[row].tolist(), ranked.shares[row].tolist()
        features, parts = ranked.features[row].tolist(), ranked.contributions[row].tolist()
        made = []
        for at, family in enumerate(ranked.families[row].tolist()):
            if family == NONE:
                break
            facts = [
                ReasonFact(self.feature_names[one], known(values[one]), part)
                for one, part in zip(features[at], parts[at], strict=True)
                if one != NONE
            ]
            is_risk = totals[at] > 0
            made.append(
                Reason(
                    self.codes[family],
                    self.names[family],
                    "risk" if is_risk else "protective",
                    totals[at],
                    tuple(facts),
                    shares[at] if is_risk else None,
                    is_firm[at] if is_firm else None,
                )
            )
        return made

    def shown(self, ranked: Ranked, row: int) -> list[str]:
        """The families that are reasons of one household, strongest first."""
        return [self.names[one] for one in ranked.families[row].tolist() if one != NONE]


def _room(rows: int, reasons: int) -> Ranked:
    return Ranked(
        np.empty((rows, reasons), np.int16),
        np.empty((rows, reasons)),
        np.empty((rows, reasons, MOST_FACTS), np.int16),
        np.empty((rows, reasons, MOST_FACTS)),
        np.empty((rows, reasons)),
    )
