"""Disagreement: where the departments' rules and the model say opposite things of one household.

Either may be right. It is a mark for the person who visits, and for whoever reviews rules and model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from scoring.grades import Grade
from scoring.triggers import TriggerHit

Disagreement = Literal["rule_only", "score_only"]


def find_disagreement(grade: Grade, hits: Sequence[TriggerHit]) -> Disagreement | None:
    """``rule_only``: an alert with a low grade; ``score_only``: a high grade without any alert."""
    if hits:
        return "rule_only" if grade == "low" else None
    return "score_only" if grade == "high" else None
