"""Ablation: what the list loses when a model may not look at one theme."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scoring.estimate import Estimate
from training.evaluation.measured import Difference, difference
from training.evaluation.resampling import PR_AUC, Floats

NOTHING = "nothing"
"""Left out of the model that those without a theme are compared with: the released one."""


@dataclass(frozen=True)
class Ablation:
    """A model without one theme, on the test dates of the released split: its PR-AUC and what it loses.

    `lost` is that of the released model, made alike, minus its own; an interval that spans zero says that
    the theme is not missed.
    """

    theme: str
    pr_auc: Estimate
    lost: Difference


def ablations(without: Mapping[str, tuple[Floats, Floats]]) -> tuple[Ablation, ...]:
    """One line a theme, from the passes of the models without each theme, and without `NOTHING`."""
    return tuple(
        Ablation(
            theme,
            Estimate.of(float(once[PR_AUC]), drawn[:, PR_AUC]),
            difference(without[NOTHING], (once, drawn)),
        )
        for theme, (once, drawn) in without.items()
        if theme != NOTHING
    )
