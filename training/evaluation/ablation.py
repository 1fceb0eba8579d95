"""Ablation: what the list loses when the model may not look at one theme."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from training.evaluation.estimate import Estimate
from training.evaluation.measured import Difference, difference
from training.evaluation.resampling import PR_AUC, Floats


@dataclass(frozen=True)
class Ablation:
    """The model without one theme, on the test dates of the released split: its PR-AUC and what it loses.

    `lost` is the full model minus it; an interval that spans zero says that the theme is not missed.
    """

    theme: str
    pr_auc: Estimate
    lost: Difference


def ablations(
    without: Mapping[str, tuple[Floats, Floats]], ours: tuple[Floats, Floats]
) -> tuple[Ablation, ...]:
    """One line a theme, from the passes of ours and of each model without a theme."""
    return tuple(
        Ablation(
            name.partition(" ")[2],
            Estimate.of(float(once[PR_AUC]), drawn[:, PR_AUC]),
            difference(ours, (once, drawn)),
        )
        for name, (once, drawn) in without.items()
    )
