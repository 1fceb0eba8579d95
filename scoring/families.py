"""Cause families of many households at once: their ranking, compiled, by numbers for words.

`scoring.reasons` says what a reason is and has its borders. The tests have the rules written plainly, and
hold them equal household by household, to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import NamedTuple

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


class Ranked(NamedTuple):
    """The reasons of n households in one direction, each household's strongest first, `NONE` where no more.

    `places` (n, reasons, 1 + facts) has of each reason its family and then its features, `amounts`
    (n, reasons, 2 + facts) its total and share and then what the features added: two arrays, since one
    household's are made in less time than numpy takes to begin.
    """

    places: Numbers
    amounts: Floats

    @property
    def families(self) -> Numbers:
        """Places in `Families.names` (n, reasons)."""
        return self.places[:, :, 0]

    @property
    def features(self) -> Numbers:
        """Columns of the model (n, reasons, facts)."""
        return self.places[:, :, 1:]

    @property
    def totals(self) -> Floats:
        """The families' calibrated log-odds (n, reasons)."""
        return self.amounts[:, :, 0]

    @property
    def shares(self) -> Floats:
        """The risk reasons' parts of everything that raises the risk (n, reasons), 0 for protective ones."""
        return self.amounts[:, :, 1]

    @property
    def contributions(self) -> Floats:
        """What the features added (n, reasons, facts)."""
        return self.amounts[:, :, 2:]


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
        risk = _room(len(matrix), MOST_RISK_REASONS)
        protective = _room(len(matrix), MOST_PROTECTIVE_REASONS)
        self._ranking(matrix, contributions, risk.places, risk.amounts, protective.places, protective.amounts)
        return risk, protective

    @cached_property
    def _ranking(self) -> Callable[..., None]:
        """The kernel with what it knows of the families."""
        # Imported here: it brings in the compiler, which who only asks for names need not wait for.
        from scoring.ranking import rank_rows

        return partial(
            rank_rows, self._of_feature, len(self.names), LEAST_CONTRIBUTION, self._idle_risk,
            self._idle_protective,
        )  # fmt: skip

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
        made: list[Reason] = []
        names = self.feature_names
        all_places, all_amounts = ranked.places[row].tolist(), ranked.amounts[row].tolist()
        for places, amounts in zip(all_places, all_amounts, strict=True):
            family, total = places[0], amounts[0]
            if family == NONE:
                break
            facts = []
            for at in range(1, len(places)):
                feature = places[at]
                if feature != NONE:
                    facts.append(ReasonFact(names[feature], known(values[feature]), amounts[at + 1]))
            is_risk = total > 0
            made.append(
                Reason(
                    self.codes[family],
                    self.names[family],
                    "risk" if is_risk else "protective",
                    total,
                    tuple(facts),
                    amounts[1] if is_risk else None,
                    is_firm[len(made)] if is_firm else None,
                )
            )
        return made

    def shown(self, ranked: Ranked, row: int) -> list[str]:
        """The families that are reasons of one household, strongest first."""
        return [self.names[one] for one in ranked.families[row].tolist() if one != NONE]


def _room(rows: int, reasons: int) -> Ranked:
    return Ranked(
        np.empty((rows, reasons, 1 + MOST_FACTS), np.int16), np.empty((rows, reasons, 2 + MOST_FACTS))
    )
