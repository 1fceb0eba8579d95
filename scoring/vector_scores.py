"""Scores of bare vectors: what can be said of a household when only its features are known.

No feeds, records or dates stand behind a vector, so nothing is said of them; a score is the same to the last
bit as that of a household whose signals give the same vector.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from scoring.grades import Grade
from scoring.model import RiskModel
from scoring.reasons import Reason, sentences

Floats = npt.NDArray[np.float64]


class VectorScores(NamedTuple):
    """Of n vectors: calibrated probabilities, their log-odds, grades, and the risk reasons of each."""

    scores: list[float]
    log_odds: list[float]
    grades: list[Grade]
    reasons: list[list[Reason]]


def score_vectors(model: RiskModel, matrix: Floats, most_reasons: int) -> VectorScores:
    """Score a matrix (n, features) whose columns are the model's, NaN where missing.

    Each has at most `most_reasons` risk reasons, strongest first.
    """
    # Explaining gives scores to the bit that a household's assessment has, reasons or not.
    explained = model.explain_matrix(matrix)
    scores = explained.scores.tolist()
    reasons: list[list[Reason]] = [[] for _ in scores]
    if most_reasons:
        families = model.families
        ranked, _ = families.rank(matrix, explained.values)
        rows = enumerate(matrix.tolist())
        reasons = [families.reasons(ranked, row, values)[:most_reasons] for row, values in rows]
    return VectorScores(
        scores, explained.log_odds.tolist(), [model.borders.grade(one) for one in scores], reasons
    )


def worded(reason: Reason) -> dict[str, str]:
    """A reason as its official code and one sentence in each of the languages."""
    zh, en = sentences(reason)
    return {"code": reason.code, "zh": zh, "en": en}
