"""Cause families of many households at once: the ranking of `find_reasons`, compiled, by numbers for words.

`scoring.reasons` says what a reason is; its borders, its families and its order hold here to the last bit,
which a test checks household by household.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from scoring.reasons import (
    LEAST_CONTRIBUTION,
    MOST_FACTS,
    MOST_PROTECTIVE_REASONS,
    MOST_RISK_REASONS,
    Effect,
    family_of,
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

        found = tuple(_none(len(matrix), most) for most in (MOST_RISK_REASONS, MOST_PROTECTIVE_REASONS))
        risk, protective = found
        rank_rows(
            matrix, contributions, self._of_feature, len(self.names), LEAST_CONTRIBUTION,
            self._idle_risk, self._idle_protective,
            risk.families, risk.totals, risk.features, risk.contributions, risk.shares,
            protective.families, protective.totals, protective.features, protective.contributions,
        )  # fmt: skip
        return risk, protective

    def shown(self, ranked: Ranked, row: int) -> list[str]:
        """The families that are reasons of one household, strongest first."""
        return [self.names[one] for one in ranked.families[row].tolist() if one != NONE]


def _none(rows: int, reasons: int) -> Ranked:
    return Ranked(
        np.full((rows, reasons), NONE, dtype=np.int16),
        np.zeros((rows, reasons)),
        np.full((rows, reasons, MOST_FACTS), NONE, dtype=np.int16),
        np.zeros((rows, reasons, MOST_FACTS)),
        np.zeros((rows, reasons)),
    )
