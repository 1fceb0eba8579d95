"""Ablation: what the list loses when trees may not look at one theme."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from training.evaluation.estimate import Estimate
from training.evaluation.measured import Difference, difference
from training.evaluation.resampling import PR_AUC, Floats

NOTHING = "nothing"
"""Left out of the trees that those without a theme are compared with."""


@dataclass(frozen=True)
class Ablation:
    """Trees without one theme, on the test dates of the released split: their PR-AUC and what they lose.

    `lost` is that of trees with all themes, made alike, minus theirs; an interval that spans zero says that
    the theme is not missed.
    """

    theme: str
    pr_auc: Estimate
    lost: Difference


def ablations(without: Mapping[str, tuple[Floats, Floats]]) -> tuple[Ablation, ...]:
    """One line a theme, from the passes of the trees without each theme, and without `NOTHING`."""
    return tuple(
        Ablation(
            theme,
            Estimate.of(float(once[PR_AUC]), drawn[:, PR_AUC]),
            difference(without[NOTHING], (once, drawn)),
        )
        for theme, (once, drawn) in without.items()
        if theme != NOTHING
    )
