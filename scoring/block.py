"""A block of households assessed at once: what `Assessor` says of each, as columns.

For a whole province no object is made for a household. The rules are those of `scoring.assessment`,
`reasons`, `triggers` and `grades`, held equal by a test.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import get_args

import numpy as np
import numpy.typing as npt

from features import policy_value
from scoring.assessment import Action
from scoring.certainty import Certainties
from scoring.families import Families, Ranked
from scoring.grades import GRADES
from scoring.model import Explanation, RiskModel
from scoring.outlook import Outlook
from scoring.triggers import TRIGGERS, Columns

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int8]

ACTIONS: tuple[Action, ...] = get_args(Action)

ROWS_AT_ONCE = 16_384
"""Contributions of so many rows are held at once: 18 MB for 137 features."""


@dataclass(frozen=True)
class Hits:
    """The rule hits of n households: `fired` (n, triggers), values and levels in the features' units.

    `is_assumption` (triggers,) says whether a level is one.
    """

    fired: Bools
    values: Floats
    levels: Floats
    is_assumption: Bools


@dataclass(frozen=True)
class Block:
    """Scores (n,), grades and suggested actions (n,) as places in `GRADES` and `ACTIONS`, reasons, hits.

    `log_odds` and `base` (n,) are those of `Explanation`; `certainties` and `outlook` are None for a model
    that tells none.
    """

    scores: Floats
    log_odds: Floats
    base: Floats
    grades: Places
    actions: Places
    risk: Ranked
    protective: Ranked
    hits: Hits
    certainties: Certainties | None = None
    outlook: Outlook | None = None


class BlockAssessor:
    """Assesses blocks of households with one model and the policy of one region on one date."""

    def __init__(self, model: RiskModel, region: str, as_of: dt.date) -> None:
        self.model = model
        self.region = region
        self.as_of = as_of
        self.families = Families(model.feature_names)
        self._is_assumption = np.array([
            any(policy_value(name, region, as_of).is_assumption for name in trigger.parameters)
            for trigger in TRIGGERS
        ])

    def assess(self, matrix: Floats, columns: Columns, is_watched: Bools) -> Block:
        """Assess n households.

        `matrix` (n, features) has the model's features in order, `columns` those that triggers read;
        `is_watched` (n,) says of whom a feed is silent or at fault, which is never "no risk".
        """
        (scores, log_odds, base), risk, protective = self._explained(matrix)
        borders = self.model.borders
        # The contributions are no longer held; certainty does not look at them.
        told = Explanation(scores, log_odds, base, np.zeros((0, 0)))
        grades = np.where(scores >= borders.high, 0, np.where(scores >= borders.medium, 1, 2))
        hits = self._hits(columns, len(matrix))
        is_visit = (grades == GRADES.index("high")) | hits.fired.any(axis=1)
        is_watch = (grades == GRADES.index("medium")) | is_watched
        visit, watch, routine = (ACTIONS.index(one) for one in ("visit", "watch", "routine"))
        actions = np.where(is_visit, visit, np.where(is_watch, watch, routine))
        return Block(
            scores, log_odds, base, grades.astype(np.int8), actions.astype(np.int8), risk, protective, hits,
            self.model.certainties(told, matrix, is_watched),
            self.model.look(matrix, scores, log_odds, self.as_of),
        )  # fmt: skip

    def _explained(self, matrix: Floats) -> tuple[tuple[Floats, Floats, Floats], Ranked, Ranked]:
        numbers: list[tuple[Floats, Floats, Floats]] = []
        risks, protectives = [], []
        for start in range(0, max(1, len(matrix)), ROWS_AT_ONCE):
            rows = matrix[start : start + ROWS_AT_ONCE]
            explained = self.model.explain_matrix(rows)
            risk, protective = self.families.rank(rows, explained.values)
            numbers.append((explained.scores, explained.log_odds, explained.base))
            risks.append(risk)
            protectives.append(protective)
        scores, log_odds, base = (np.concatenate(one) for one in zip(*numbers, strict=True))
        return (scores, log_odds, base), _joined(risks), _joined(protectives)

    def _hits(self, columns: Columns, rows: int) -> Hits:
        fired = np.zeros((rows, len(TRIGGERS)), dtype=np.bool_)
        values, levels = np.zeros(fired.shape), np.zeros(fired.shape)
        for at, trigger in enumerate(TRIGGERS):
            fired[:, at] = trigger.excess(columns, self.as_of, self.region) >= 1
            values[:, at] = columns[trigger.feature]
            levels[:, at] = trigger.level(columns, self.as_of, self.region)
        return Hits(fired, values, levels, self._is_assumption)


def _joined(parts: list[Ranked]) -> Ranked:
    if len(parts) == 1:
        return parts[0]
    return Ranked(
        np.concatenate([one.places for one in parts]), np.concatenate([one.amounts for one in parts])
    )
